"""A connection's scope: what is out of it stays as it is; a changed scope is a plan to approve."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync.approve import approve, cancel
from sync.cycle import run
from sync.errors import BadInput, NeedsApproval
from sync.rescope import rescope
from sync.selection import Selection
from sync.steps import Order
from sync.store import runs
from sync.work import CancelledError
from tasks.jobs import drain
from tests.world import World

US = [{"field": "address.country_code", "in": ["US"]}]
HERE = {"billing_country_code": "US", "billing_city": "Springfield"}
THERE = {"billing_country_code": "DE", "billing_city": "Bonn"}


def set_scope(world: World, scope: object) -> bool:
    return rescope(world.services, world.connection(), scope, actor="test", progress=world.events.append)


def allow(world: World, run_id: str) -> Any:
    return approve(world.services, world.organisation_id, run_id, actor="test", progress=world.events.append)


def add(crm: MemoryCrm, key: str, **values: Any) -> str:
    return crm.create({KEY: key, "name": key, **values})


def test_a_record_out_of_scope_is_not_taken_in(world: World) -> None:
    crm = world.connect(scope=US)
    add(crm, "k1", **HERE)
    outside = add(crm, "k2", **THERE)
    report = world.sync()
    assert (report.counts["created_local"], report.counts["out_of_scope"]) == (1, 1)
    assert set(world.customers()) == {"k1"}
    crm.edit(outside, {**HERE})
    assert world.sync().counts["created_local"] == 1
    assert set(world.customers()) == {"k1", "k2"}


def test_a_record_that_leaves_the_scope_keeps_link_and_baseline_and_nothing_moves(world: World) -> None:
    crm = world.connect(scope=US)
    ref = add(crm, "k1", phone="+1 217 555 0100", **HERE)
    world.sync()
    before = world.links()[ref].row["baseline"]
    crm.edit(ref, {**THERE, "name": "Theirs"})
    world.change("k1", "phone_number=+1 217 555 0199")
    report = world.sync()
    assert (report.counts["writes"], report.counts["out_of_scope"]) == (0, 1)
    assert world.values("k1")["customer_name"] == "k1"
    assert crm.records[ref].values["phone"] == "+1 217 555 0100"
    link = world.links()[ref].row
    assert (link["baseline"], link["state"], link["dirty_at"]) == (before, "active", None)
    assert world.queue() == []
    assert world.sync(full=True).counts["writes"] == 0

    crm.edit(ref, {**HERE, "email": "k1@example.com"})
    world.settle()
    values = world.values("k1")
    assert (values["customer_name"], values["email"]) == ("Theirs", "k1@example.com"), (
        "what moved meanwhile lands"
    )
    assert crm.records[ref].values["phone"] == "+1 217 555 0199"
    assert world.queue() == []


def test_edits_on_both_sides_meanwhile_are_a_conflict_once_it_is_back(world: World) -> None:
    crm = world.connect(scope=US)
    ref = add(crm, "k1", **HERE)
    world.sync()
    crm.edit(ref, {**THERE, "name": "Theirs"})
    world.change("k1", "customer_name=Ours")
    world.sync()
    assert world.queue() == []
    crm.edit(ref, {**HERE})
    world.sync()
    assert world.kinds() == ["field_conflict"]


def test_the_read_back_decides_before_a_push(world: World) -> None:
    crm = world.connect(scope=US)
    ref = add(crm, "k1", **HERE)
    world.sync()
    world.change("k1", "customer_name=Ours")
    crm.edit(ref, {**THERE})
    report = world.sync(kind="push")
    assert (report.counts["updated_remote"], report.counts["out_of_scope"]) == (0, 1)
    assert crm.records[ref].values["name"] == "k1"


def test_an_edit_here_that_leaves_the_scope_still_lands(world: World) -> None:
    crm = world.connect(scope=[{"field": "email", "starts": "billing@"}])
    ref = add(crm, "k1", email="billing@example.com")
    world.sync()
    world.change("k1", "email=gone@example.com")
    assert world.sync().counts["updated_remote"] == 1
    assert crm.records[ref].values["email"] == "gone@example.com"


def test_only_customers_in_scope_are_created_in_the_crm(world: World) -> None:
    crm = world.connect(scope=[{"field": "email", "present": True}])
    world.sync()
    world.add("in", email="in@example.com")
    world.add("out")
    plan = world.sync(kind="plan", dry=True)
    assert (plan.counts["created_remote"], plan.counts["out_of_scope"]) == (1, 1)
    report = world.sync()
    assert (report.counts["created_remote"], report.counts["out_of_scope"]) == (1, 1)
    assert {record.values[KEY] for record in crm.records.values()} == {"in"}
    with world.database.reading() as tx:
        assert runs.find(tx, world.organisation_id, report.run)["counts"]["out_of_scope"] == 1
    assert drain(world.services, world.events.append) >= 0
    world.change("out", "email=out@example.com")
    drain(world.services, world.events.append)
    assert {record.values[KEY] for record in crm.records.values()} == {"in", "out"}


def test_a_customer_whose_record_is_there_out_of_scope_is_not_created_again(world: World) -> None:
    crm = world.connect(scope=US)
    add(crm, "k1", **THERE)
    world.add("k1", address={"country_code": "US", "city": "Springfield"})
    plan = world.sync(yes=False)
    assert plan.counts["created_remote"] == 0
    report = allow(world, plan.run)
    assert report.counts["created_remote"] == 0
    calls = dict(crm.calls)
    assert world.sync().counts["writes"] == 0
    assert crm.calls.get("find", 0) == calls.get("find", 0), "it is not looked up for ever"
    assert (len(crm.records), world.queue()) == (1, [])


def test_a_record_that_cannot_be_taken_opens_no_row_while_it_is_out_of_scope(world: World) -> None:
    crm = world.connect(scope=US)
    ref = crm.create({KEY: "x" * 300, "name": "Long", **THERE})
    crm.create({KEY: None, "name": "Nameless", **THERE})
    world.sync()
    assert world.queue() == []
    crm.edit(ref, HERE)
    world.sync()
    assert world.kinds() == ["invalid_record"]


def test_a_changed_scope_is_a_plan_to_approve(world: World) -> None:
    crm = world.connect(scope=US)
    add(crm, "k1", **HERE)
    add(crm, "k2", **THERE)
    world.sync()
    world.add("new", address={"country_code": "DE", "city": "Bonn"})
    assert world.sync().counts["writes"] == 0

    assert set_scope(world, [])
    connection = world.connection()
    assert connection.state == "needs_approval"
    assert "scope" in connection.row["state_reason"]
    with pytest.raises(NeedsApproval, match="scope"):
        world.sync(kind="resync", selection=Selection(ids=("k1",)))
    plan = world.sync()
    assert plan.state == "needs_approval", "--yes is for a first sync alone"
    assert (plan.counts["created_local"], plan.counts["created_remote"]) == (1, 1)
    assert set(world.customers()) == {"k1", "new"}
    assert len(crm.records) == 2
    report = allow(world, plan.run)
    assert (report.state, report.counts["created_local"], report.counts["created_remote"]) == ("done", 1, 1)
    assert set(world.customers()) == {"k1", "k2", "new"}
    assert world.connection().state == "active"
    assert world.sync().counts["writes"] == 0


def test_records_that_did_not_change_in_the_crm_are_planned_again(world: World) -> None:
    crm = world.connect()
    ref = add(crm, "k1", **THERE)
    world.sync()
    set_scope(world, US)
    plan = world.sync()
    assert (plan.counts["out_of_scope"], plan.counts["writes"]) == (1, 0)
    allow(world, plan.run)
    crm.edit(ref, {"name": "Theirs"})
    world.sync()
    set_scope(world, [])
    plan = world.sync()
    assert plan.counts["updated_local"] == 1
    allow(world, plan.run)
    assert world.values("k1")["customer_name"] == "Theirs"


def test_a_deletion_after_a_changed_scope_is_noticed(world: World) -> None:
    crm = world.connect()
    ref = add(crm, "k1", **HERE)
    world.sync()
    set_scope(world, US)
    crm.delete(ref)
    allow(world, world.sync().run)
    world.sync()
    assert world.kinds() == ["remote_deleted"]


def test_a_worker_makes_the_plan_of_a_changed_scope_once(world: World) -> None:
    crm = world.connect(scope=US)
    add(crm, "k1", **THERE)
    world.sync()
    set_scope(world, [])
    drain(world.services, world.events.append)
    with world.database.reading() as tx:
        (waiting, *_) = runs.listing(tx, world.organisation_id)
    assert (waiting["state"], waiting["planned"]["create_local"]) == ("needs_approval", 1)
    assert world.customers() == {}
    assert drain(world.services, world.events.append) == 0
    assert allow(world, waiting["id"]).counts["created_local"] == 1


def test_a_plan_of_another_scope_cannot_be_approved(world: World) -> None:
    crm = world.connect(scope=US)
    add(crm, "k1", **THERE)
    first = world.sync(yes=False)
    set_scope(world, [])
    assert world.connection().state == "new"
    with pytest.raises(Exception, match="cancelled"):
        allow(world, first.run)
    assert allow(world, world.sync(yes=False).run).counts["created_local"] == 1
    set_scope(world, US)
    second = world.sync()
    set_scope(world, [*US, {"field": "email", "present": True}])
    with pytest.raises(Exception, match="cancelled"):
        allow(world, second.run)
    cancel(world.database, world.organisation_id, world.sync().run, actor="test")
    assert world.connection().state == "needs_approval", "a cancelled plan lets nothing through"
    assert world.sync().state == "needs_approval"


def test_the_same_scope_again_changes_nothing(world: World) -> None:
    world.connect(scope=US)
    world.sync()
    assert not set_scope(world, US)
    assert world.connection().state == "active"
    with pytest.raises(BadInput, match="not mapped: custom_data"):
        set_scope(world, [{"field": "custom_data.size", "eq": 1}])
    assert world.connection().state == "active"


def test_a_run_that_waited_for_its_turn_does_not_go_by_a_new_scope(world: World) -> None:
    crm = world.connect(scope=US)
    add(crm, "k1", **THERE)
    world.sync()
    stale = world.connection()
    set_scope(world, [])
    order = Order(kind="sync", trigger="schedule", actor="test")
    with pytest.raises(CancelledError, match="scope"):
        run(world.services, stale, order, world.events.append)
    assert world.customers() == {}


@pytest.mark.parametrize("at", range(8))
def test_a_crash_in_the_middle_of_a_changed_scope_loses_nothing(world: World, at: int) -> None:
    """T13: the approved run dies at any of its steps; what is left is planned, approved and done."""
    crm = world.connect(scope=US, crm=MemoryCrm(page_size=2))
    for number in range(5):
        add(crm, f"k{number}", **THERE)
    world.sync()
    world.add("new", address={"country_code": "DE", "city": "Bonn"})
    world.sync()
    set_scope(world, [])
    plan = world.sync()
    assert plan.state == "needs_approval"
    calls = 0

    def fault(_kind: str, _write: object) -> str | None:
        nonlocal calls
        calls += 1
        return "lost_answer" if calls == at + 1 else None

    crm.fault = fault
    try:
        report = allow(world, plan.run)
    except Exception:
        assert set(world.customers()) != set()
        report = None
    crm.fault = lambda _kind, _write: None
    for _ in range(3):
        if world.connection().state == "active":
            break
        waiting = world.sync()
        if waiting.state == "needs_approval":
            report = allow(world, waiting.run)
    assert report is None or report.state == "done"
    world.settle()
    assert set(world.customers()) == {f"k{number}" for number in range(5)} | {"new"}
    assert len(crm.records) == 6
    assert world.connection().state == "active"
