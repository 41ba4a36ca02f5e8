"""What was ordered, at work or waiting for an approval in a backup is not carried out once it is put back."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync import orders
from sync.approve import approve
from sync.errors import Conflicted, NeedsApproval
from sync.report import Report
from sync.restored import restored
from sync.selection import Selection
from sync.store import lanes, runs
from sync.store.connections import ConnectionState
from sync.store.worktables import runs as runs_table
from sync.undo import ask_undo
from tests.scenarios.restoring import Safe
from tests.world import World

OLD, NEW = "+12175550100", "+12175550111"


def world_of(safe: Safe, number: int = 3) -> tuple[World, MemoryCrm]:
    """Some customers that are in sync with a CRM."""
    world = World(safe.database)
    crm = world.connect()
    for index in range(number):
        crm.create({KEY: f"k{index}", "name": f"k{index}", "phone": OLD})
    world.sync()
    return world, crm


def state(world: World, run_id: str) -> str:
    with world.database.reading() as tx:
        return str(runs.find(tx, world.organisation_id, run_id)["state"])


def carry_out(world: World) -> Report | None:
    """What a worker does that finds an order."""
    return orders.carry_out(world.services, world.connection(), world.events.append)


def release(world: World, run_id: str) -> Report:
    return approve(world.services, world.organisation_id, run_id, actor="test", progress=world.events.append)


def test_an_undo_that_was_ordered_then_is_not_carried_out_now(safe: Safe) -> None:
    world, crm = world_of(safe)
    world.change("k0", f"phone_number={NEW}")
    pushed = world.sync()
    (asked,) = ask_undo(world.database, world.organisation_id, pushed.run, actor="test")
    safe.back_up()
    carry_out(world)
    assert crm.records["m000001"].values["phone"] == OLD
    crm.edit("m000001", {"phone": NEW})
    world.settle()
    safe.restore()
    restored(world.database, actor="test")
    assert state(world, asked) == "cancelled"
    assert carry_out(world) is None
    assert crm.records["m000001"].values["phone"] == NEW
    assert release(world, world.sync().run).state == "done"
    ask_undo(world.database, world.organisation_id, pushed.run, actor="test")  # it may be asked for anew
    carry_out(world)
    assert crm.records["m000001"].values["phone"] == OLD


@pytest.mark.parametrize("approved", [False, True])
def test_a_plan_that_waited_then_is_no_plan_now(safe: Safe, approved: bool) -> None:
    world, crm = world_of(safe, 60)
    for ref in list(crm.records):
        crm.edit(ref, {"phone": NEW})
    halted = world.sync()
    assert halted.state == "needs_approval"
    if approved:
        orders.approve(world.database, world.organisation_id, halted.run, actor="test")
    safe.back_up()
    safe.restore()
    (connection,) = restored(world.database, actor="test")
    assert connection.state is ConnectionState.NEEDS_APPROVAL
    assert state(world, halted.run) == "cancelled"
    assert carry_out(world) is None
    with pytest.raises(Conflicted):
        release(world, halted.run)
    assert world.values("k0")["phone_number"] == OLD
    plan = world.sync()
    assert (plan.state, plan.reason) == (
        "needs_approval",
        "the database was restored from a backup; this is the plan, and nothing was written",
    )
    release(world, plan.run)
    assert {world.values(f"k{index}")["phone_number"] for index in range(60)} == {NEW}


def test_a_first_sync_that_was_approved_then_is_planned_anew(safe: Safe) -> None:
    world = World(safe.database)
    world.connect().create({KEY: "a", "name": "A"})
    plan = world.sync(yes=False)
    assert plan.state == "needs_approval"
    orders.approve(world.database, world.organisation_id, plan.run, actor="test")
    safe.back_up()
    safe.restore()
    (connection,) = restored(world.database, actor="test")
    assert connection.state is ConnectionState.NEW
    assert carry_out(world) is None
    assert (state(world, plan.run), world.customers()) == ("cancelled", {})
    assert release(world, world.sync(yes=False).run).state == "done"
    assert world.customers().keys() == {"a"}


def test_a_run_that_was_at_work_then_has_failed_and_holds_nothing(safe: Safe) -> None:
    world, _crm = world_of(safe)
    run = world.sync().run
    with world.database.transaction() as tx:
        lanes.take(tx, world.ids["crm"], "pull", owner="another", seconds=3_600)
        at_work = {"state": "running", "owner": "another", "finished_at": None}
        tx.execute(update(runs_table).where(runs_table.c.id == run).values(**at_work))
    safe.back_up()
    safe.restore()
    restored(world.database, actor="test")
    assert state(world, run) == "failed"
    with world.database.reading() as tx:
        assert lanes.owners(tx) == []
    assert world.sync().state == "needs_approval"


def test_until_the_plan_is_approved_nothing_else_runs_and_it_can_be_asked_for_again(safe: Safe) -> None:
    world, _crm = world_of(safe)
    safe.back_up()
    safe.restore()
    restored(world.database, actor="test")
    with pytest.raises(NeedsApproval):
        world.sync(kind="resync", selection=Selection(ids=("k0",)))
    first = world.sync()
    (again,) = restored(world.database, actor="test")
    assert (again.state, state(world, first.run)) == (ConnectionState.NEEDS_APPROVAL, "cancelled")
    second = world.sync()
    assert first.run != second.run
    assert release(world, second.run).state == "done"
