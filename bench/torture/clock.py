"""Time and chance in a schedule's hand: nothing in it depends on the machine, so a seed replays exactly."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sync import clock, lanes

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = 0.001  # seconds that pass whenever somebody looks at the clock, or begins a transaction


class SimulatedClock:
    """Stands in for the modules `time` and `os` where Concord asks them, and for the database's clock."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.elapsed = 0.0

    @property
    def now(self) -> datetime:
        """The time, without looking at the clock."""
        return START + timedelta(seconds=self.elapsed)

    def pass_time(self, seconds: float) -> None:
        """Let time pass for everybody."""
        self.elapsed += seconds

    def tick(self) -> None:
        """A moment passes."""
        self.elapsed += STEP

    def monotonic(self) -> float:
        """As in `time`."""
        self.elapsed += STEP
        return self.elapsed

    def time_ns(self) -> int:
        """As in `time`."""
        self.elapsed += STEP
        return int((START.timestamp() + self.elapsed) * 1_000_000_000)

    def sleep(self, seconds: float) -> None:
        """As in `time`, at once."""
        self.elapsed += seconds

    def urandom(self, size: int) -> bytes:
        """As in `os`."""
        return self._random.randbytes(size)

    def strftime(self, _form: str, _moment: str, *modifiers: str) -> str:
        """SQLite's function, as Concord calls it: now, or so many seconds later."""
        at = self.now + timedelta(seconds=sum(float(each.split()[0]) for each in modifiers))
        return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}000"

    def rule(self, connection: sqlite3.Connection) -> None:
        """Make it the clock of a database connection."""
        connection.create_function("strftime", -1, self.strftime)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Make it the clock of this process's Concord."""
        places: list[tuple[Any, str]] = [(clock, "time"), (clock, "os"), (lanes, "time")]
        before = [getattr(module, name) for module, name in places]
        try:
            for module, name in places:
                setattr(module, name, self)
            yield
        finally:
            for (module, name), real in zip(places, before, strict=True):
                setattr(module, name, real)
