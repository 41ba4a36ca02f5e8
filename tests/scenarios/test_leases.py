"""A push of many records keeps its lease from portion to portion; whoever lost it writes nothing more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync.services import LEASE_SECONDS
from sync.store import intents
from sync.store.query import now, rows
from sync.store.types import db_now
from sync.store.worktables import changes, lanes
from sync.work import LeaseLostError
from tests.world import World

COUNT = 10
PORTION = 4


@pytest.fixture(params=["conditional", "history"])
def crm(world: World, request: pytest.FixtureRequest) -> MemoryCrm:
    """Ten customers in sync and changed here, in a CRM that takes four at a time."""
    crm = MemoryCrm(page_size=COUNT, write_size=PORTION, conditional_write=request.param == "conditional")
    world.connect(crm=crm)
    for number in range(COUNT):
        crm.create({KEY: f"k{number}", "name": f"Customer {number}", "email": f"k{number}@example.com"})
    world.sync()
    for number in range(COUNT):
        world.change(f"k{number}", f"email=ours{number}@example.com")
    return crm


def ours(crm: MemoryCrm) -> int:
    return sum(str(record.values.get("email")).startswith("ours") for record in crm.records.values())


def at_write(crm: MemoryCrm, number: int, act: Callable[[], None]) -> None:
    """Do something just before the CRM carries out its so-many-eth write from now on."""
    left = {"calls": number}

    def called() -> None:
        left["calls"] -= 1
        if not left["calls"]:
            act()

    crm.before_write = called


def test_the_lease_is_renewed_between_portions(world: World, crm: MemoryCrm) -> None:
    left: list[float] = []

    def slow() -> None:
        """A CRM that takes a minute for each portion: the lease has a minute less by its end."""
        with world.database.transaction() as tx:
            (lane,) = rows(tx, select(lanes).where(lanes.c.lane == "push"))
            left.append((lane["lease_until"] - now(tx)).total_seconds())
            tx.execute(update(lanes).where(lanes.c.lane == "push").values(lease_until=db_now()))

    crm.before_write = slow
    world.sync()
    assert ours(crm) == COUNT
    assert len(left) == 3
    assert min(left) > LEASE_SECONDS / 2
    assert world.queue() == []


def take_over(world: World) -> Callable[[], None]:
    """Another process takes the lane, settles what it finds, and pushes what is left."""

    def act() -> None:
        with world.database.transaction() as tx:
            tx.execute(update(lanes).values(lease_until=db_now()))
        World(world.database, world.crms, world.ids, owner="another").sync()

    return act


@pytest.mark.parametrize("portion", [1, 2, 3])
def test_whoever_lost_its_lease_sends_no_further_portion_and_keeps_nothing(
    world: World, crm: MemoryCrm, portion: int
) -> None:
    calls = crm.calls.get("write", 0)
    at_write(crm, portion, take_over(world))
    with pytest.raises(LeaseLostError):
        world.sync()
    # The other one wrote all that had not landed, in as few portions as it takes.
    left = COUNT - PORTION * (portion - 1)
    assert crm.calls["write"] - calls == portion + -(-left // PORTION)
    assert ours(crm) == COUNT
    world.settle()
    with world.database.reading() as tx:
        assert intents.load(tx, world.ids["crm"]) == []
        applied = rows(tx, select(changes.c.ref).where(changes.c.action == "update_crm"))
    assert sorted(row["ref"] for row in applied) == sorted(crm.records), "each is told once"
    assert world.queue() == []


def test_a_portion_that_fails_as_a_whole_ends_the_batch(world: World, crm: MemoryCrm) -> None:
    calls = crm.calls.get("write", 0)
    state = {"down": True}
    crm.fault = lambda kind, _write: "unavailable" if kind == "write" and state["down"] else None
    at_write(crm, 4, lambda: state.update(down=False))
    world.sync()
    # Three passes: two are given up after one portion, the third finds the CRM well from its second on.
    assert ours(crm) < COUNT
    assert crm.calls["write"] - calls == 3
    crm.fault = lambda _kind, _write: None
    world.settle()
    assert ours(crm) == COUNT


@pytest.mark.parametrize("portion", [2, 3])
def test_a_creation_under_a_lost_lease_is_settled_by_whoever_took_over(world: World, portion: int) -> None:
    crm = world.connect(crm=MemoryCrm(write_size=PORTION))
    world.sync()
    for number in range(COUNT):
        world.add(f"n{number}")
    at_write(crm, portion, take_over(world))
    with pytest.raises(LeaseLostError):
        world.sync()
    world.settle()
    assert sorted(str(record.values[KEY]) for record in crm.records.values()) == [
        f"n{number}" for number in range(COUNT)
    ]
    assert len(world.links()) == COUNT
    assert world.queue() == []


@pytest.mark.parametrize("portion", [1, 2])
def test_an_older_value_that_lands_after_the_lease_is_written_over_by_the_newer_one(
    world: World, crm: MemoryCrm, portion: int
) -> None:
    """A worker was frozen as it was about to write; its successor has written what came since."""

    def act() -> None:
        take_over(world)()
        for number in range(COUNT):
            world.change(f"k{number}", f"email=ours-newer{number}@example.com")
        take_over(world)()

    at_write(crm, portion, act)
    with pytest.raises(LeaseLostError):
        world.sync()
    world.settle()
    newest = [f"ours-newer{number}@example.com" for number in range(COUNT)]
    assert [record.values["email"] for record in crm.records.values()] == newest
    assert [world.values(f"k{number}")["email"] for number in range(COUNT)] == newest
    assert world.queue() == []
