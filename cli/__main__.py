"""`python -m cli` is `concord`."""

from __future__ import annotations

from cli.main import run

if __name__ == "__main__":  # the processes of `serve` import this module, too
    run()
