"""Undo of runs: what goes back, what is left alone and named, and that nothing moves afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from connectors.port import Write
from sync import undoing as undoing_module
from sync.decisions import Decision
from sync.errors import BadInput, Conflicted, NotFoundError
from sync.report import Report
from sync.resolve import resolve_all
from sync.store import runs
from sync.undo import undo as undo_run
from sync.undoing import UndoUnfinishedError
from tests.world import World

HOME = {"billing_line1": "12 Main Street", "billing_city": "Springfield", "billing_zipCode": "62701"}
REF = "m000001"


def undo(world: World, run: Report | str, **options: Any) -> Report:
    name = run if isinstance(run, str) else run.run
    (report,) = undo_run(
        world.services, world.organisation_id, name, actor="test", progress=world.events.append, **options
    )
    return report


def told(world: World, report: Report) -> list[dict[str, Any]]:
    """What a plan says, action by action."""
    with world.database.reading() as tx:
        rows = runs.planned(tx, report.run)
    return [action for row in rows for action in row["actions"]]


def left(world: World, report: Report) -> dict[tuple[str, str], str]:
    """What was left alone: (side, field) → why."""
    return {
        (each["side"], each["field"]): each["why"]
        for each in told(world, report)
        if each["action"] == "leave"
    }


def fill(world: World, count: int = 1, *, crm: MemoryCrm | None = None, name: str = "crm") -> MemoryCrm:
    made = world.connect(name, crm=crm)
    for number in range(count):
        made.create({KEY: f"k{number}", "name": f"C{number}", "email": f"k{number}@example.com", **HOME})
    world.sync(name)
    return made


def values(crm: MemoryCrm, ref: str = REF) -> dict[str, Any]:
    return dict(crm.records[ref].values)


def quiet(world: World, *names: str) -> None:
    """Nothing moves: not by what changed, and not by a full look at everything."""
    for name in names or tuple(world.crms):
        assert world.sync(name).counts["writes"] == 0
        assert world.sync(name, full=True).counts["writes"] == 0


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


def in_conflict(world: World, count: int = 1) -> MemoryCrm:
    """Both sides renamed each record."""
    crm = fill(world, count)
    for number, ref in enumerate(sorted(crm.records)):
        world.change(f"k{number}", f"customer_name=Ours {number}")
        crm.edit(ref, {"name": f"Theirs {number}"})
    world.sync()
    assert world.kinds() == ["field_conflict"] * count
    return crm


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


def test_a_deleted_customer_that_the_crm_edits_is_asked_about(world: World) -> None:
    crm = fill(world)
    with world.database.reading() as tx:
        first = runs.listing(tx, world.organisation_id)[0]["id"]
    undo(world, first)
    crm.edit(REF, {"name": "Edited"})
    world.sync()
    assert world.customers() == {}
    assert world.kinds() == ["delete_vs_edit"]


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


def test_swapped_addresses_are_swapped_back(world: World) -> None:
    crm = fill(world, 3, crm=MemoryCrm(page_size=2))
    refs = sorted(crm.records)
    crm.edit(refs[0], {"email": "k2@example.com"})
    crm.edit(refs[2], {"email": "k0@example.com"})
    run = world.sync()
    assert world.values("k0")["email"] == "k2@example.com"
    undo(world, run)
    assert [world.values(f"k{n}")["email"] for n in range(3)] == [f"k{n}@example.com" for n in range(3)]
    quiet(world)


def test_an_address_that_someone_else_has_by_now_is_left_alone(world: World) -> None:
    crm = fill(world)
    crm.edit(REF, {"name": "Theirs", "email": "new@example.com"})
    run = world.sync()
    world.add("other", email="k0@example.com")
    report = undo(world, run)
    assert left(world, report) == {("local", "email"): "another customer has this value since"}
    assert world.values("k0")["customer_name"] == "C0"


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


def test_decisions_that_are_not_about_values_are_said_to_stay(world: World) -> None:
    crm = in_conflict(world)
    crm.create({"name": "Keyless"})
    world.sync()
    (keyless,) = [row for row in world.queue() if row.row["kind"] == "missing_external_id"]
    single = world.resolve(keyless, dismiss=True)
    with pytest.raises(BadInput, match="not about values"):
        undo(world, str(single.run))
    other = crm.create({"name": "Keyless too"})
    world.sync()
    assert other in {row.row["ref"] for row in world.queue()}
    outcomes = list(
        resolve_all(
            world.database,
            world.organisation_id,
            Decision(dismiss=True),
            actor="test",
            kind=None,
            progress=lambda _done: None,
        )
    )
    report = undo(world, str(outcomes[0].run))
    assert report.counts["undone"] == {"stays": 1}
    assert world.kinds() == ["field_conflict"]
