"""What a CRM refuses, and what of a CRM cannot be taken: it waits, is shown, and the rest goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from connectors.salesforce.sandbox.errors import ApiError
from sync.store import conflicts, customers
from sync.store.session import Database
from tests.scenarios.lagging import lagging
from tests.world import World


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    """A CRM with three records in sync."""
    crm = world.connect()
    for key in ("a1", "b1", "c1"):
        crm.create({KEY: key, "name": key, "email": f"{key}@example.com"})
    world.sync()
    return crm


def test_a_refused_field_waits_and_the_others_go(world: World, crm: MemoryCrm) -> None:
    crm.lengths = {"email": 20}
    world.change("a1", "email=much-too-long-for-this-crm@example.com", "phone_number=+1 217 555 0100")
    report = world.sync()
    assert report.counts["held"] == {"push_rejected": 1}
    assert report.counts["quarantined"] == 1
    assert crm.records["m000001"].values["phone"] == "+1 217 555 0100"
    (row,) = world.queue()
    assert row.row["reasons"][0]["field"] == "email"
    calls = world.sync().calls
    assert "write" not in calls


def test_a_refused_value_is_tried_again_once_it_changes(world: World, crm: MemoryCrm) -> None:
    crm.lengths = {"email": 20}
    world.change("a1", "email=much-too-long-for-this-crm@example.com")
    world.sync()
    world.change("a1", "email=short@example.com")
    world.settle()
    assert crm.records["m000001"].values["email"] == "short@example.com"
    assert world.queue() == []


def test_a_refused_value_is_tried_again_when_a_person_says_so(world: World, crm: MemoryCrm) -> None:
    crm.lengths = {"email": 20}
    world.change("a1", "email=much-too-long-for-this-crm@example.com")
    world.sync()
    crm.lengths = {}
    world.resolve(retry=True)
    world.settle()
    assert crm.records["m000001"].values["email"] == "much-too-long-for-this-crm@example.com"


def test_a_refused_creation_waits_and_is_tried_again_once_it_changes(world: World, crm: MemoryCrm) -> None:
    crm.lengths = {"email": 20}
    world.add("d1", email="much-too-long-for-this-crm@example.com")
    report = world.sync()
    assert report.counts["held"] == {"push_rejected": 1}
    assert "write" not in world.sync().calls
    world.change("d1", "email=short@example.com")
    world.settle()
    assert crm.records["m000004"].values["email"] == "short@example.com"
    assert world.queue() == []


def test_a_record_that_a_trigger_refuses_waits_alone_and_the_connection_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lagging("salesforce", database) as org:
        for number in range(3):
            org.create(f"k{number}")
        org.sync()
        state: Any = org.state
        records = state.records
        update = records.update

        def triggered(record: str, fields: Mapping[str, Any], actor: Any) -> str:
            if record == org.refs["k0"]:
                raise ApiError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "System.NullPointerException")
            return str(update(record, fields, actor))

        monkeypatch.setattr(records, "update", triggered)
        for number in range(3):
            org.change(f"k{number}", f"k{number}@new.example.com")
        report = org.sync()
        assert (report.state, report.counts["held"]) == ("done", {"push_rejected": 1})
        with database.reading() as tx:
            (row,) = conflicts.listing(tx, org.organisation_id)
        assert "trigger of the CRM" in row.row["reasons"][0]["why"]
        org.change("k1", "k1@newer.example.com")
        assert org.sync().state == "done"
        mails = {key: mail for key, (_, mail) in org.there().items()}
        assert mails == {"k0": "k0@old.example.com", "k1": "k1@newer.example.com", "k2": "k2@new.example.com"}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"email": "not an address"}, "email"),
        ({"name": None}, "customer_name"),
        ({"name": "x" * 300}, "customer_name"),
        ({"phone": ["a", "list"]}, "phone_number"),
        ({"billing_city": {"an": "object"}}, "address.city"),
        ({"name": "with\0nul"}, "customer_name"),
        ({KEY: "k" * 300}, "external_id"),
    ],
)
def test_a_record_that_cannot_be_taken_is_shown_and_the_rest_lands(
    world: World, values: dict[str, object], field: str
) -> None:
    crm = world.connect()
    crm.create({KEY: "good", "name": "Good"})
    bad = crm.create({KEY: "bad", "name": "Bad", **values})  # type: ignore[dict-item]
    report = world.sync()
    assert report.counts["quarantined"] == 1
    assert list(world.customers()) == ["good"]
    (row,) = world.queue()
    assert (row.row["kind"], row.row["reasons"][0]["field"]) == ("invalid_record", field)
    assert world.sync(full=True).counts["quarantined"] == 0
    crm.edit(bad, {KEY: "bad", "name": "Bad", "email": None, "phone": None, "billing_city": None})
    world.sync()
    assert set(world.customers()) == {"good", "bad"}
    assert world.queue() == []


def test_a_page_that_the_database_refuses_is_split_until_the_record_is_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = customers.insert_many

    def fussy(tx: object, organisation_id: str, made: list[tuple[str, str, object]], at: object) -> None:
        keys = {key for _, key, _ in made}
        real(tx, organisation_id, made, at)  # type: ignore[arg-type]
        if "k3" in keys:
            real(tx, organisation_id, made[:1], at)  # type: ignore[arg-type]

    monkeypatch.setattr(customers, "insert_many", fussy)
    crm = world.connect()
    for number in range(7):
        crm.create({KEY: f"k{number}", "name": f"Customer {number}"})
    report = world.sync()
    assert len(world.customers()) == 6
    assert report.counts["quarantined"] == 1
    assert world.connection().row["listed_at"] is not None
