"""Undo of runs: what goes back, what is left alone and named, and that nothing moves afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from connectors.port import Write
from sync import undoing as undoing_module
from sync.errors import BadInput, Conflicted, NotFoundError
from sync.report import Report
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
