"""A push whose page has to be planned again sends what the last plan says, and that once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync import ingest
from sync.again import whom_it_bears_on
from sync.store import intents
from tests.world import World

REF = "m000001"
FIRST, SECOND = "+12175550100", "+12175550199"


@pytest.fixture(params=["conditional", "history"])
def crm(world: World, request: pytest.FixtureRequest) -> MemoryCrm:
    """A CRM with records in sync: one that writes conditionally, and one that keeps a history."""
    crm = world.connect(crm=MemoryCrm(conditional_write=request.param == "conditional"))
    for key in ("a1", "b1", "c1"):
        crm.create({KEY: key, "name": key})
    world.sync()
    return crm


def deadlocked(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None]) -> None:
    """Let the first attempt at a page end as a deadlock does, and something happen before the second."""
    real_again = ingest._attempt_or_split
    state = {"left": 1}

    def end(*args: object) -> object:
        if state["left"]:
            state["left"] = 0
            raise OperationalError("", {}, Exception("deadlock detected"))
        return whom_it_bears_on(*args)  # type: ignore[arg-type]

    def again(*args: object) -> None:
        meanwhile()
        real_again(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(ingest, "whom_it_bears_on", end)
    monkeypatch.setattr(ingest, "_attempt_or_split", again)


def written(crm: MemoryCrm) -> list[object]:
    """The telephone numbers that were written by us, in order."""
    return [value for _, name, value, ours in crm.records[REF].history if name == "phone" and ours]


def at_rest(world: World) -> None:
    with world.database.reading() as tx:
        assert intents.load(tx, world.ids["crm"]) == []
    world.settle()
    assert world.queue() == []


def test_it_is_sent_once(world: World, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch) -> None:
    world.change("a1", f"phone_number={FIRST}")
    deadlocked(monkeypatch, lambda: None)
    assert world.sync(kind="push").counts["writes"] == 1
    assert written(crm) == [FIRST]
    at_rest(world)


def test_what_was_changed_meanwhile_is_sent_as_it_is(
    world: World, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.change("a1", f"phone_number={FIRST}")
    deadlocked(monkeypatch, lambda: world.change("a1", f"phone_number={SECOND}"))
    world.sync(kind="push")
    assert written(crm) == [SECOND]
    at_rest(world)


def test_of_who_was_deleted_meanwhile_nothing_is_sent(
    world: World, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.change("a1", f"phone_number={FIRST}")
    deadlocked(monkeypatch, lambda: world.delete("a1"))
    world.sync(kind="push")
    assert written(crm) == []
    with world.database.reading() as tx:
        assert intents.load(tx, world.ids["crm"]) == []
