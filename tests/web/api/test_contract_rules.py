"""The rules of contracts over HTTP: each with a case that passes and one that fails."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.web.api.conftest import Api
from tests.web.api.contracting import PHASE, customer, least, make


def test_the_least_that_is_needed_is_enough_and_each_part_of_it_is_needed(api: Api) -> None:
    body = least(customer(api))
    made = api.post("/contracts", body)
    empty = {"tags": [], "custom_attributes": {}, "source": {}, "is_last_day_of_month": False}
    empty |= {"bill_parent_customer": False, "renewal_policy": "do_not_renew", "invoice_payer_customer": None}
    assert {name: made[name] for name in empty} == empty
    for name in body:
        assert api.wrong("/contracts", {**body, name: None}).keys() == {name}
        left_out = {field: value for field, value in body.items() if field != name}
        assert api.wrong("/contracts", left_out) == {name: "Field required"}
    assert len(api.get("/contracts")["data"]) == 1


@pytest.mark.parametrize(
    ("passes", "fails", "field", "reason"),
    [
        ({"status": "draft"}, {"status": "paused"}, "status", "active or draft"),
        ({"status": "active"}, {"status": "expired"}, "status", "active or draft"),
        ({"currency": "jpy"}, {"currency": "EUX"}, "currency", "ISO 4217"),
        ({"start_date": "2025-12-31T23:00:00-01:00"}, {"start_date": "soon"}, "start_date", "ISO 8601"),
        ({"end_date": "2026-01-02"}, {"end_date": "2026-01-01"}, "end_date", "after start_date"),
        ({"end_date": None}, {"end_date": "9999-12-31T23:59:59-14:00"}, "end_date", "must lie between"),
        ({"phases": [PHASE]}, {"phases": []}, "phases", "at least one phase"),
        (
            {"phases": [{**PHASE, "end_date": "2026-02-01"}, {"name": "B", "start_date": "2026-02-01"}]},
            {"phases": [{**PHASE, "end_date": "2026-02-02"}, {"name": "B", "start_date": "2026-02-01"}]},
            "phases.1.start_date",
            "overlaps phases.0",
        ),
        (
            {"end_date": "2026-03-01", "phases": [{**PHASE, "end_date": "2026-03-01"}]},
            {"end_date": "2026-03-01", "phases": [{**PHASE, "end_date": "2026-03-02"}]},
            "phases.0.end_date",
            "after the contract's end_date",
        ),
        (
            {"phases": [{**PHASE, "start_date": "2026-01-01T00:00:01Z"}]},
            {"phases": [{**PHASE, "start_date": "2025-12-31T23:59:59Z"}]},
            "phases.0.start_date",
            "before the contract's start_date",
        ),
        (
            {"renewal_policy": "do_not_renew"},
            {"renewal_policy": "renew_with_existing"},
            "renewal_policy",
            "not supported yet; only do_not_renew is",
        ),
        (
            {"renewal_policy": "do_not_renew"},
            {"renewal_policy": "renew_with_default_contract"},
            "renewal_policy",
            "not supported yet; only do_not_renew is",
        ),
        (
            {"contract_link": "http://example.com/c"},
            {"contract_link": "javascript:alert(1)"},
            "contract_link",
            "http or https URL",
        ),
        (
            {"bill_parent_customer": False},
            {"bill_parent_customer": True},
            "bill_parent_customer",
            "no parent customer",
        ),
        (
            {"invoice_payer_customer_id": None},
            {"invoice_payer_customer_id": str(uuid4())},
            "invoice_payer_customer_id",
            "there is no such customer",
        ),
        ({}, {"customer_id": str(uuid4())}, "customer_id", "there is no such customer"),
        ({"tags": ["a"]}, {"tags": [1]}, "tags.0", "string"),
        ({"is_last_day_of_month": True}, {"is_last_day_of_month": 1}, "is_last_day_of_month", "boolean"),
        ({"anchor_date": "2026-01-31"}, {"anchor_date": 31}, "anchor_date", "ISO 8601"),
        ({"source": {"system": "x"}}, {"source": ["x"]}, "source", "dictionary"),
        ({"custom_attributes": {"a": [1]}}, {"custom_attributes": "a"}, "custom_attributes", "dictionary"),
        ({"id": uuid4().hex}, {"id": "7"}, "id", "UUID"),
        ({}, {"colour": "red"}, "colour", "not permitted"),
    ],
)
def test_each_rule_passes_what_is_right_and_names_what_is_wrong(
    api_postgresql: Api, passes: dict[str, Any], fails: dict[str, Any], field: str, reason: str
) -> None:
    owner = customer(api_postgresql)
    make(api_postgresql, owner, **passes)
    wrong = api_postgresql.wrong("/contracts", {**least(owner), **fails})
    assert wrong.keys() == {field}
    assert reason in wrong[field]


def test_a_parent_who_is_billed_stays_the_parent(api: Api) -> None:
    parent = customer(api, "P")
    child = customer(api, "C", parent_customer_id=parent)
    made = make(api, child, bill_parent_customer=True)["id"]
    assert api.refused("DELETE", f"/customers/{parent}")["status"] == 422
    for other in (None, customer(api, "O")):
        assert api.wrong(f"/customers/{child}", {"parent_customer_id": other}, method="PATCH") == {
            "parent_customer_id": "cannot be changed while contracts that run bill the parent customer"
        }
    assert api.call("DELETE", f"/contracts/{made}").status_code == 204
    assert api.call("PATCH", f"/customers/{child}", {"parent_customer_id": None}).status_code == 200
    assert api.call("DELETE", f"/customers/{parent}").status_code == 204
