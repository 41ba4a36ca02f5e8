"""Undo of decisions on records and customers that went away: the question is open again, nothing moves."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.memory import KEY
from tests.scenarios.parting import REF, in_sync, state
from tests.scenarios.undoing import back, left, only, quiet, snapshot, undo
from tests.world import World


@pytest.mark.parametrize("decision", [{"take": "theirs"}, {"take": "ours"}, {"dismiss": True}])
def test_a_deleted_record_is_asked_about_again(world: World, decision: dict[str, Any]) -> None:
    crm = in_sync(world)
    crm.delete(REF)
    world.sync()
    before = snapshot(world)
    outcome = world.resolve(**decision)
    undone = back(world, outcome.run)
    assert snapshot(world) == before
    assert list(world.customers()) == ["a1"]
    quiet(world)
    assert world.kinds() == ["remote_deleted"]
    assert len(crm.records) == 1
    back(world, undone.run)
    world.settle()
    assert world.queue() == []
    assert list(world.customers()) == ([] if decision == {"take": "theirs"} else ["a1"])
    assert len(crm.records) == (2 if decision == {"take": "ours"} else 1)


def test_a_record_that_was_made_again_stays(world: World) -> None:
    crm = in_sync(world)
    crm.delete(REF)
    world.sync()
    outcome = world.resolve(take="ours")
    world.settle()
    (made,) = world.links()
    undone = undo(world, str(outcome.run))
    assert "joined to another record" in left(world, undone)["crm", ""]
    assert list(world.links()) == [made]
    assert state(world, made) == "active"


def test_a_record_in_place_of_another_is_given_back(world: World) -> None:
    crm = in_sync(world)
    crm.delete(REF)
    world.sync()
    heir = crm.create({KEY: "a1", "name": "Anna the second", "email": "anna@example.com"})
    world.sync()
    before = snapshot(world)
    outcome = world.resolve(ref=heir)
    world.sync()
    assert state(world, heir) == "active"
    undone = back(world, outcome.run)
    assert snapshot(world) == before
    quiet(world)
    assert only(world, "remote_deleted").row["ref"] == REF
    back(world, undone.run)
    assert list(world.links()) == [heir]


@pytest.mark.parametrize("decision", [{"take": "theirs"}, {"take": "ours"}])
def test_a_restored_customer_is_deleted_again(world: World, decision: dict[str, Any]) -> None:
    crm = in_sync(world)
    world.delete("a1")
    crm.edit(REF, {"name": "Edited"})
    world.sync()
    before = snapshot(world)
    outcome = world.resolve(only(world, "delete_vs_edit"), **decision)
    undone = back(world, outcome.run)
    assert snapshot(world) == before
    assert world.customers() == {}
    quiet(world)
    assert world.kinds() == ["delete_vs_edit"]
    back(world, undone.run)
    world.settle()
    assert world.queue() == []
    assert list(world.customers()) == (["a1"] if decision == {"take": "theirs"} else [])


def test_a_restored_customer_with_news_is_left(world: World) -> None:
    crm = in_sync(world)
    world.delete("a1")
    crm.edit(REF, {"name": "Edited"})
    world.sync()
    outcome = world.resolve(take="theirs")
    synced = world.sync()
    assert world.values("a1")["customer_name"] == "Edited"
    assert left(world, undo(world, str(outcome.run))) == {
        ("local", "customer_name"): "it was changed here since"
    }
    undo(world, synced)
    undo(world, str(outcome.run))
    assert world.customers() == {}


@pytest.mark.parametrize("winner", ["a1", "b1", None])
def test_a_merge_is_asked_about_again(world: World, winner: str | None) -> None:
    crm = in_sync(world)
    other = crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    crm.merge(REF, other)
    world.sync()
    before = snapshot(world)
    outcome = world.resolve(**({"link": world.customers()[winner].id} if winner else {"dismiss": True}))
    world.sync()
    undone = undo(world, str(outcome.run))
    assert snapshot(world) == before
    quiet(world)
    assert world.kinds() == ["remote_merged"]
    undo(world, undone.run)
    linked = {link.customer_id: link for link in world.links().values()}
    if winner:
        mine = linked[world.customers()[winner].id]
        assert (mine.ref, mine.row["state"]) == (REF, "active")
    else:
        assert {link.row["state"] for link in linked.values()} == {"detached"}
