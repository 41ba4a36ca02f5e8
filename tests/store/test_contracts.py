"""Contracts as they are made and read, over both databases: each rule passes what is right, and refuses."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import event, update

from sync import contracts
from sync.contract_input import ContractInput
from sync.core.contract import Status, read_time
from sync.errors import NotFoundError, Taken, VersionMoved
from sync.expiry import expire
from sync.store import audit
from sync.store import contracts as store
from sync.store.billtables import contracts as table
from sync.store.connections import organisation
from sync.store.query import After, now
from tests.store.contracting import (
    EVERYTHING,
    PHASE,
    change,
    contract,
    delete,
    end,
    get,
    make,
    moment,
    page,
    refusals,
    stranger,
)
from tests.world import World


def test_a_contract_is_kept_as_it_was_given(world: World) -> None:
    parent, payer = world.add("P"), world.add("Y")
    customer = world.add("C", parent_customer_id=parent)
    given = {
        "id": str(uuid4()),
        "description": "All of it",
        "tags": ["a", "b"],
        "end_date": "2999-01-01",
        "anchor_date": "2026-01-15T12:00:00+02:00",
        "is_last_day_of_month": True,
        "plan_id": "plan-1",
        "custom_attributes": {"tier": 1},
        "renewal_policy": "do_not_renew",
        "contract_link": "https://example.com/c.pdf",
        "bill_parent_customer": True,
        "invoice_payer_customer_id": payer,
        "source": {"system": "salesforce", "opportunity_id": "006"},
        "phases": [
            {"name": "Later", "start_date": "2026-06-01", "pricings": [{"id": "p", "price": 1.5}]},
            {"name": "First", "start_date": "2026-01-01", "end_date": "2026-03-01", "description": "d"},
        ],
    }
    made = make(world, customer, **given)
    assert made == given["id"].replace("-", "")  # type: ignore[attr-defined]
    found = get(world, made)
    row = found.stored.row
    plain = ("description", "tags", "is_last_day_of_month", "plan_id", "custom_attributes", "source")
    same = (*plain, "renewal_policy", "contract_link", "bill_parent_customer", "invoice_payer_customer_id")
    assert {name: row[name] for name in same} == {name: given[name] for name in same}
    assert (row["anchor_date"], row["end_date"]) == (read_time("2026-01-15T10:00"), read_time("2999-01-01"))
    assert [(each["name"], each["pricings"]) for each in found.stored.phases] == [
        ("First", []),
        ("Later", [{"id": "p", "price": 1.5}]),
    ]
    assert (found.customer.id, found.payer and found.payer.id) == (customer, payer)
    assert (row["version"], row["created_at"], found.status) == (1, row["updated_at"], "active")
    assert found.current_phase is not None
    assert found.current_phase["name"] == "Later"


def test_each_wrong_field_of_a_contract_is_named(world: World) -> None:
    wrong = refusals(world, status="paused", currency="EUX", renewal_policy="renew_with_existing")
    assert wrong.keys() == {"status", "currency", "renewal_policy"}
    wrong = refusals(world, end_date="2026-01-01", contract_link="ftp://x.example", phases=[])
    assert wrong.keys() == {"end_date", "contract_link", "phases"}
    second = {"name": "Second", "start_date": "2026-01-02"}
    assert refusals(world, phases=[second, {**PHASE, "end_date": "2026-02-01"}]) == {
        "phases.0.start_date": "overlaps phases.1"
    }
    assert page(world) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "a" * 256}, "name"),
        ({"name": "a\0"}, "name"),
        ({"status": None}, "status"),
        ({"currency": 978}, "currency"),
        ({"start_date": None}, "start_date"),
        ({"start_date": 1767225600}, "start_date"),
        ({"end_date": "9999-12-31T23:59:59-14:00"}, "end_date"),
        ({"anchor_date": "0001-01-01T00:00:00+14:00"}, "anchor_date"),
        ({"is_last_day_of_month": "yes"}, "is_last_day_of_month"),
        ({"tags": ["a", 1]}, "tags.1"),
        ({"tags": ["a"] * 51}, "tags"),
        ({"custom_attributes": ["a"]}, "custom_attributes"),
        ({"custom_attributes": {"a": "x" * 70_000}}, "custom_attributes"),
        ({"source": "salesforce"}, "source"),
        ({"source": {"a": float("nan")}}, "source"),
        ({"source": {"a": 2**70}}, "source"),
        ({"customer_id": "acme"}, "customer_id"),
        ({"invoice_payer_customer_id": 7}, "invoice_payer_customer_id"),
        ({"phases": None}, "phases"),
        ({"phases": [PHASE] * 101}, "phases"),
        ({"phases": [{"start_date": "2026-01-01"}]}, "phases.0.name"),
        ({"phases": [{"name": "x"}]}, "phases.0.start_date"),
        ({"phases": [{**PHASE, "pricings": {}}]}, "phases.0.pricings"),
        ({"phases": [{**PHASE, "price": 1}]}, "phases.0.price"),
        ({"id": "1"}, "id"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_no_contract_is_refused_by_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ContractInput.model_validate({**contract(uuid4().hex), **fields})
    assert [".".join(map(str, each["loc"])) for each in refused.value.errors()] == [field]


def test_customer_and_payer_must_be_there_and_be_ours(world: World) -> None:
    gone, foreign, nobody = world.add("gone"), stranger(world), uuid4().hex
    world.delete(gone)
    for unknown in (gone, foreign, nobody):
        assert refusals(world, customer_id=unknown) == {"customer_id": "there is no such customer"}
        assert refusals(world, invoice_payer_customer_id=unknown) == {
            "invoice_payer_customer_id": "there is no such customer"
        }
    assert get(world, make(world, world.add(), invoice_payer_customer_id=world.add("payer"))).payer


def test_the_parent_can_be_billed_only_where_there_is_one(world: World) -> None:
    gone = world.add("gone")
    alone, orphan = world.add("alone"), world.add("orphan", parent_customer_id=gone)
    world.delete(gone)
    for customer in (alone, orphan):
        wrong = refusals(world, customer_id=customer, bill_parent_customer=True)
        assert wrong == {"bill_parent_customer": "the customer has no parent customer to bill"}
    child = world.add("child", parent_customer_id=world.add("parent"))
    assert get(world, make(world, child, bill_parent_customer=True)).stored.row["bill_parent_customer"]


def test_an_id_serves_once_even_after_a_deletion(world: World) -> None:
    mine = uuid4().hex
    make(world, world.add(), id=mine)
    delete(world, mine)
    with pytest.raises(Taken, match="id: is another contract's"):
        make(world, world.add(), id=mine)


def test_organisations_may_use_the_same_id_and_do_not_meet(world: World) -> None:
    shared = make(world, world.add())
    mine, customer = get(world, shared), stranger(world)
    past = {"start_date": "2020-01-01", "phases": [{"name": "Past", "start_date": "2020-01-01"}]}
    given = contract(customer, id=shared, name="Theirs", end_date="2020-02-01", **past)
    with world.database.transaction() as tx:
        other = organisation(tx, "other")
    assert contracts.add(world.database, other, ContractInput.model_validate(given), actor="x") == shared

    def theirs() -> tuple[str, str, list[str]]:
        with world.database.reading() as tx:
            found = contracts.get(tx, other, shared).stored
        return found.row["name"], found.row["status"], [each["name"] for each in found.phases]

    assert theirs() == ("Theirs", "active", ["Past"])
    assert expire(world.database) == 1
    assert theirs() == ("Theirs", "expired", ["Past"])
    assert get(world, shared).stored == mine.stored
    change(world, shared, name="Ours", phases=[{**PHASE, "name": "Only"}])
    delete(world, shared)
    assert theirs() == ("Theirs", "expired", ["Past"])


def test_a_deleted_contract_is_not_there(world: World) -> None:
    made = make(world, world.add())
    with pytest.raises(VersionMoved):
        delete(world, made, version=7)
    delete(world, made, version=1)
    for act in (get, change, delete):
        with pytest.raises(NotFoundError):
            act(world, made)
    assert page(world) == []


def test_a_contract_of_another_organisation_is_not_there(world: World) -> None:
    made = make(world, world.add())
    with world.database.transaction() as tx:
        other = organisation(tx, "other")
        with pytest.raises(NotFoundError):
            contracts.get(tx, other, made)
        assert contracts.page(tx, other, [], EVERYTHING, at=now(tx)) == []
    with pytest.raises(NotFoundError):
        contracts.delete(world.database, other, made, actor="x", version=None)


def test_a_page_holds_what_meets_every_condition(world: World) -> None:
    first, second = world.add("A"), world.add("B")
    names = {}
    names[make(world, first, name="1")] = "1"
    names[make(world, second, name="2", currency="USD")] = "2"
    names[draft := make(world, first, name="3", status="draft")] = "3"
    names[over := make(world, first, name="4")] = "4"
    end(world, over, moment(world, -1))
    at = moment(world)

    def shown(*conditions: Any) -> list[str]:
        return sorted(names[each.stored.id] for each in page(world, *conditions))

    assert shown() == ["1", "2", "3", "4"]
    assert shown(store.of_customer(first)) == ["1", "3", "4"]
    assert shown(store.in_currency("USD")) == ["2"]
    assert shown(store.has_status(Status.ACTIVE, at)) == ["1", "2"]
    assert shown(store.has_status(Status.EXPIRED, at)) == ["4"]
    assert shown(store.has_status(Status.DRAFT, at), store.of_customer(first)) == ["3"]
    with world.database.transaction() as tx:
        tx.execute(update(table).values(updated_at=moment(world, -60)))
    change(world, draft, name="3b")
    latest = page(world, after=After("updated_at", True, None, 1))
    assert [names[each.stored.id] for each in latest] == ["3"]


def test_a_page_costs_the_same_number_of_statements_whatever_its_length(world: World) -> None:
    def statements() -> int:
        seen: list[str] = []
        with world.database.reading() as tx:
            event.listen(tx, "before_cursor_execute", lambda *args: seen.append(args[2]))
            found = contracts.page(tx, world.organisation_id, [], EVERYTHING, at=moment(world))
        assert all(each.stored.phases and each.payer for each in found)
        return len(seen)

    payer = world.add("Y")
    make(world, world.add(), invoice_payer_customer_id=payer)
    one = statements()
    for number in range(10):
        make(world, world.add(f"C{number}"), invoice_payer_customer_id=payer)
    assert statements() == one <= 4


def test_every_deed_is_audited_with_who_and_what(world: World) -> None:
    made = make(world, world.add())
    change(world, made, name="New")
    change(world, made, name="New")
    delete(world, made)
    with world.database.reading() as tx:
        found = [row for row in audit.listing(tx, world.organisation_id) if row["subject"] == made]
    deeds = [(row["actor"], row["action"]) for row in reversed(found)]
    assert deeds == [("ann", "contract.added"), ("bob", "contract.changed"), ("bob", "contract.deleted")]
    assert found[1]["details"] == {"fields": {"name": ["Plan", "New"]}}
    assert found[2]["details"]["fields"]["currency"] == [None, "EUR"]
