"""Undo of runs: what goes back on either side, and that nothing moves afterwards."""

from __future__ import annotations

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync.errors import BadInput, Conflicted, NotFoundError
from sync.store import runs
from tests.scenarios.undoing import REF, fill, left, quiet, told, undo, values
from tests.world import World


def test_a_pull_is_undone_here_and_stays_so(world: World) -> None:
    crm = fill(world)
    crm.edit(REF, {"name": "Theirs", "billing_line1": "12 Main Street, Suite 5"})
    run = world.sync()
    before = values(crm)
    preview = undo(world, run, preview=True)
    assert world.values("k0")["customer_name"] == "Theirs"
    report = undo(world, run)
    assert told(world, preview) == told(world, report) != []
    assert preview.counts["updated_local"] == report.counts["updated_local"] == 1
    assert world.values("k0")["customer_name"] == "C0"
    assert world.values("k0")["address"].line1 == "12 Main Street"
    assert values(crm) == before
    quiet(world)
    assert world.values("k0")["customer_name"] == "C0"
    crm.edit(REF, {"name": "Newer"})
    world.sync()
    assert world.values("k0")["customer_name"] == "Newer", "whoever edits next is heard"


def test_a_push_is_undone_in_the_crm_and_stays_so(world: World) -> None:
    crm = fill(world)
    before = values(crm)
    world.change("k0", "customer_name=Ours", "phone_number=+1 217 555 0100")
    run = world.sync()
    report = undo(world, run)
    assert report.counts["updated_remote"] == 1
    assert values(crm) == {**before, "phone": None}
    assert world.values("k0")["customer_name"] == "Ours"
    quiet(world)
    assert values(crm)["name"] == "C0"
    world.change("k0", "customer_name=Newer")
    world.sync()
    assert values(crm)["name"] == "Newer"


def test_the_undo_of_an_undo_gives_what_the_run_made(world: World) -> None:
    crm = fill(world, 2)
    first, second = sorted(crm.records)
    crm.edit(first, {"name": "Theirs", "email": None})
    world.change("k1", "customer_name=Ours")
    run = world.sync()
    made = (world.values("k0"), world.values("k1"), values(crm, first), values(crm, second))
    undone = undo(world, run)
    assert (undone.counts["updated_local"], undone.counts["updated_remote"]) == (1, 1)
    undo(world, undone)
    assert (world.values("k0"), world.values("k1"), values(crm, first), values(crm, second)) == made
    quiet(world)


def test_the_undo_of_a_first_sync_deletes_here_and_lists_what_it_made_there(world: World) -> None:
    crm = world.connect()
    for number in range(3):
        crm.create({KEY: f"k{number}", "name": f"C{number}", "email": f"k{number}@example.com"})
    mine = world.add("mine", customer_name="Mine")
    world.add("k2", customer_name="Mine too")
    run = world.sync()
    world.resolve(take="ours")
    world.change("k1", "customer_name=Edited")
    report = undo(world, run)
    assert set(world.customers()) == {"mine", "k1", "k2"}
    found = left(world, report)
    assert found[("local", "customer_name")] == "it was changed here since"
    assert "made in the CRM" in found[("crm", "")]
    assert report.counts["undone"] == {"delete": 1, "detach": 1, "left": 2}, "k2 was joined by the run"
    states = {link.customer_id: link.row["state"] for link in world.links().values()}
    assert states[mine] == "active"
    assert sorted(states.values()) == ["active", "active", "detached", "detached"]
    names = {record.values[KEY]: record.values["name"] for record in crm.records.values()}
    assert names == {"k0": "C0", "k1": "C1", "k2": "C2", "mine": "Mine"}
    world.settle()
    quiet(world)
    assert set(world.customers()) == {"mine", "k1", "k2"}, "never made again by itself"

    undo(world, report)
    assert set(world.customers()) == {"mine", "k0", "k1", "k2"}
    assert {link.row["state"] for link in world.links().values()} == {"active"}
    crm.edit(REF, {"name": "Later"})
    world.settle()
    assert world.values("k0")["customer_name"] == "Later"


def test_a_run_that_was_undone_does_not_keep_its_customers_from_being_deleted(world: World) -> None:
    crm = fill(world)
    with world.database.reading() as tx:
        first = runs.listing(tx, world.organisation_id)[0]["id"]
    crm.edit(REF, {"name": "Theirs"})
    second = world.sync()
    assert left(world, undo(world, first, preview=True)) == {
        ("local", "customer_name"): "it was changed here since"
    }
    undo(world, second)
    undo(world, first)
    assert world.customers() == {}


def test_one_record_of_a_run_is_undone_by_any_of_its_names(world: World) -> None:
    crm = fill(world, 3)
    refs = sorted(crm.records)
    for ref in refs:
        crm.edit(ref, {"name": "Theirs"})
    run = world.sync()
    undo(world, run, record="k0")
    undo(world, run, record=refs[1])
    assert [world.values(f"k{n}")["customer_name"] for n in range(3)] == ["C0", "C1", "Theirs"]
    undo(world, run, record=world.customers()["k2"].id)
    assert world.values("k2")["customer_name"] == "C2"
    with pytest.raises(NotFoundError, match="no such record"):
        undo(world, run, record="k9")
    with world.database.reading() as tx:
        (row,) = runs.listing(tx, world.organisation_id, limit=1)
    assert (row["kind"], row["trigger"], row["undoes"]) == ("undo", "undo", run.run)


def test_swapped_addresses_are_swapped_back(world: World) -> None:
    crm = fill(world, 4, crm=MemoryCrm(page_size=2))
    refs = sorted(crm.records)
    crm.edit(refs[0], {"email": "k2@example.com"})
    crm.edit(refs[1], {"name": "Theirs"})
    crm.edit(refs[2], {"email": "k0@example.com"})
    world.change("k3", "customer_name=Ours")  # so that the two stand in two pages of the undo
    run = world.sync()
    assert world.values("k0")["email"] == "k2@example.com"
    undo(world, run)
    assert [world.values(f"k{n}")["email"] for n in range(3)] == [f"k{n}@example.com" for n in range(3)]
    quiet(world)


def test_other_crms_hear_of_an_undo_as_of_any_change_here(world: World) -> None:
    one, two = fill(world, name="one"), world.connect("two", crm=MemoryCrm(conditional_write=False))
    world.settle()
    one.edit(REF, {"name": "Theirs", "billing_line1": "12 Main Street, Suite 5"})
    run = world.sync("one")
    world.settle()
    assert values(two)["name"] == "Theirs"
    undo(world, run)
    world.settle()
    assert world.queue() == []
    assert (values(two)["name"], values(two)["billing_line1"]) == ("C0", "12 Main Street")
    assert values(one)["name"] == "Theirs"
    quiet(world)


def test_a_halted_connection_can_be_undone_and_stays_halted(world: World) -> None:
    crm = fill(world, 60, crm=MemoryCrm(page_size=30))
    for ref in crm.records:
        crm.edit(ref, {"name": "Bad"})
    run = world.sync()
    assert run.state == "needs_approval"
    assert world.connection().state == "halted"
    report = undo(world, run)
    assert report.counts["updated_local"] == run.counts["updated_local"] != 0
    assert {world.values(f"k{n}")["customer_name"] for n in range(60)} == {f"C{n}" for n in range(60)}
    assert world.connection().state == "halted"


def test_runs_that_did_nothing_or_are_not_there_are_refused(world: World) -> None:
    fill(world)
    nothing = world.sync()
    with pytest.raises(BadInput, match="changed nothing"):
        undo(world, nothing)
    with pytest.raises(NotFoundError):
        undo(world, "none")
    with world.database.transaction() as tx:
        runs.save(tx, nothing.run, state="running")
    with pytest.raises(Conflicted, match="still at work"):
        undo(world, nothing)
