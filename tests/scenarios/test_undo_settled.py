"""Undo of decisions that are not about values: the question is open again, and nothing moves."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync.decisions import Decision
from sync.resolve import resolve_all
from tests.scenarios.parting import REF, in_sync, state
from tests.scenarios.undoing import actions, back, left, only, quiet, snapshot, told, undo, values
from tests.world import World


def keyless(world: World, **fields: Any) -> tuple[MemoryCrm, str]:
    """A CRM in sync, and beside it a record without a key, which is asked about."""
    crm = in_sync(world)
    ref = crm.create({"name": "Keyless", **fields})
    world.sync()
    assert world.kinds() == ["missing_external_id"]
    return crm, ref


def test_a_dismissal_is_asked_again(world: World) -> None:
    keyless(world)
    outcome = world.resolve(dismiss=True)
    world.settle()
    assert world.queue() == []
    undone = back(world, outcome.run)
    assert actions(world, undone) == ["reopen_question"]
    assert world.kinds() == ["missing_external_id"]
    quiet(world)
    assert world.kinds() == ["missing_external_id"]
    assert told(world, undo(world, str(outcome.run))) == [], "it is undone already"
    back(world, undone.run)
    assert world.queue() == []
    quiet(world)


@pytest.mark.parametrize("synced", [False, True])
def test_a_link_is_taken_away_again(world: World, synced: bool) -> None:
    crm, ref = keyless(world)
    other = world.add(None, customer_name="Here without a record")
    before = snapshot(world)
    outcome = world.resolve(link=other)
    if synced:
        world.sync()
        assert world.kinds() == ["field_conflict"]
    undone = back(world, outcome.run)
    assert actions(world, undone) == ["detach_link", "reopen_question"]
    assert snapshot(world) == before
    quiet(world)
    assert world.kinds() == ["missing_external_id"]
    assert values(crm, ref)["name"] == "Keyless"
    back(world, undone.run)
    assert world.links()[ref].customer_id == other
    world.sync()
    assert world.kinds() == ["field_conflict"]


def test_a_record_that_has_our_key_by_now_is_parted_only(world: World) -> None:
    crm, ref = keyless(world)
    made = world.add("b1", customer_name="Keyless")
    outcome = world.resolve(only(world, "missing_external_id"), link=made)
    world.settle()
    assert crm.records[ref].values[KEY] == "b1"
    undone = undo(world, str(outcome.run))
    assert "another external id" in left(world, undone)["crm", "external_id"]
    assert state(world, ref) == "detached"
    quiet(world)
    undo(world, undone.run)
    assert state(world, ref) == "active"


def test_values_that_runs_have_moved_since_are_named(world: World) -> None:
    crm, ref = keyless(world, phone="+14155552671")
    other = world.add(None, customer_name="Keyless")
    outcome = world.resolve(link=other)
    world.sync()
    undone = undo(world, str(outcome.run))
    assert "undo those runs" in left(world, undone)["local", ""]
    assert list(world.links()) == [REF]
    quiet(world)
    assert world.kinds() == ["missing_external_id"]
    assert crm.records[ref].values["phone"] == "+14155552671"


def test_a_customer_that_was_made_is_deleted_again(world: World) -> None:
    _, ref = keyless(world, email="kim@example.com")
    outcome = world.resolve(create=True)
    world.settle()
    assert {each.row["customer_name"] for each in world.customers().values()} == {"Anna", "Keyless"}
    undone = back(world, outcome.run)
    assert undone.counts["undone"] == {"delete": 1, "detach": 1}
    assert [each.row["customer_name"] for each in world.customers().values()] == ["Anna"]
    assert list(world.links()) == [REF]
    quiet(world)
    assert world.kinds() == ["missing_external_id"]
    again = back(world, undone.run)
    assert again.counts["undone"] == {"restore": 1, "attach": 1}
    assert world.links()[ref].row["state"] == "active"
    quiet(world)
    assert world.queue() == []
    back(world, again.run)
    assert world.kinds() == ["missing_external_id"]


def test_a_customer_that_was_made_and_edited_stays(world: World) -> None:
    _, ref = keyless(world)
    outcome = world.resolve(create=True)
    made = world.links()[ref].customer_id
    world.change(made, "phone_number=+1 415 555 2671")
    undone = undo(world, str(outcome.run))
    assert "it was changed here since" in left(world, undone).values()
    assert made in {each.id for each in world.customers().values()}
    assert world.kinds() == []


def test_an_address_that_is_taken_keeps_a_customer_deleted(world: World) -> None:
    keyless(world, email="kim@example.com")
    undone = back(world, world.resolve(create=True).run)
    world.add("c1", email="kim@example.com")
    again = undo(world, undone.run)
    assert left(world, again) == {("local", "email"): "another customer has this value since"}
    assert world.kinds() == ["missing_external_id"]


def test_an_ambiguous_record_is_asked_about_again(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(unique_key=False))
    first = crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    second = crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    before = snapshot(world)
    for decision in ({"link": world.customers()["a1"].id, "ref": second}, {"dismiss": True}):
        outcome = world.resolve(only(world, "ambiguous_match"), **decision)
        undone = back(world, outcome.run)
        assert snapshot(world) == before
        quiet(world)
        assert world.kinds() == ["ambiguous_match"]
        assert list(world.links()) == [first]
        again = back(world, undone.run)
        back(world, again.run)


@pytest.mark.parametrize("take", ["theirs", "ours"])
def test_a_changed_key_is_asked_about_again(world: World, take: str) -> None:
    crm = in_sync(world)
    crm.edit(REF, {KEY: "z9"})
    world.sync()
    outcome = world.resolve(take=take)
    undone = back(world, outcome.run)
    assert list(world.customers()) == ["a1"]
    quiet(world)
    assert world.kinds() == ["key_changed"]
    back(world, undone.run)
    world.settle()
    assert list(world.customers()) == [crm.records[REF].values[KEY]] == ["z9" if take == "theirs" else "a1"]
    later = undo(world, str(outcome.run))
    assert ("crm", "external_id") in left(world, later) or ("local", "") in left(world, later)


def test_a_key_that_went_to_the_crm_stays_there(world: World) -> None:
    crm = in_sync(world)
    crm.edit(REF, {KEY: "z9"})
    world.sync()
    outcome = world.resolve(take="ours")
    world.settle()
    assert crm.records[REF].values[KEY] == "a1"
    assert ("crm", "external_id") in left(world, undo(world, str(outcome.run)))
    assert world.queue() == []
    quiet(world)


def test_a_key_that_was_unlinked_is_asked_about_again(world: World) -> None:
    crm = in_sync(world)
    crm.edit(REF, {KEY: "z9"})
    world.sync()
    outcome = world.resolve(dismiss=True)
    world.settle()
    assert state(world) == "detached"
    back(world, outcome.run)
    assert state(world) == "active"
    quiet(world)
    assert world.kinds() == ["key_changed"]


def test_a_key_that_another_has_by_now_is_left(world: World) -> None:
    crm = in_sync(world)
    crm.edit(REF, {KEY: "z9"})
    world.sync()
    outcome = world.resolve(take="theirs")
    world.add("a1")
    assert left(world, undo(world, str(outcome.run))) == {
        ("local", "external_id"): "another customer has this value since"
    }


def test_a_retry_that_failed_is_no_question_twice(world: World) -> None:
    crm = in_sync(world)
    crm.edit(REF, {"email": "no address"})
    world.sync()
    assert world.kinds() == ["invalid_record"]
    dismissed = world.resolve(dismiss=True)
    back(world, dismissed.run)
    retried = world.resolve(retry=True)
    undone = back(world, retried.run)
    assert world.kinds() == ["invalid_record"]
    back(world, undone.run)
    world.sync()
    assert world.kinds() == ["invalid_record"]
    assert left(world, undo(world, str(retried.run))) == {
        ("local", ""): "it was decided anew, or closed, since"
    }


def test_many_are_undone_by_one_id_and_one_alone(world: World) -> None:
    crm = in_sync(world)
    refs = [crm.create({"name": f"Keyless {number}"}) for number in range(3)]
    world.sync()
    outcomes = list(
        resolve_all(
            world.database,
            world.organisation_id,
            Decision(create=True),
            actor="test",
            kind=None,
            progress=lambda _done: None,
        )
    )
    assert world.queue() == []
    run = str(outcomes[0].run)
    undo(world, run, record=refs[0])
    assert [row.row["ref"] for row in world.queue()] == [refs[0]]
    report = undo(world, run)
    assert report.counts["undone"] == {"delete": 2, "detach": 2}
    assert sorted(row.row["ref"] for row in world.queue()) == sorted(refs)
    quiet(world)
