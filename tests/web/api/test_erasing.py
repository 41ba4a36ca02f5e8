"""Nothing of an erased customer stays in any table, and nothing brings it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sync.apikeys import Scope
from sync.store.session import Database
from tests.web.api.conftest import Api
from tests.web.api.erasing import KINDS, PHONE, WORD, Lived, customer, lived

WORDS = (WORD, PHONE)
OTHER, OTHERS_PHONE = "Neighbour", "2125550111"
EXPECTED = {
    *("audit", "changes", "conflicts", "contacts", "contracts", "customers", "idempotency", "links"),
    "import_rows",
    *("phases", "planned_records", "runs", "sightings", "tax_ids", "wallet_entries"),
}


@pytest.fixture
def life(database: Database) -> Iterator[Lived]:
    yield from lived(database)


def test_nothing_of_an_erased_customer_stays_and_nothing_brings_it_back(life: Lived) -> None:
    other = life.api.post("/customers", customer(OTHER, OTHERS_PHONE))["id"]
    life.sync("hubspot")
    life.sync("salesforce")
    assert life.traces(*WORDS) == EXPECTED
    neighbour = life.api.get(f"/customers/{other}/links")
    there, before = life.there(), life.rows()

    path = f"/customers/{life.customer_id}/erase"
    shown: Any = life.api.call("POST", path, preview="true").json()
    assert shown["state"] == "planned"
    assert life.rows() == before
    done = life.api.post(path, None, status=200)
    assert done == {**shown, "state": "erased"}
    assert {(each["connection"], each["ref"]) for each in done["records"]} == {*life.refs.items()}
    assert set(done["removed"]) >= EXPECTED
    assert life.traces(*WORDS) == set()
    deeds = [row for row in life.rows()["audit"] if life.plain in row]
    assert any("customer.erased" in row and "api:test" in row for row in deeds)
    assert any("customer.added" in row for row in deeds), "who did what stays told"

    for _ in range(2):
        for kind in KINDS:
            assert life.sync(kind, full=True).counts["writes"] == 0
            life.sync(kind, kind="full")
            life.sync(kind, dry=True)
    assert life.traces(*WORDS) == set()
    assert life.there() == there
    life.edit("salesforce", name=f"{WORD} again")
    life.edit("hubspot", street=f"1 {WORD} Lane", email=f"x@{WORD}.example")
    for kind in KINDS:
        life.sync(kind, full=True)
    assert life.traces(*WORDS) == set()
    assert life.api.get("/conflicts", customer_id=life.customer_id)["data"] == []

    assert life.api.get(f"/customers/{other}/links") == neighbour
    assert [each["id"] for each in life.api.get("/customers")["data"]] == [other]
    life.api.refused("GET", f"/customers/{life.customer_id}")
    for key, (where, body) in life.answers.items():
        again = life.api.call("POST", where, body, headers={"Idempotency-Key": key})
        assert again.status_code == 410, (where, again.text)
    assert life.traces(*WORDS) == set()


def test_a_file_that_is_not_read_yet_is_let_go(api: Api) -> None:
    made = api.post("/customers", customer(WORD, PHONE))["id"]
    sent = api.upload(f"external_id,name\n{WORD}-Key-1,{WORD} filed\n").json()
    waiting = api.upload("external_id,name\nOTHER,Another\n").json()
    api.post(f"/customers/{made}/erase", None, status=200)
    api.drain()
    for each in (sent, waiting):
        found = api.get(f"/imports/{each['id']}")
        assert (found["state"], found["counts"]) == ("cancelled", {})
        assert "import the file again" in found["reason"]


def test_it_takes_the_scope_admin_and_happens_once(api: Api) -> None:
    made = api.post("/customers", customer(WORD, PHONE))["id"]
    path = f"/customers/{made}/erase"
    assert api.with_key(Scope.REVIEW).refused("POST", path)["status"] == 403
    assert api.call("POST", path, headers={"If-Match": '"99"'}).status_code == 412
    first = api.post(path, None, status=200, Idempotency_Key="once")
    assert api.post(path, None, status=200, Idempotency_Key="once") == first
    assert api.refused("POST", path)["status"] == 404


def test_it_is_refused_while_contracts_run(api: Api) -> None:
    made = api.post("/customers", customer(WORD, PHONE))["id"]
    when = {"start_date": "2026-01-01T00:00:00Z"}
    body = {"name": "x", "status": "active", "currency": "EUR", **when}
    api.post("/contracts", {**body, "customer_id": made, "phases": [{"name": "x", **when}]})
    assert "1 contract" in str(api.refused("POST", f"/customers/{made}/erase")["detail"])
    assert api.get(f"/customers/{made}")["customer_name"] == f"{WORD} Limited"
