"""Business entities over HTTP, and the tax numbers of customers."""

from __future__ import annotations

from typing import Any

import pytest

from sync.apikeys import Scope
from tests.core.test_taxids import JURISDICTIONS
from tests.web.api.conftest import Api

ACME: dict[str, Any] = {
    "name": "Acme GmbH",
    "country_code": "DE",
    "address": {"line1": "Hauptstrasse 1", "city": "Berlin", "zipCode": "10115", "country_code": "DE"},
}


def test_an_entity_is_added_and_read_again(api: Api) -> None:
    answer = api.call("POST", "/business_entities", ACME)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["name"], made["country_code"], made["version"]) == ("Acme GmbH", "DE", 1)
    assert {**made["address"], **ACME["address"]} == made["address"]
    assert made["address"]["validation_status"] == "valid"
    path = f"/business_entities/{made['id']}"
    assert (answer.headers["Location"], answer.headers["ETag"]) == (path, '"1"')
    assert api.get(path) == made
    assert api.post("/business_entities", {"name": "Bare"})["address"] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"country_code": "XX"}, "country_code"),
        ({"address": "Berlin"}, "address"),
        ({"address": {"town": "Berlin"}}, "address.town"),
        ({"vat": "1"}, "vat"),
    ],
)
def test_a_field_that_cannot_be_taken_is_named(api_postgresql: Api, change: Any, field: str) -> None:
    api = api_postgresql
    assert api.wrong("/business_entities", {**ACME, **change}).keys() == {field}
    made = api.post("/business_entities", ACME)
    assert api.wrong(f"/business_entities/{made['id']}", change, method="PATCH").keys() == {field}
    assert api.wrong("/business_entities", {"country_code": "DE"}).keys() == {"name"}


def test_a_name_is_once_per_organisation(api: Api) -> None:
    api.post("/business_entities", ACME)
    found = api.refused("POST", "/business_entities", ACME)
    assert found["status"] == 400
    assert [each["loc"] for each in found["errors"]] == [["body", "name"]]
    theirs = api.with_key(Scope.ADMIN, "theirs")
    theirs.post("/business_entities", ACME)
    assert len(theirs.get("/business_entities")["data"]) == 1


def test_a_change_sets_what_is_sent_if_nobody_was_faster(api: Api) -> None:
    path = f"/business_entities/{api.post('/business_entities', ACME)['id']}"
    answer = api.call("PATCH", path, {"address": {"city": "Bonn"}}, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert (answer.json()["address"]["city"], answer.json()["address"]["line1"]) == ("Bonn", None)
    assert answer.json()["name"] == "Acme GmbH"
    assert api.call("PATCH", path, {"name": "B"}, headers={"If-Match": '"1"'}).status_code == 412
    assert api.call("DELETE", path, headers={"If-Match": '"1"'}).status_code == 412


def test_an_entity_stays_while_a_customer_uses_it(api: Api) -> None:
    entity = api.post("/business_entities", ACME)
    path = f"/business_entities/{entity['id']}"
    user = api.post("/customers", {"customer_name": "A", "business_entity_id": entity["id"]})
    assert user["business_entity_id"] == entity["id"]
    found = api.refused("DELETE", path)
    assert (found["status"], found["detail"][0]["msg"]) == (422, "is used by customers")
    assert api.call("DELETE", f"/customers/{user['id']}").status_code == 204
    assert api.call("DELETE", path).status_code == 204
    assert api.refused("GET", path)["status"] == 404
    body = {"customer_name": "B", "business_entity_id": entity["id"]}
    assert api.wrong("/customers", body) == {"business_entity_id": "there is no such business entity"}


def test_entities_are_listed_in_pages(api: Api) -> None:
    made = {api.post("/business_entities", {"name": f"E{number}"})["id"] for number in range(5)}
    first = api.get("/business_entities", limit=3)
    rest = api.get("/business_entities", limit=3, cursor=first["next_cursor"])
    assert {each["id"] for each in first["data"] + rest["data"]} == made
    assert len(first["data"]) == 3


def test_a_foreign_entity_is_not_there(api: Api) -> None:
    made = api.post("/business_entities", ACME)
    path = f"/business_entities/{made['id']}"
    theirs = api.with_key(Scope.ADMIN, "theirs")
    for method, body in (("GET", None), ("PATCH", {"name": "Mine"}), ("DELETE", None)):
        assert theirs.refused(method, path, body)["status"] == 404
    assert api.get(path) == made
    assert api.with_key(Scope.READ).refused("PATCH", path, {"name": "B"})["status"] == 403


def test_a_customers_tax_ids_are_shown_with_what_the_check_says(api: Api) -> None:
    numbers = [
        {"country_code": "EU", "tax_code": "VAT", "tax_id": "BE 0403.019.261"},
        {"country_code": "IND", "tax_code": "GST", "tax_id": "27AAPFU0939F1ZX"},
        {"country_code": "ZZ", "tax_code": "TIN", "tax_id": "12"},
    ]
    made = api.post("/customers", {"customer_name": "A", "tax_info": numbers})
    path = f"/customers/{made['id']}/tax-ids"
    found = api.get(path)["data"]
    assert [{name: each[name] for name in numbers[0]} for each in found] == numbers
    assert [(each["check"], each["jurisdiction"]) for each in found] == [
        ("valid", "European Union (VAT)"),
        ("invalid", "India (GST)"),
        ("unknown", None),
    ]
    assert [each["problem"] is None for each in found] == [True, False, True]
    assert api.with_key(Scope.ADMIN, "theirs").refused("GET", path)["status"] == 404
    assert api.refused("GET", f"/customers/{'0' * 32}/tax-ids")["status"] == 404


def test_a_tax_id_is_checked_without_being_kept(api_postgresql: Api) -> None:
    api = api_postgresql.with_key(Scope.READ)
    for country, code, right, wrong, name in JURISDICTIONS:
        for number, check in ((right, "valid"), (wrong, "invalid")):
            body = {"country_code": country, "tax_code": code, "tax_id": number}
            found = api.post("/tax-ids/check", body, status=200)
            assert (found["check"], found["jurisdiction"]) == (check, name)
            assert (found["problem"] is None) == (check == "valid")
    for body, field in (
        ({"country_code": "EU", "tax_code": "VAT"}, "tax_id"),
        ({"country_code": "E1", "tax_code": "VAT", "tax_id": "1"}, "country_code"),
        ({"country_code": "EU", "tax_code": "VAT", "tax_id": "x" * 65}, "tax_id"),
        ({"country_code": "EU", "tax_code": "VAT", "tax_id": "1", "kind": "x"}, "kind"),
    ):
        assert api.wrong("/tax-ids/check", body).keys() == {field}
