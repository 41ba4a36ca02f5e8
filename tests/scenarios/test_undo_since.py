"""Undo after something happened: edits, cuts, refusals, merges; what is left alone is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from connectors.port import Write
from sync import undoing as undoing_module
from sync.store import runs
from sync.undoing import UndoUnfinishedError
from tests.scenarios.undoing import REF, fill, left, quiet, told, undo, values
from tests.world import World


def test_what_was_changed_since_on_either_side_is_left_alone_and_named(world: World) -> None:
    crm = fill(world, 4)
    refs = sorted(crm.records)
    for ref in refs[:2]:
        crm.edit(ref, {"name": "Theirs", "phone": "+1 217 555 0100"})
    for key in ("k2", "k3"):
        world.change(key, "customer_name=Ours", "phone_number=+1 217 555 0100")
    run = world.sync()
    world.change("k0", "customer_name=Mine")
    crm.edit(refs[1], {"name": "Another"})
    world.change("k2", "customer_name=Mine")
    crm.edit(refs[3], {"name": "Another"})
    preview = undo(world, run, preview=True)
    report = undo(world, run)
    assert told(world, preview) == told(world, report)
    by_record = {}
    with world.database.reading() as tx:
        for row in runs.planned(tx, report.run):
            by_record[row["customer_id"]] = {
                (each["side"], each["field"]): each["why"]
                for each in row["actions"]
                if each["action"] == "leave"
            }
    here, there = "it was changed here since", "it was changed in the CRM since"
    ids = {key: world.customers()[key].id for key in ("k0", "k1", "k2", "k3")}
    assert by_record == {
        ids["k0"]: {("local", "customer_name"): here},
        ids["k1"]: {("local", "customer_name"): there},
        ids["k2"]: {("crm", "customer_name"): here},
        ids["k3"]: {("crm", "customer_name"): there},
    }
    assert report.counts["undone"] == {"left": 4}
    assert [world.values(key)["phone_number"] for key in ("k0", "k1")] == [None, None]
    assert [values(crm, ref)["phone"] for ref in refs[2:]] == [None, None]
    world.settle()
    # The edits went their way, and none was lost.
    assert [values(crm, ref)["name"] for ref in refs] == ["Mine", "Another", "Mine", "Another"]
    assert [world.values(f"k{n}")["customer_name"] for n in range(4)] == [
        "Mine",
        "Another",
        "Mine",
        "Another",
    ]
    assert [values(crm, ref)["phone"] for ref in refs] == ["+1 217 555 0100"] * 2 + [None] * 2
    quiet(world)


def test_a_deleted_customer_that_the_crm_edits_is_asked_about(world: World) -> None:
    crm = fill(world)
    with world.database.reading() as tx:
        first = runs.listing(tx, world.organisation_id)[0]["id"]
    undo(world, first)
    crm.edit(REF, {"name": "Edited"})
    world.sync()
    assert world.customers() == {}
    assert world.kinds() == ["delete_vs_edit"]


def test_an_undo_that_was_cut_off_goes_on_when_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = fill(world, 4, crm=MemoryCrm(page_size=2))
    refs = sorted(crm.records)
    crm.edit(refs[0], {"name": "Theirs"})
    for key in ("k1", "k2", "k3"):
        world.change(key, "customer_name=Ours")
    run = world.sync()

    class Killed(BaseException):
        pass

    def die(*_arguments: Any) -> Any:
        raise Killed

    monkeypatch.setattr(undoing_module, "settle_updates", die)  # written, and nobody noted it
    with pytest.raises(Killed):
        undo(world, run)
    monkeypatch.undo()
    world.sync()  # what another run settles meanwhile is settled as an undo
    assert [values(crm, ref)["name"] for ref in refs] == ["Theirs", "Ours", "C2", "C3"]
    undo(world, run)
    assert [values(crm, ref)["name"] for ref in refs] == ["Theirs", "C1", "C2", "C3"]
    assert world.values("k0")["customer_name"] == "C0"
    assert [world.values(f"k{n}")["customer_name"] for n in range(1, 4)] == ["Ours"] * 3
    assert told(world, undo(world, run)) == [], "nothing is left to do"
    quiet(world)


@pytest.mark.parametrize("conditional", [True, False])
def test_what_the_crm_does_not_take_is_named(world: World, conditional: bool) -> None:
    crm = fill(world, 4, crm=MemoryCrm(conditional_write=conditional))
    refs = sorted(crm.records)
    for number in range(4):
        world.change(f"k{number}", "customer_name=Ours")
    run = world.sync()

    def fault(kind: str, write: Write | None) -> str | None:
        faults = {refs[0]: "refused", refs[1]: "lost_answer"}
        return faults.get(getattr(write, "ref", "")) if kind == "write" else None

    crm.fault = fault
    with pytest.raises(UndoUnfinishedError, match="has not taken 1 record"):
        undo(world, run)
    assert [values(crm, ref)["name"] for ref in refs] == ["Ours", "C1", "C2", "C3"]
    assert world.queue() == [], "a refused undo is told to who asked, and is no question for the queue"
    report = undo(world, run)
    assert left(world, report) == {("crm", "customer_name"): "the CRM refused it: is refused by the CRM"}
    crm.fault = lambda _kind, _write: None
    quiet(world)
    undo(world, run)
    assert values(crm, refs[0])["name"] == "C0"
    quiet(world)


@pytest.mark.parametrize("conditional", [True, False])
def test_an_edit_between_read_and_write_is_not_lost(world: World, conditional: bool) -> None:
    crm = fill(world, crm=MemoryCrm(conditional_write=conditional))
    world.change("k0", "customer_name=Ours")
    run = world.sync()
    edits: list[Callable[[], None]] = [lambda: crm.edit(REF, {"name": "Just now"})]
    crm.before_write = lambda: edits.pop()() if edits else None
    report = undo(world, run)
    if conditional:
        assert left(world, report) == {("crm", "customer_name"): "it was changed in the CRM since"}
        assert values(crm)["name"] == "Just now"
        return
    assert values(crm)["name"] == "C0"
    (row,) = world.queue()
    assert (row.row["local"], row.row["remote"]) == (
        {"customer_name": "Ours"},
        {"customer_name": "Just now"},
    )
    quiet(world)
    world.resolve(take="theirs")
    world.settle()
    assert values(crm)["name"] == world.values("k0")["customer_name"] == "Just now"


def test_records_that_are_gone_merged_or_deleted_here_are_named(world: World) -> None:
    crm = fill(world, 5)
    refs = sorted(crm.records)
    for ref in (refs[0], refs[4]):
        crm.edit(ref, {"name": "Theirs"})
    for key in ("k1", "k2", "k3"):
        world.change(key, "customer_name=Ours")
    run = world.sync()
    other = crm.create({KEY: "other", "name": "Other"})
    crm.delete(refs[0])
    crm.delete(refs[1])
    crm.merge(other, refs[2])
    world.sync()
    world.delete("k3")
    world.delete("k4")
    report = undo(world, run)
    assert world.values("k0")["customer_name"] == "C0", "ours goes back though the record is gone"
    whys = sorted(each["why"] for each in told(world, report) if each["action"] == "leave")
    assert whys == [
        "the customer is joined to another record, or to none, since",
        "the customer was deleted since",
        "the customer was deleted since",
        "the record is gone from the CRM, or cannot be read",
    ]
    assert values(crm, refs[3])["name"] == "Ours"


def test_an_address_that_someone_else_has_by_now_is_left_alone(world: World) -> None:
    crm = fill(world)
    crm.edit(REF, {"name": "Theirs", "email": "new@example.com"})
    run = world.sync()
    world.add("other", email="k0@example.com")
    report = undo(world, run)
    assert left(world, report) == {("local", "email"): "another customer has this value since"}
    assert world.values("k0")["customer_name"] == "C0"
