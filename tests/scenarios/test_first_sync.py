from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.errors import Unavailable
from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from connectors.records import Address
from sync import connect
from sync.approve import cancel
from sync.report import Report
from sync.store import jobs
from tests.world import World

BERLIN = {"billing_line1": "Hauptstraße 12", "billing_city": "Berlin", "billing_zipCode": "10827"}
BERLIN_BODY = {"line1": "Hauptstraße 12", "city": "Berlin", "zipCode": "10827"}


def test_a_crm_record_becomes_a_customer(world: World) -> None:
    crm = world.connect()
    crm.create({KEY: "a1", "name": "Anna GmbH", "email": "anna@example.com", **BERLIN})

    report = world.sync()

    assert report.state == "done"
    assert report.counts["created_local"] == 1
    assert world.values("a1") == {
        "customer_name": "Anna GmbH",
        "email": "anna@example.com",
        "phone_number": None,
        "address": Address(line1="Hauptstraße 12", city="Berlin", zipCode="10827"),
    }


def test_a_customer_becomes_a_crm_record(world: World) -> None:
    crm = world.connect()
    world.add("b1", email="b@example.com", address=BERLIN_BODY)

    report = world.sync()

    assert report.counts["created_remote"] == 1
    (record,) = crm.records.values()
    assert record.values[KEY] == "b1"
    assert record.values["billing_line1"] == "Hauptstraße 12"


def test_a_second_sync_does_nothing(world: World) -> None:
    crm = world.connect()
    crm.create({KEY: "a1", "name": "Anna GmbH", **BERLIN})
    world.add("b1", email="b@example.com", address=BERLIN_BODY)
    world.sync()
    versions = {ref: record.version for ref, record in crm.records.items()}

    report = world.sync()

    assert report.counts["writes"] == 0
    assert report.counts["held"] == {}
    assert {ref: record.version for ref, record in crm.records.items()} == versions
    assert report.calls == {"list_changes": 1}


def test_a_matched_record_with_another_address_is_held_whole(world: World) -> None:
    crm = world.connect()
    crm.create({KEY: "a1", "name": "Anna GmbH", "email": "other@example.com", **BERLIN})
    world.add("a1", customer_name="Anna", address={**BERLIN_BODY, "line1": "Nebenstraße 3"})

    report = world.sync()

    assert report.counts["matched"] == 1
    assert report.counts["held"] == {"address_mismatch": 1}
    assert report.counts["writes"] == 0
    (row,) = world.queue()
    assert set(row.row["local"]) == {"customer_name", "email", "address"}
    assert row.row["reasons"]
    assert world.values("a1")["email"] is None


def test_without_approval_nothing_is_written(world: World) -> None:
    crm = world.connect()
    crm.create({KEY: "a1", "name": "Anna GmbH", **BERLIN})
    world.add("b1")

    report = world.sync(yes=False)

    assert report.state == "needs_approval"
    assert report.counts["created_local"] == 1
    assert report.counts["created_remote"] == 1
    assert list(world.customers()) == ["b1"]
    assert len(crm.records) == 1

    approved = world.sync(yes=False, approval=report.run)

    assert approved.state == "done"
    assert set(world.customers()) == {"a1", "b1"}
    assert len(crm.records) == 2
    assert world.connection().state == "active"


def _approved_too_early(world: World) -> Report:
    """The plan of ten records is approved after 60 more came: these wait for another approval."""
    crm = world.connect()
    for number in range(10):
        crm.create({KEY: f"k{number:02d}", "name": f"Customer {number}"})
    plan = world.sync(yes=False)
    for number in range(10, 70):
        crm.create({KEY: f"k{number:02d}", "name": f"Customer {number}"})
    report = world.sync(yes=False, approval=plan.run)
    assert (report.state, len(world.customers())) == ("needs_approval", 10)
    return report


def _drop_its_plan(world: World, plan: Report) -> None:
    cancel(world.database, world.organisation_id, plan.run, actor="test")


def _pause_and_resume(world: World, _plan: Report) -> None:
    connect.pause(world.database, world.connection(), actor="test")
    connect.resume(world.database, world.connection(), actor="test")


@pytest.mark.parametrize("stop", [_drop_its_plan, _pause_and_resume])
def test_what_comes_after_an_approved_first_plan_waits_whatever_is_done_with_the_next_one(
    world: World, stop: Callable[[World, Report], None]
) -> None:
    stop(world, _approved_too_early(world))
    assert world.connection().state != "active"
    with world.database.transaction() as tx:
        connection = world.connection()
        jobs.ask(tx, organisation_id=connection.organisation_id, connection_id=connection.id, kind="pull")
        assert jobs.due(tx) == []
    plan = world.sync(yes=False)
    assert (plan.state, len(world.customers())) == ("needs_approval", 10)
    assert world.sync(yes=False, approval=plan.run).state == "done"
    assert (len(world.customers()), world.connection().state) == (70, "active")


def test_a_first_sync_that_was_approved_as_a_plan_and_cut_off_goes_on_by_a_plan(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(page_size=10))
    for number in range(20):
        crm.create({KEY: f"k{number:02d}", "name": f"Customer {number}"})
    plan = world.sync(yes=False)
    calls = iter([None])
    crm.fault = lambda _kind, _write: next(calls, "unavailable")
    with pytest.raises(Unavailable):
        world.sync(yes=False, approval=plan.run)
    crm.fault = lambda _kind, _write: None
    for number in range(20, 70):
        crm.create({KEY: f"k{number:02d}", "name": f"Customer {number}"})
    _drop_its_plan(world, plan)
    assert world.connection().state == "needs_approval"
    assert world.sync(yes=False).state == "needs_approval"
    assert len(world.customers()) == 10
    assert world.sync(yes=True).state == "done"  # as ever of a first sync
    assert (len(world.customers()), world.connection().state) == (70, "active")
