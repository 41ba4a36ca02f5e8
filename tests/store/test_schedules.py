"""Schedules and ticks: any number of tickers, each due slot taken once, nothing lost by a missed one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from connectors.memory import KEY
from sync.store import connections, schedules
from sync.store.connections import ConnectionState
from sync.store.query import now, rows
from sync.store.worktables import jobs
from sync.store.worktables import schedules as table
from tasks.jobs import drain
from tasks.schedule import tick
from tests.store.together import together
from tests.world import World


def put(world: World, every: int = 60, name: str = "crm") -> None:
    with world.database.transaction() as tx:
        schedules.put(tx, world.ids[name], "pull", every)


def asked(world: World) -> dict[str, int]:
    with world.database.reading() as tx:
        found = rows(tx, select(jobs).where(jobs.c.state == "open"))
    return {row["kind"]: row["asked"] for row in found}


def late(world: World, seconds: float) -> None:
    """Let time pass for the schedule."""
    with world.database.transaction() as tx:
        at = now(tx) - timedelta(seconds=seconds)
        tx.execute(update(table).values(next_run_at=at))


def next_in(world: World) -> float:
    with world.database.reading() as tx:
        (slot,) = schedules.of(tx, world.ids["crm"])
        wait: timedelta = slot["next_run_at"] - now(tx)
    return wait.total_seconds()


def test_each_slot_is_taken_once_by_several_tickers(world: World) -> None:
    put(world)
    taken = []
    for _ in range(5):
        late(world, 1)

        def take(_number: int) -> list[Any]:
            with world.database.transaction() as tx:
                return schedules.take_due(tx)

        taken += [slot["kind"] for found in together(5, take) for slot in found]
    assert taken == ["pull"] * 5


def test_slots_that_were_missed_fire_once(world: World) -> None:
    put(world)
    late(world, 3_600)
    assert tick(world.services)
    assert asked(world) == {"pull": 1}
    assert 55 < next_in(world) <= 60
    tick(world.services)
    assert asked(world) == {"pull": 1}


def test_a_schedule_is_put_anew(world: World) -> None:
    put(world)
    assert next_in(world) <= 0
    tick(world.services)
    put(world, every=5)
    assert next_in(world) <= 0
    tick(world.services)
    assert 3 < next_in(world) <= 5


def test_only_active_connections_are_looked_at(world: World) -> None:
    put(world)
    for state in ConnectionState:
        if state is not ConnectionState.ACTIVE:
            with world.database.transaction() as tx:
                connections.set_state(tx, world.ids["crm"], state)
            assert not tick(world.services)
    assert asked(world) == {}


def test_tickers_at_once_ask_for_one_pull_and_one_push(world: World) -> None:
    """Also where a change that waits to be pushed is seen by all of them."""
    world.sync()
    put(world)
    world.add("k1")
    assert together(5, lambda _number: tick(world.services)) == [True] * 5
    assert asked(world)["pull"] == 1
    assert set(asked(world)) == {"pull", "push"}
    with world.database.reading() as tx:
        assert len(rows(tx, select(jobs).where(jobs.c.state == "open"))) == 2


def test_ticks_and_workers_at_once_do_each_thing_once(world: World) -> None:
    """Invariants I2 and I8: no duplicate in the CRM, and it comes to rest."""
    crm = world.connect("second")
    for name in ("crm", "second"):
        world.sync(name)
        put(world, every=3_600, name=name)
    for number in range(10):
        world.add(f"here{number}")
        crm.create({KEY: f"there{number}", "name": f"There {number}"})
    workers = [World(world.database, world.crms, world.ids, owner=f"w{number}") for number in range(4)]

    def work(number: int) -> None:
        for _ in range(6):
            if tick(workers[number].services):
                drain(workers[number].services, workers[number].events.append)

    together(4, work)
    work(0)
    assert len(world.customers()) == 20
    for each in world.crms.values():
        keys = [record.values[KEY] for record in each.records.values()]
        assert sorted(map(str, keys)) == sorted(world.customers())
    assert not tick(world.services)
    runs = [event for each in workers for event in each.events if event["event"] == "run"]
    # Pushes go on beside the pull, so that it may see what they have just made; it is taken in by none.
    assert sum(int(str(event["created_local"])) for event in runs) == 10
    assert sum(int(str(event["created_remote"])) for event in runs) == 30
