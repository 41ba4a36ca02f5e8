from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import cast

import pytest

from cli.main import run
from tests.e2e.conftest import Done, Shell
from tests.tasks.conftest import crm


class Terminal(Shell):
    """A person at a terminal, without the second that every new process costs."""

    def run(self, *arguments: str, code: int | None = 0, stdin: str | None = None) -> Done:
        """Run one command in this process; fails the test on another exit code."""
        out, err = io.StringIO(), io.StringIO()
        before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO((stdin or "").encode()))
        try:
            with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
                run(arguments)
        finally:
            sys.stdin = before
        done = Done(cast("int", ended.value.code), out.getvalue(), err.getvalue())
        assert code is None or done.code == code, (arguments, done)
        return done


__all__ = ["crm"]


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A fresh installation."""
    for name in [name for name in os.environ if name.startswith("CONCORD_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "data"
    monkeypatch.setenv("CONCORD_DATA", str(folder))
    yield Terminal(folder)
    gc.unfreeze()  # what `wiring.build` froze for a short-lived process
