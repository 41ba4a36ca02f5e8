"""What the scenarios of undo share."""

from __future__ import annotations

from typing import Any

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync.report import Report
from sync.store import runs
from sync.store.conflicts import StoredConflict
from sync.undo import undo as undo_run
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


def in_conflict(world: World, count: int = 1) -> MemoryCrm:
    """Both sides renamed each record."""
    crm = fill(world, count)
    for number, ref in enumerate(sorted(crm.records)):
        world.change(f"k{number}", f"customer_name=Ours {number}")
        crm.edit(ref, {"name": f"Theirs {number}"})
    world.sync()
    assert world.kinds() == ["field_conflict"] * count
    return crm


def back(world: World, run: str | None, **options: Any) -> Report:
    """Undo a decision of which everything goes back; foreseen as it is done."""
    foreseen = told(world, undo(world, str(run), preview=True, **options))
    before = (world.kinds(), {ref: dict(link.row) for ref, link in world.links().items()})
    assert before == (world.kinds(), {ref: dict(link.row) for ref, link in world.links().items()})
    undone = undo(world, str(run), **options)
    assert told(world, undone) == foreseen
    assert left(world, undone) == {}
    return undone


def actions(world: World, report: Report) -> list[str]:
    return [each["action"] for each in told(world, report)]


def snapshot(world: World) -> dict[str, tuple[Any, ...]]:
    """Links as far as a decision can change them."""
    names = ("id", "customer_id", "state", "baseline", "accepted", "accepted_key")
    return {ref: tuple(link.row[name] for name in names) for ref, link in world.links().items()}


def only(world: World, kind: str) -> StoredConflict:
    (row,) = world.queue(kind)
    return row
