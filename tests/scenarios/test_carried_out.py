"""A plan is carried out once, by one run at once, never beyond what was approved; the brake always holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from connectors.memory_crm import MemoryCrm
from sync.approve import approve, cancel
from sync.errors import Conflicted
from sync.orders import approve as ask_for_approval
from sync.orders import carry_out, place
from sync.steps import Order
from sync.store import runs
from sync.store.connections import ConnectionState
from sync.store.worktables import jobs as jobs_table
from tests.scenarios.test_guards import edit_all, fill
from tests.world import World


class Killed(BaseException):
    """The process is gone."""


def approve_it(world: World, run: str) -> Any:
    return approve(world.services, world.organisation_id, run, actor="test", progress=world.events.append)


def row_of(world: World, run: str) -> Any:
    with world.database.reading() as tx:
        return runs.find(tx, world.organisation_id, run)


def named(world: World, name: str) -> int:
    return sum(each.row["customer_name"] == name for each in world.customers().values())


def kill_at_page(monkeypatch: pytest.MonkeyPatch, crm: MemoryCrm, page: int) -> None:
    """The process dies when it asks for this page, and closes nothing."""
    seen: list[str] = []

    def dies(kind: str, _write: object) -> None:
        seen.append(kind)
        if len(seen) == page:
            monkeypatch.setattr("sync.cycle._close", lambda *_given: None)
            crm.fault = lambda _kind, _write: None
            raise Killed

    crm.fault = dies


def test_an_approval_that_was_cut_off_lets_through_what_is_left_of_it_and_no_more(world: World) -> None:
    crm = fill(world, 120, crm=MemoryCrm(page_size=20))
    edit_all(crm, {"name": "Meant"}, share=0.5)
    plan = world.sync().run
    planned = row_of(world, plan)["planned"]["update_local"]
    with pytest.MonkeyPatch.context() as patch:
        kill_at_page(patch, crm, 2)
        with pytest.raises(Killed):
            approve_it(world, plan)
    edit_all(crm, {"name": "Never approved"})
    with world.database.reading() as tx:
        applied = runs.count_changes(tx, [runs.listing(tx, world.organisation_id)[0]["id"]])
    assert 0 < applied["update_customer"] < planned
    report = approve_it(world, plan)
    left = planned - applied["update_customer"]
    assert (report.state, report.counts["updated_local"]) == ("needs_approval", left)
    assert named(world, "Never approved") == left


@pytest.mark.parametrize("approved", [True, False])
def test_what_takes_longer_than_a_worker_may_is_gone_on_with(world: World, approved: bool) -> None:
    class OutOfTime(Exception):
        pass

    crm = fill(world, 120, crm=MemoryCrm(page_size=20))
    edit_all(crm, {"name": "Meant"}, share=1.0 if approved else 0.4)
    if approved:
        asked = world.sync().run
        ask_for_approval(world.database, world.organisation_id, asked, actor="test")
    else:
        order = Order(kind="sync", trigger="manual", actor="test")
        asked = place(world.database, world.connection(), order)
    services = replace(world.services, out_of_time=(OutOfTime,))
    calls: list[str] = []

    def late(kind: str, _write: object) -> None:
        calls.append(kind)
        if len(calls) == 2:
            raise OutOfTime

    crm.fault = late
    with pytest.raises(OutOfTime):
        carry_out(services, world.connection(), world.events.append)
    assert row_of(world, asked)["state"] == ("needs_approval" if approved else "queued")
    assert 0 < named(world, "Meant") < (120 if approved else 48)
    with world.database.transaction() as tx:
        tx.execute(update(jobs_table).values(not_before=jobs_table.c.created_at))
    report = carry_out(services, world.connection(), world.events.append)
    assert report is not None
    assert (report.state, row_of(world, asked)["state"]) == ("done", "done")
    assert named(world, "Meant") == (120 if approved else 48)


def test_a_plan_that_is_being_carried_out_is_neither_approved_again_nor_cancelled(world: World) -> None:
    crm = fill(world, 120)
    edit_all(crm, {"name": "Meant"})
    plan = world.sync().run
    told: list[Conflicted] = []

    def meanwhile(_kind: str, _write: object) -> None:
        crm.fault = lambda _kind, _write: None
        with pytest.raises(Conflicted, match="being carried out") as refused:
            cancel(world.database, world.organisation_id, plan, actor="test")
        told.append(refused.value)
        ask_for_approval(world.database, world.organisation_id, plan, actor="other")
        assert carry_out(world.services, world.connection(), world.events.append) is None

    crm.fault = meanwhile
    report = approve_it(world, plan)
    assert report.run in told[0].cure
    assert (row_of(world, plan)["state"], named(world, "Meant")) == ("done", 120)
    with pytest.raises(Conflicted):
        world.sync(approval=plan)


def test_the_brake_holds_though_its_plan_cannot_be_made(world: World) -> None:
    crm = fill(world, 120, crm=MemoryCrm(page_size=20))
    edit_all(crm, {"name": "Oops"})
    seen: list[str] = []

    def silent(kind: str, _write: object) -> str | None:
        seen.append(kind)
        return "unavailable" if len(seen) > 3 else None  # the brake trips on the third page

    crm.fault = silent
    report = world.sync()
    assert (report.state, world.connection().state) == ("needs_approval", ConnectionState.HALTED)
    row = row_of(world, report.run)
    assert report.counts["updated_local"] == row["counts"]["updated_local"] == 40
    assert "not whole" in row["reason"]
    crm.fault = lambda _kind, _write: None
    left = approve_it(world, report.run)
    assert (left.state, left.counts["updated_local"]) == ("needs_approval", 0)
    assert (approve_it(world, left.run).state, named(world, "Oops")) == ("done", 120)
