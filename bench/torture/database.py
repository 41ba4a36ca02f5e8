"""A migrated database in memory, made once and put back for each schedule."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from sqlalchemy import event

from bench.torture.clock import SimulatedClock
from sync.store import migrate
from sync.store.session import Database


class MemoryDatabase:
    """One engine for all schedules of this process: what it has compiled stays compiled."""

    def __init__(self) -> None:
        self.database = Database("sqlite://")
        self._clock: SimulatedClock | None = None
        migrate.upgrade(self.database)
        with self.database.engine.connect() as connection:
            self._template = _raw(connection).serialize()
        event.listen(self.database.engine, "connect", self._connected)
        ticking(self.database, lambda: self._clock)

    def _connected(self, connection: sqlite3.Connection, _record: object) -> None:
        if self._clock is not None:
            self._clock.rule(connection)

    def fresh(self, clock: SimulatedClock) -> Database:
        """The empty database, under this clock."""
        self._clock = clock
        self.database.engine.dispose()
        with self.database.engine.connect() as connection:
            _raw(connection).deserialize(self._template)
        return self.database


class Place(Protocol):
    """Where schedules are played."""

    database: Database

    def fresh(self, clock: SimulatedClock) -> Database:
        """The empty database, under this clock."""


def ticking(database: Database, clock: Callable[[], SimulatedClock | None]) -> None:
    """Let a moment pass with every transaction, whatever the database is."""

    def begun(_connection: object) -> None:
        if (present := clock()) is not None:
            present.tick()

    event.listen(database.engine, "begin", begun)


def _raw(connection: Any) -> sqlite3.Connection:
    found: sqlite3.Connection = connection.connection.driver_connection
    return found


@cache
def memory() -> MemoryDatabase:
    """The one of this process."""
    return MemoryDatabase()
