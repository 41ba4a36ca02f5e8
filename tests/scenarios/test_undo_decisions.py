"""Undo of decisions, one or many: both sides go back, and the question is open again."""

from __future__ import annotations

import pytest

from sync.undo import undo as undo_run
from tests.scenarios.undoing import REF, fill, in_conflict, left, quiet, told, undo, values
from tests.world import World


@pytest.mark.parametrize("take", ["ours", "theirs"])
@pytest.mark.parametrize("pushed", [False, True])
def test_a_bulk_decision_is_undone_and_asked_again(world: World, take: str, pushed: bool) -> None:
    crm = in_conflict(world, 3)
    outcomes = world.resolve_all(take)
    assert len({each.run for each in outcomes}) == 1
    if pushed:
        world.sync()
        assert len({world.values(f"k{n}")["customer_name"] == f"{take.title()} {n}" for n in range(3)}) == 1
    undone = undo(world, str(outcomes[0].run))
    for number, ref in enumerate(sorted(crm.records)):
        assert world.values(f"k{number}")["customer_name"] == f"Ours {number}"
        assert values(crm, ref)["name"] == f"Theirs {number}"
    assert world.kinds() == ["field_conflict"] * 3, "neither edit is lost: the question is open again"
    quiet(world)
    assert world.kinds() == ["field_conflict"] * 3
    assert told(world, undo(world, str(outcomes[0].run))) == [], "it is undone already"

    undo(world, undone)
    assert world.queue() == []
    world.settle()
    for number, ref in enumerate(sorted(crm.records)):
        assert (
            world.values(f"k{number}")["customer_name"]
            == values(crm, ref)["name"]
            == f"{take.title()} {number}"
        )


def test_a_bulk_decision_over_two_crms_is_undone_by_one_id(world: World) -> None:
    crms = [fill(world, name="one"), fill(world, name="two")]
    world.settle()
    world.change("k0", "customer_name=Ours")
    for number, crm in enumerate(crms):
        crm.edit(REF, {"name": f"Theirs {number}"})
    for name in ("one", "two"):
        world.sync(name)
    assert world.kinds() == ["field_conflict"] * 2
    outcomes = world.resolve_all("ours")
    assert len({each.run for each in outcomes}) == 1
    world.settle()
    reports = undo_run(
        world.services, world.organisation_id, str(outcomes[0].run), actor="t", progress=world.events.append
    )
    assert {report.connection for report in reports} == {"one", "two"}
    assert [values(crm)["name"] for crm in crms] == ["Theirs 0", "Theirs 1"]
    assert world.kinds() == ["field_conflict"] * 2


def test_a_held_address_is_held_again(world: World) -> None:
    crm = fill(world)
    crm.edit(REF, {"billing_line1": "99 Oak Avenue", "name": "Theirs"})
    world.sync()
    assert world.kinds() == ["address_mismatch"]
    outcome = world.resolve(take="theirs")
    world.settle()
    assert world.values("k0")["address"].line1 == "99 Oak Avenue"
    undone = undo(world, str(outcome.run))
    assert (world.values("k0")["address"].line1, world.values("k0")["customer_name"]) == (
        "12 Main Street",
        "C0",
    )
    assert world.kinds() == ["address_mismatch"]
    assert [link.row["state"] for link in world.links().values()] == ["held"]
    quiet(world)
    undo(world, undone)
    world.settle()
    assert world.queue() == []
    assert world.values("k0")["address"].line1 == values(crm)["billing_line1"] == "99 Oak Avenue"


def test_a_decision_that_was_taken_anew_or_moved_on_is_left_alone(world: World) -> None:
    crm = in_conflict(world, 2)
    rows = world.queue()
    first = world.resolve(rows[0], take="theirs")
    undo(world, str(first.run))
    world.resolve(rows[0], take="ours")
    assert left(world, undo(world, str(first.run))) == {
        ("local", ""): "it was decided anew, or closed, since"
    }
    second = world.resolve(rows[1], take="ours")
    world.settle()
    ref = rows[1].row["ref"]
    crm.edit(ref, {"name": "Newer"})
    assert left(world, undo(world, str(second.run))) == {
        ("crm", "customer_name"): "it was changed in the CRM since"
    }
    world.settle()
    assert "Newer" in {each.row["customer_name"] for each in world.customers().values()}
