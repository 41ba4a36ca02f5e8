"""Processes of Concord, forked from one that has loaded it: the same code, started in a tenth of a second.

Each leads a session of its own, so that it can be killed with its children.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

PRELOADED = (
    "cli.main",
    "cli.processes",
    "cli.serve",
    "cli.syncing",
    "cli.undo",
    "cli.runs",
    "cli.sandbox",
    "celery.app.amqp",
    "celery.concurrency.prefork",
    "celery.worker.components",
    "celery.worker.consumer",
    "celery.worker.strategy",
    "kombu.transport.redis",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "connectors.hubspot",
    "connectors.salesforce",
)
PATIENCE = 60.0


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


@dataclass(frozen=True, slots=True)
class Running:
    """A process at work, and where it writes what it says."""

    process: ForkServerProcess
    log: Path

    @property
    def pid(self) -> int:
        """Its id, and that of its session."""
        assert self.process.pid is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.is_alive()

    def said(self) -> str:
        """All that it has said."""
        return self.log.read_text(errors="replace")

    def first_line(self) -> str:
        """The first line that it says, once it has.

        Raises:
            RuntimeError: it ended without a word.
        """
        for _ in _waiting(PATIENCE):
            line, end, _rest = self.said().partition("\n")
            if end:
                return line
            if not self.alive:
                break
        raise RuntimeError(f"it said nothing: {self.said()}")

    def wait(self, seconds: float = PATIENCE) -> int | None:
        """Its exit code once it has ended; None if it has not."""
        self.process.join(seconds)
        return self.process.exitcode

    def kill(self) -> None:
        """End it and its children at once."""
        self.signal(signal.SIGKILL)
        self.process.join(PATIENCE)

    def stop(self) -> None:
        """Let it end what it is at."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        if self.wait(30) is None:
            self.kill()

    def signal(self, number: int) -> None:
        """Send a signal to it and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def start(words: Sequence[str], environment: Mapping[str, str], log: Path) -> Running:
    """Start `concord` with these words."""
    process = _context().Process(
        target=_become, args=(tuple(words), dict(environment), str(log)), daemon=True
    )
    log.touch()
    process.start()
    return Running(process, log)


def _become(words: tuple[str, ...], environment: dict[str, str], log: str) -> None:
    os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["concord", *words]
    _run()


def _run() -> Any:
    from cli.main import run  # noqa: PLC0415 - in the new process alone

    run()


def _waiting(seconds: float) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.02)
