"""A disk that fills up in mid-run: the message says so, and the next run loses nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from connectors.memory import KEY
from sync.errors import StoreError
from sync.store import migrate
from sync.store.schema import customers, links
from sync.store.session import Database
from tests.world import World

RECORDS = 3_000


@contextmanager
def full_after(database: Database, pages: int) -> Iterator[None]:
    """The file cannot grow by more than so many pages: SQLite then answers as on a full disk."""

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        (size,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {size + pages}")

    database.engine.dispose()
    event.listen(database.engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(database.engine, "connect", limit)
        database.engine.dispose()


@pytest.mark.parametrize("pages", [0, 1, 40, 300])
def test_a_full_disk_stops_a_run_and_loses_nothing(tmp_path: Path, pages: int) -> None:
    database = Database(f"sqlite:///{tmp_path / 'concord.db'}")
    migrate.upgrade(database)
    world = World(database)
    crm = world.connect()
    for number in range(RECORDS):
        crm.create({KEY: f"k{number}", "name": f"Customer {number}", "email": f"k{number}@example.com"})
    world.add("ours", email="ours@example.com")

    with full_after(database, pages), pytest.raises(StoreError, match="disk with the database is full"):
        world.sync()
    with database.reading() as tx:
        held = tx.scalar(select(func.count()).select_from(customers))
        linked = tx.scalar(select(func.count()).select_from(links))
    assert held == (linked or 0) + 1  # a page lands whole or not at all

    world.sync()
    assert world.settle()[-1].counts["writes"] == 0
    assert len(world.customers()) == RECORDS + 1
    assert len(crm.records) == RECORDS + 1
    database.close()
