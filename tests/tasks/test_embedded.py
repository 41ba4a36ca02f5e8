"""The worker and ticker inside one process: SQLite, no Redis, nothing outside."""

from __future__ import annotations

import threading

import pytest

from connectors.memory import KEY
from sync import connect
from sync.store import schedules
from sync.store.session import Database
from tasks.worker import EmbeddedWorker
from tests.tasks.conftest import until
from tests.world import World


def test_it_carries_changes_both_ways_and_stops(sqlite: Database) -> None:
    world = World(sqlite)
    crm = world.connect()
    world.sync()
    with sqlite.transaction() as tx:
        schedules.put(tx, world.ids["crm"], "pull", 1)
    worker = EmbeddedWorker(world.services, world.events.append, every=0.1)
    worker.start()
    try:
        crm.create({KEY: "there", "name": "There"})
        world.add("here")
        until(lambda: set(world.customers()) == {"there", "here"}, 20)
        until(lambda: {each.values[KEY] for each in crm.records.values()} == {"there", "here"}, 20)

        connect.pause(sqlite, world.connection(), actor="test")
        world.add("later")
        with pytest.raises(AssertionError):
            until(lambda: len(crm.records) > 2, 1)
        connect.resume(sqlite, world.connection(), actor="test")
        until(lambda: len(crm.records) == 3, 20)
    finally:
        worker.stop()
    assert not [each for each in threading.enumerate() if each.name in ("worker", "tick")]
    kinds = {event["kind"] for event in world.events if event.get("event") == "run"}
    assert kinds == {"pull", "push"}


def test_a_beat_outlives_whatever_it_meets(sqlite: Database) -> None:
    world = World(sqlite)
    world.connect()
    world.sync()
    healthy = threading.Event()
    broken = world.services.database.engine.url.database
    assert broken
    worker = EmbeddedWorker(world.services, world.events.append, every=0.05)
    with sqlite.transaction() as tx:
        schedules.put(tx, world.ids["crm"], "pull", 1)
        tx.exec_driver_sql("ALTER TABLE schedules RENAME TO away")
    worker.start()
    try:
        healthy.wait(0.4)  # several beats fail
        with sqlite.transaction() as tx:
            tx.exec_driver_sql("ALTER TABLE away RENAME TO schedules")
        world.crms["crm"].create({KEY: "k1", "name": "N"})
        until(lambda: "k1" in world.customers(), 20)
    finally:
        worker.stop()
