"""A page costs the same number of SQL statements however many records it holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import event

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from tests.world import World


def statements(world: World, work: Callable[[], object]) -> int:
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    event.listen(world.database.engine, "before_cursor_execute", counted)
    try:
        work()
    finally:
        event.remove(world.database.engine, "before_cursor_execute", counted)
    return count


def create(crm: MemoryCrm, first: int, last: int) -> None:
    for number in range(first, last):
        crm.create({KEY: f"k{number}", "name": f"C{number}", "email": f"k{number}@example.com"})


def edit_there(world: World, crm: MemoryCrm, count: int) -> None:
    for ref in sorted(crm.records)[:count]:
        crm.edit(ref, {"phone": f"+1 217 555 01{crm.records[ref].version:02d}"})


def edit_here(world: World, crm: MemoryCrm, count: int) -> None:
    for ref in sorted(crm.records)[:count]:
        world.change(str(crm.records[ref].values[KEY]), f"phone_number=+1 217 555 02{count:02d}")


def conflict(world: World, crm: MemoryCrm, count: int) -> None:
    edit_there(world, crm, count)
    edit_here(world, crm, count)


def add_here(world: World, crm: MemoryCrm, count: int) -> None:
    for number in range(count):
        world.add(f"new{count}-{number}", email=f"new{count}-{number}@example.com")


@pytest.mark.parametrize("prepare", [edit_there, edit_here, conflict, add_here])
def test_of_a_sync(world: World, prepare: Callable[[World, MemoryCrm, int], None]) -> None:
    crm = world.connect()
    create(crm, 0, 60)
    world.sync()
    prepare(world, crm, 1)
    world.sync()
    prepare(world, crm, 2)
    few = statements(world, world.sync)
    prepare(world, crm, 45)
    many = statements(world, world.sync)
    assert many == few


def test_of_a_first_listing(world: World) -> None:
    counts = []
    crms = {name: world.connect(name) for name in ("one", "two")}
    for name, size in (("one", 2), ("two", 80)):
        for number in range(size):
            crms[name].create({KEY: f"{name}{number}", "name": f"C{number}"})
        counts.append(statements(world, lambda name=name: world.sync(name, kind="pull")))  # type: ignore[misc]
    assert counts[0] == counts[1]


def test_of_a_page_in_which_nothing_changed(world: World) -> None:
    """The lease and whether to go on, the sightings, the cursor: three short transactions."""
    counts = []
    for name, size in (("one", 100), ("two", 200)):
        crm = world.connect(name, crm=MemoryCrm(page_size=10))
        for number in range(size):
            crm.create({KEY: f"{name}{number}", "name": f"C{number}"})
        world.sync(name, kind="pull")
        counts.append(statements(world, lambda name=name: world.sync(name, kind="pull", full=True)))  # type: ignore[misc]
    begins = 3 if world.database.dialect == "sqlite" else 0
    assert (counts[1] - counts[0]) / 10 == 4 + begins


def test_of_a_new_page(world: World) -> None:
    counts = []
    for name, size in (("one", 100), ("two", 200)):
        crm = world.connect(name, crm=MemoryCrm(page_size=10))
        for number in range(size):
            crm.create({KEY: f"{name}{number}", "name": f"C{number}", "email": f"{name}{number}@example.com"})
        counts.append(statements(world, lambda name=name: world.sync(name, kind="pull")))  # type: ignore[misc]
    assert (counts[1] - counts[0]) / 10 <= 30
