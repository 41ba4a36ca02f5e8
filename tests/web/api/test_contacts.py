"""Secondary contacts over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from sync.apikeys import Scope
from tests.web.api.conftest import Api

ADA = {
    "email": "ada@acme.example",
    "first_name": "Ada",
    "last_name": "Byron",
    "send_contract": True,
    "send_invoice": False,
}


def customer(api: Api, name: str = "Acme") -> str:
    return str(api.post("/customers", {"customer_name": name})["id"])


def test_a_contact_is_added_and_read_again(api: Api) -> None:
    owner = customer(api)
    answer = api.call("POST", "/contacts", {"customer_id": owner, **ADA})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert {name: made[name] for name in ADA} == ADA
    assert (made["customer_id"], made["version"]) == (owner, 1)
    assert answer.headers["Location"] == f"/contacts/{made['id']}"
    assert api.call("GET", f"/contacts/{made['id']}").headers["ETag"] == '"1"'
    assert api.get(f"/contacts/{made['id']}") == made
    assert api.get(f"/customers/{owner}/contacts")["data"] == [made]
    bare = api.post("/contacts", {"customer_id": owner, "email": "ben@acme.example"})
    assert (bare["first_name"], bare["send_contract"], bare["send_invoice"]) == (None, False, False)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"email": None}, "email"),
        ({"first_name": "x" * 256}, "first_name"),
        ({"last_name": 5}, "last_name"),
        ({"send_invoice": "yes"}, "send_invoice"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_field_that_cannot_be_taken_is_named(api_postgresql: Api, change: Any, field: str) -> None:
    api = api_postgresql
    owner = customer(api)
    assert api.wrong("/contacts", {"customer_id": owner, **ADA, **change}).keys() == {field}
    made = api.post("/contacts", {"customer_id": owner, **ADA})
    assert api.wrong(f"/contacts/{made['id']}", change, method="PATCH").keys() == {field}
    assert api.get(f"/contacts/{made['id']}") == made


def test_a_contact_belongs_to_a_customer_that_is_there(api: Api) -> None:
    gone = customer(api)
    api.call("DELETE", f"/customers/{gone}")
    for owner, why in (
        (gone, "there is no such customer"),
        ("0" * 32, "there is no such customer"),
        ("nobody", "must be a UUID"),
    ):
        found = api.wrong("/contacts", {**ADA, "customer_id": owner})
        assert why in found["customer_id"]
    assert api.wrong("/contacts", ADA).keys() == {"customer_id"}


def test_an_address_is_once_per_customer(api: Api) -> None:
    owner = customer(api)
    api.post("/contacts", {"customer_id": owner, **ADA})
    again = {"customer_id": owner, "email": "ADA@acme.example"}
    found = api.refused("POST", "/contacts", again)
    assert found["status"] == 400
    assert [each["loc"] for each in found["errors"]] == [["body", "email"]]
    api.post("/contacts", {**again, "customer_id": customer(api, "Other")})


def test_a_change_sets_what_is_sent_if_nobody_was_faster(api: Api) -> None:
    made = api.post("/contacts", {"customer_id": customer(api), **ADA})
    path = f"/contacts/{made['id']}"
    answer = api.call("PATCH", path, {"last_name": None}, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert answer.json()["last_name"] is None
    assert answer.json()["first_name"] == "Ada"
    assert api.call("PATCH", path, {"last_name": "L"}, headers={"If-Match": '"1"'}).status_code == 412
    assert api.wrong(path, {"customer_id": "0" * 32}, method="PATCH").keys() == {"customer_id"}
    assert api.call("DELETE", path, headers={"If-Match": '"1"'}).status_code == 412
    assert api.call("DELETE", path, headers={"If-Match": '"2"'}).status_code == 204
    assert api.refused("GET", path)["status"] == 404
    assert api.refused("DELETE", path)["status"] == 404


def test_contacts_are_listed_in_pages_and_by_customer(api: Api) -> None:
    one, other = customer(api, "One"), customer(api, "Other")
    for number in range(5):
        owner = one if number % 2 else other
        api.post("/contacts", {"customer_id": owner, "email": f"c{number}@acme.example"})
    first = api.get("/contacts", limit=3)
    rest = api.get("/contacts", limit=3, cursor=first["next_cursor"])
    emails = {each["email"] for each in first["data"] + rest["data"]}
    assert emails == {f"c{number}@acme.example" for number in range(5)}
    mine = api.get("/contacts", customer_id=one)["data"]
    assert sorted(each["email"] for each in mine) == ["c1@acme.example", "c3@acme.example"]
    assert api.refused("GET", f"/customers/{'0' * 32}/contacts")["status"] == 404


def test_a_repeated_call_adds_one_contact(api: Api) -> None:
    body = {"customer_id": customer(api), **ADA}
    first = api.post("/contacts", body, Idempotency_Key="k1")
    assert api.post("/contacts", body, Idempotency_Key="k1") == first


def test_a_foreign_contact_is_not_there(api: Api) -> None:
    made = api.post("/contacts", {"customer_id": customer(api), **ADA})
    theirs = api.with_key(Scope.ADMIN, "theirs")
    path = f"/contacts/{made['id']}"
    for method, body in (("GET", None), ("PATCH", {"first_name": "Eve"}), ("DELETE", None)):
        assert theirs.refused(method, path, body)["status"] == 404
    assert theirs.get("/contacts")["data"] == []
    assert theirs.wrong("/contacts", {**ADA, "customer_id": made["customer_id"]}).keys() == {"customer_id"}
    assert api.get(path) == made
    reader = api.with_key(Scope.READ)
    assert reader.refused("DELETE", path)["status"] == 403


def test_a_list_asks_the_database_no_more_often_for_more_rows(api: Api) -> None:
    asked: list[str] = []
    event.listen(api.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    owner = customer(api)
    counts: list[list[int]] = []
    for number in range(6):
        api.post("/contacts", {"customer_id": owner, "email": f"c{number}@acme.example"})
        api.post("/business_entities", {"name": f"E{number}"})
        wallet = api.post("/wallets", {"customer_id": customer(api), "currency": "EUR"})
        api.post(f"/wallets/{wallet['id']}/add", {"amount": "1", "reason": "r"})
        counts.append([])
        for path in ("/contacts", f"/customers/{owner}/contacts", "/business_entities", "/wallets"):
            asked.clear()
            assert len(api.get(path)["data"]) == number + 1
            counts[-1].append(len([each for each in asked if "api_key" not in each]))
    assert counts[-1] == counts[0], "whatever is asked about the key apart"
