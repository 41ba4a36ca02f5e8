"""Customers over HTTP: the digest's calls, versions, pages, and what is done once."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from sqlalchemy import select

from sync.apikeys import Scope
from sync.clock import new_id
from sync.store.worktables import audit
from tests.web.api.conftest import Api

ADDRESS = {
    "line1": "1 Main Street",
    "city": "Springfield",
    "state": "IL",
    "zipCode": "62701",
    "country": "US",
}
VAT = {"country_code": "EU", "tax_code": "VAT", "tax_id": "DE136695976"}
WHOLE = {
    "external_id": "ACME-42",
    "customer_name": "Acme Limited",
    "email": "billing@acme.example",
    "phone_number": "+1-555-0100",
    "address": ADDRESS,
    "ship_to_address": {"line1": "2 Side Street", "postal_code": "10001"},
    "tax_info": [{"country_code": "EU", "tax_code": "VAT", "tax_id": "DE136695976"}],
    "custom_data": {"users": ["a@acme.example"], "exempt_tax": True},
    "custom_attributes": {"tier": "gold"},
    "communications_enabled": False,
}


def test_a_whole_customer_is_added_and_read_again(api: Api) -> None:
    answer = api.call("POST", "/customers", WHOLE)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["Location"] == f"/customers/{made['id']}"
    for name, value in WHOLE.items():
        if name not in ("address", "ship_to_address"):
            assert made[name] == value, name
    assert {name: value for name, value in made["address"].items() if value} == {
        **ADDRESS,
        "validation_status": "valid",
    }
    assert made["ship_to_address"]["zipCode"] == "10001", "under its canonical name"
    assert made["auto_charge_enabled"] is True
    assert (made["version"], made["connector"], made["deleted_at"]) == (1, None, None)
    assert api.get(f"/customers/{made['id']}") == made
    assert api.get(f"/customers/{made['id'].replace('-', '')}") == made
    with api.database.reading() as tx:
        assert tx.execute(
            select(audit.c.actor).where(audit.c.action == "customer.added")
        ).scalars().all() == ["api:test"]


def test_an_address_goes_out_with_what_its_country_says_of_it(api: Api) -> None:
    made = api.post("/customers", {"customer_name": "A", "address": {**ADDRESS, "zipCode": "10001"}})
    shown = made["address"]
    assert (shown["validation_status"], [each["field"] for each in shown["validation_reasons"]]) == (
        "invalid",
        ["zipCode"],
    )
    shown["zipCode"] = "62701"
    fresh = api.call("PATCH", f"/customers/{made['id']}", {"address": shown}).json()["address"]
    assert (fresh["validation_status"], fresh["validation_reasons"]) == ("valid", []), "judged, not believed"
    unknown = api.post("/customers", {"customer_name": "B", "address": {"line1": "1 Main Street"}})
    assert unknown["address"]["validation_status"] == "pending"


def test_each_field_that_cannot_be_taken_is_named(api: Api) -> None:
    for body, field in (
        ({}, "customer_name"),
        ({"customer_name": " "}, "customer_name"),
        ({"customer_name": "A", "email": "no address"}, "email"),
        ({"customer_name": "A", "external_id": "x" * 256}, "external_id"),
        ({"customer_name": "A", "address": {"street": "x"}}, "address.street"),
        ({"customer_name": "A", "address": "1 Main Street"}, "address"),
        ({"customer_name": "A", "tax_info": [{"country_code": "EU"}]}, "tax_info.0.tax_code"),
        ({"customer_name": "A", "custom_data": []}, "custom_data"),
        ({"customer_name": "A", "auto_charge_enabled": "yes"}, "auto_charge_enabled"),
        ({"customer_name": "A", "colour": "red"}, "colour"),
        ({"customer_name": "A", "tax_info": [VAT, {**VAT, "country_code": "eu"}]}, "tax_info.1"),
        ({"customer_name": "A", "custom_data": {"notes": ["x" * 1_000] * 70}}, "custom_data"),
        ({"customer_name": "A", "connector": {"name": "crm", "reference_id": "1"}}, "connector.name"),
    ):
        assert field in api.wrong("/customers", body), body
    assert api.get("/customers")["data"] == []


def test_what_must_be_unique_is_refused_with_400(api: Api) -> None:
    made = api.post("/customers", WHOLE)
    for name in ("external_id", "email"):
        found = api.refused("POST", "/customers", {"customer_name": "Other", name: WHOLE[name]})
        assert found["status"] == 400
        assert [each["loc"] for each in found["errors"]] == [["body", name]]
    other = api.post("/customers", {"customer_name": "Other"})
    taken = {"email": str(WHOLE["email"]).upper()}
    assert api.refused("PATCH", f"/customers/{other['id']}", taken)["status"] == 400
    assert len(api.get("/customers")["data"]) == 2
    assert api.call("DELETE", f"/customers/{made['id']}").status_code == 204
    api.post("/customers", WHOLE)


def test_a_change_sets_what_is_sent_and_no_more(api: Api) -> None:
    made = api.post("/customers", WHOLE)
    path = f"/customers/{made['id']}"
    change: dict[str, Any] = {
        "customer_name": "Acme",
        "address": {"line1": "9 New Road"},
        "custom_data": {"exempt_tax": None, "plan": "b"},
        "tax_info": [{"country_code": "sg", "tax_code": "vat", "tax_id": "M90363984A"}],
        "phone_number": None,
    }
    answer = api.call("PATCH", path, change, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    fresh = answer.json()
    assert answer.headers["ETag"] == '"2"'
    assert fresh["address"]["line1"] == "9 New Road"
    assert fresh["address"]["city"] is None, "an address is one value"
    assert fresh["custom_data"] == {"users": ["a@acme.example"], "plan": "b"}
    assert fresh["tax_info"] == [{"country_code": "SG", "tax_code": "VAT", "tax_id": "M90363984A"}]
    assert (fresh["phone_number"], fresh["email"]) == (None, WHOLE["email"])
    assert fresh["updated_at"] > made["updated_at"]
    same = api.call("PATCH", path, {"customer_name": "Acme"})
    assert same.json()["version"] == 2, "nothing changed"
    assert api.wrong(path, {"customer_name": None}, method="PATCH").keys() == {"customer_name"}
    assert api.wrong(path, {"customer_name": ""}, method="PATCH").keys() == {"customer_name"}


def test_a_number_becomes_a_truth_value(api: Api) -> None:
    made = api.post("/customers", {**WHOLE, "custom_data": {"n": 1, "deep": [{"z": 0}]}})
    path, wanted = f"/customers/{made['id']}", {"n": True, "deep": [{"z": False}]}
    fresh = api.call("PATCH", path, {"custom_data": wanted}).json()
    assert (fresh["version"], fresh["custom_data"]) == (2, wanted)
    assert fresh["custom_data"]["n"] is True
    assert fresh["custom_data"]["deep"][0]["z"] is False
    assert api.call("PATCH", path, {"custom_data": wanted}).json()["version"] == 2


def test_a_stale_reader_writes_nothing(api: Api) -> None:
    made = api.post("/customers", WHOLE)
    path = f"/customers/{made['id']}"
    assert api.call("PATCH", path, {"customer_name": "B"}, headers={"If-Match": '"1"'}).status_code == 200
    for method in ("PATCH", "DELETE"):
        answer = api.call(method, path, {"customer_name": "C"}, headers={"If-Match": '"1"'})
        assert answer.status_code == 412
    for header, code in (("1", 400), ('"1", "2"', 400), ('W/"2"', 412), ('"x"', 412), ('"9999999999"', 412)):
        assert api.call("PATCH", path, {}, headers={"If-Match": header}).status_code == code, header
    assert api.get(path)["customer_name"] == "B"
    assert api.call("PATCH", path, {"customer_name": "D"}, headers={"If-Match": "*"}).status_code == 200


def test_a_list_gives_each_customer_once(api: Api) -> None:
    made = [api.post("/customers", {"customer_name": f"C{number}"})["id"] for number in range(7)]
    cursor: dict[str, str] = {}
    for order, expected in (("created_at", made), ("-created_at", made[::-1]), ("updated_at", made)):
        found: list[str] = []
        cursor.clear()
        while True:
            page = api.get("/customers", limit=3, order=order, **cursor)
            found += [each["id"] for each in page["data"]]
            if page["next_cursor"] is None:
                break
            cursor["cursor"] = page["next_cursor"]
        assert found == expected, order
    for bad in ("x", "bm9uZQ", cursor["cursor"][:-3]):
        assert api.refused("GET", "/customers", cursor=bad)["status"] == 422
    assert api.refused("GET", "/customers", cursor=cursor["cursor"], order="created_at")["status"] == 422
    for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1800-01-01T00:00:00Z"):
        typed = b64encode(json.dumps(["created_at", at, new_id()]).encode()).decode()
        for path in ("/customers", "/contracts"):
            assert api.refused("GET", path, cursor=typed, order="created_at")["status"] == 422, at


def test_a_list_is_cut_by_conditions(api: Api) -> None:
    first = api.post("/customers", {"customer_name": "100% Acme", "external_id": "a", "email": "A@x.example"})
    second = api.post("/customers", {"customer_name": "Beta_Works", "external_id": "b"})
    api.call("PATCH", f"/customers/{first['id']}", {"phone_number": "+1-555-0100"})

    def names(**query: str) -> list[str]:
        return [each["external_id"] for each in api.get("/customers", **query)["data"]]

    assert names(external_id="b") == ["b"]
    assert names(email="a@X.example") == ["a"]
    assert names(customer_name__ilike="%acme") == ["a"]
    assert names(customer_name__ilike="acme") == []
    assert names(customer_name__ilike="beta_works") == ["b"]
    assert names(customer_name__ilike="\\") == []
    assert names(id__in=f"{first['id']},{second['id']}") == ["a", "b"]
    assert names(created_at__gte=second["created_at"]) == ["b"]
    assert names(created_at__lte=first["created_at"]) == ["a"]
    assert names(updated_at__gte=second["updated_at"], order="updated_at") == ["b", "a"]
    assert names(external_id="a", email="nobody@x.example") == []
    for query in (
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "9" * 400},
        {"order": "name"},
        {"created_at__gte": "yesterday"},
        {"created_at__gte": "0001-01-01T00:00:00+14:00"},
        {"updated_at__lte": "9999-12-31T23:59:59-14:00"},
        {"id__in": "1,2"},
        {"updated_at_gte": second["updated_at"]},
    ):
        found = api.refused("GET", "/customers", **query)
        assert found["status"] == 422, query
        assert found["detail"][0]["loc"] == ["query", *query], query


def test_what_is_sent_again_is_done_once(api: Api) -> None:
    body = {"customer_name": "Once", "external_id": "once"}
    headers = {"Idempotency-Key": "order-1"}
    first = api.call("POST", "/customers", body, headers=headers)
    again = api.call("POST", "/customers", body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["ETag"] == first.headers["ETag"]
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    other = api.call("POST", "/customers", {"customer_name": "Other"}, headers=headers)
    assert other.status_code == 422
    assert len(api.get("/customers")["data"]) == 1
    refused = api.call("POST", "/customers", body, headers={"Idempotency-Key": "order-2"})
    assert refused.status_code == 400
    api.call("DELETE", f"/customers/{first.json()['id']}")
    assert api.call("POST", "/customers", body, headers={"Idempotency-Key": "order-2"}).status_code == 201


def test_who_may_do_what(api: Api) -> None:
    made = api.post("/customers", {"customer_name": "A"})
    reader, nobody = api.with_key(Scope.READ), Api(api.served, "")
    assert reader.get("/customers")["data"] == [made]
    for method, path in (("POST", "/customers"), ("PATCH", f"/customers/{made['id']}")):
        assert reader.refused(method, path, {"customer_name": "B"})["status"] == 403
        assert nobody.refused(method, path, {"customer_name": "B"})["status"] == 401
    assert Api(api.served, api.key[:-1] + "_").refused("GET", "/customers")["status"] == 401
    assert api.call("GET", "/customers", headers={"organisation": "another"}).status_code == 404
    assert api.call("GET", "/customers", headers={"organisation": api.organisation_id}).status_code == 200
    slow = api.with_key(rate=1)
    answers = [slow.call("GET", "/customers") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "1"


def test_another_organisation_is_not_there(api: Api) -> None:
    theirs = api.with_key(Scope.ADMIN, "theirs")
    made = theirs.post("/customers", {"customer_name": "Theirs", "email": "x@theirs.example"})
    for method in ("GET", "PATCH", "DELETE"):
        assert api.refused(method, f"/customers/{made['id']}", {"customer_name": "X"})["status"] == 404
    assert api.get("/customers")["data"] == []
    api.post("/customers", {"customer_name": "Ours", "email": "x@theirs.example"})
    both = api.with_key(Scope.READ, "theirs", "default")
    assert [each["customer_name"] for each in both.get("/customers")["data"]] == ["Theirs"]
    assert both.call("GET", "/customers", headers={"organisation": ""}).status_code == 404
