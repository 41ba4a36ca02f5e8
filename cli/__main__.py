"""`python -m cli` is `concord`."""

from __future__ import annotations

from cli.main import run

run()
