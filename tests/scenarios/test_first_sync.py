from __future__ import annotations

from connectors.memory import KEY
from connectors.records import Address
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
