"""Contracts over HTTP: made, changed, listed, and seen by nobody else."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy import event, select

from sync.apikeys import Scope
from sync.store.worktables import audit
from tests.web.api.conftest import Api
from tests.web.api.contracting import customer, end, least, make


def test_a_whole_contract_is_made_and_read_again(api: Api) -> None:
    parent, payer = customer(api, "Parent"), customer(api, "Payer")
    child = customer(api, "Child", parent_customer_id=parent)
    given = least(
        child,
        id=str(uuid4()),
        description="All of it",
        tags=["a", "b"],
        end_date="2999-01-01",
        anchor_date="2026-01-15T12:00:00+02:00",
        is_last_day_of_month=True,
        plan_id="plan-1",
        custom_attributes={"tier": "gold"},
        renewal_policy="do_not_renew",
        contract_link="https://example.com/c.pdf",
        bill_parent_customer=True,
        invoice_payer_customer_id=payer,
        source={"system": "salesforce", "opportunity_id": "006", "contract_number": "7"},
        phases=[
            {"name": "Later", "start_date": "2026-06-01", "pricings": [{"id": "p", "price": "1.50"}]},
            {"name": "First", "start_date": "2026-01-01", "end_date": "2026-03-01", "description": "d"},
        ],
    )
    answer = api.call("POST", "/contracts", given)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (answer.headers["ETag"], answer.headers["Location"]) == ('"1"', f"/contracts/{given['id']}")
    times = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2999-01-01T00:00:00Z"}
    times["anchor_date"] = "2026-01-15T10:00:00Z"
    first, later = made["phases"]
    for name, value in {**given, **times}.items():
        assert name == "phases" or made[name] == value, name
    assert first == {
        "name": "First",
        "description": "d",
        "start_date": "2026-01-01T00:00:00Z",
        "end_date": "2026-03-01T00:00:00Z",
        "pricings": [],
    }
    assert (later["end_date"], later["pricings"]) == (None, [{"id": "p", "price": "1.50"}])
    assert made["current_phase"] == later
    assert made["customer"] == api.get(f"/customers/{child}")
    assert made["invoice_payer_customer"] == api.get(f"/customers/{payer}")
    assert (made["version"], made["created_at"]) == (1, made["updated_at"])
    assert api.get(f"/contracts/{made['id']}") == made
    with api.database.reading() as tx:
        deeds = select(audit.c.actor).where(audit.c.action == "contract.added")
        assert tx.execute(deeds).scalars().all() == ["api:test"]


def test_a_contract_moves_from_status_to_status_and_expires_by_itself(api: Api) -> None:
    made = make(api, customer(api), status="draft")
    path = f"/contracts/{made['id']}"
    for status in ("active", "paused", "active", "disputed", "active"):
        assert api.call("PATCH", path, {"status": status}).json()["status"] == status
    for status, reason in (("draft", "can become"), ("expired", "by itself"), ("signed", "must be one of")):
        assert reason in api.wrong(path, {"status": status}, method="PATCH")["status"]
    assert api.get(path)["current_phase"]["name"] == "First"
    end(api, made["id"])
    assert (api.get(path)["status"], api.get(path)["current_phase"]) == ("expired", None)
    assert api.wrong(path, {"status": "active"}, method="PATCH").keys() == {"status"}
    assert api.wrong(path, {"end_date": None}, method="PATCH").keys() == {"end_date"}
    assert api.call("PATCH", path, {"tags": ["over"]}).json()["tags"] == ["over"]


def test_a_change_sets_what_is_sent_and_a_stale_reader_writes_nothing(api: Api) -> None:
    made = make(api, customer(api), tags=["a"], description="d")
    path = f"/contracts/{made['id']}"
    change: dict[str, Any] = {"name": "New", "tags": [], "description": None, "end_date": "2999-01-01"}
    answer = api.call("PATCH", path, change, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"'), answer.text
    assert {name: answer.json()[name] for name in ("name", "tags", "description")} == {
        name: change[name] for name in ("name", "tags", "description")
    }
    assert answer.json()["phases"] == made["phases"]
    for method in ("PATCH", "DELETE"):
        assert api.call(method, path, {"name": "X"}, headers={"If-Match": '"1"'}).status_code == 412
    assert api.call("PATCH", path, {"name": "New"}).json()["version"] == 2, "nothing changed"
    for fixed in ({"customer_id": customer(api, "Other")}, {"id": str(uuid4())}, {"currency": "USD"}):
        assert api.wrong(path, fixed, method="PATCH").keys() == fixed.keys()
    assert api.wrong(path, {"name": None}, method="PATCH").keys() == {"name"}
    assert api.call("DELETE", path, headers={"If-Match": '"2"'}).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert api.call(method, path, {"name": "X"}).status_code == 404


def test_an_id_of_ones_own_and_a_key_make_a_contract_once(api: Api) -> None:
    body = least(customer(api), id=str(uuid4()))
    first = api.call("POST", "/contracts", body, headers={"Idempotency-Key": "k"})
    again = api.call("POST", "/contracts", body, headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    refused = api.refused("POST", "/contracts", body)
    assert refused["status"] == 400
    assert refused["errors"][0]["loc"] == ["body", "id"]
    assert len(api.get("/contracts")["data"]) == 1


def test_a_customer_with_a_running_contract_cannot_be_deleted(api: Api) -> None:
    owner = customer(api)
    made = make(api, owner)
    refused = api.refused("DELETE", f"/customers/{owner}")
    assert refused["status"] == 422
    assert "active, paused or disputed" in refused["title"]
    end(api, made["id"])
    assert api.call("DELETE", f"/customers/{owner}").status_code == 204
    assert api.get(f"/contracts/{made['id']}")["customer"]["deleted_at"] is not None
    assert api.refused("GET", f"/customers/{owner}/contracts")["status"] == 404
    assert api.wrong("/contracts", least(owner)).keys() == {"customer_id"}


def test_a_list_is_cut_by_conditions_and_into_pages(api: Api) -> None:
    one, two = customer(api, "One"), customer(api, "Two")
    ids = {}
    for name, owner, fields in (
        ("a", one, {}),
        ("b", two, {"currency": "USD"}),
        ("c", one, {"status": "draft"}),
        ("d", two, {}),
    ):
        ids[name] = make(api, owner, name=name, **fields)["id"]
    end(api, ids["d"])
    newest = api.call("PATCH", f"/contracts/{ids['a']}", {"tags": ["x"]}).json()

    def names(path: str = "/contracts", **query: Any) -> str:
        return "".join(each["name"] for each in api.get(path, **query)["data"])

    assert names() == "abcd"
    assert names(order="-created_at") == "dcba"
    assert names(customer_id=one) == names(f"/customers/{one}/contracts") == "ac"
    assert names(f"/customers/{two}/contracts", currency="usd") == "b"
    assert [names(status=each) for each in ("active", "draft", "expired", "paused")] == ["ab", "c", "d", ""]
    assert names(updated_at__gte=newest["updated_at"]) == "a"
    assert names(id__in=f"{ids['b']},{ids['c']}") == "bc"
    assert names(customer_id=str(uuid4())) == ""
    page = api.get("/contracts", limit=3)
    assert len(page["data"]) == 3
    assert names(limit=3, cursor=page["next_cursor"]) == "d"
    for query in ({"status": "signed"}, {"currency": "euro"}, {"customer_id": "7"}, {"id__in": "7"}):
        found = api.refused("GET", "/contracts", **query)
        assert (found["status"], found["detail"][0]["loc"]) == (422, ["query", *query])


def test_a_list_costs_the_same_number_of_statements_whatever_its_length(api: Api) -> None:
    seen: list[str] = []
    event.listen(
        api.database.engine, "before_cursor_execute", lambda *args: seen.append(args[2]), named=False
    )

    def statements() -> int:
        api.get("/contracts")  # what is done once a minute is done
        seen.clear()
        assert all(each["invoice_payer_customer"] for each in api.get("/contracts")["data"])
        return len([each for each in seen if each.startswith("SELECT")])

    payer = customer(api, "Payer")
    make(api, customer(api), invoice_payer_customer_id=payer)
    few = statements()
    for number in range(6):
        make(api, customer(api, f"C{number}"), invoice_payer_customer_id=payer)
    assert statements() == few


def test_another_organisations_contracts_and_customers_are_not_there(api: Api) -> None:
    owner = customer(api)
    made = make(api, owner)
    other = api.with_key(Scope.ADMIN, "other")
    path = f"/contracts/{made['id']}"
    for method in ("GET", "PATCH", "DELETE"):
        assert other.call(method, path, {"name": "X"}).status_code == 404
    assert other.get("/contracts")["data"] == []
    assert other.call("GET", f"/customers/{owner}/contracts").status_code == 404
    assert other.get("/contracts", customer_id=owner)["data"] == []
    theirs = customer(other)
    assert other.wrong("/contracts", least(owner)) == api.wrong("/contracts", least(theirs))
    paid = least(theirs, invoice_payer_customer_id=owner)
    assert other.wrong("/contracts", paid).keys() == {"invoice_payer_customer_id"}
    assert other.post("/contracts", least(theirs, id=made["id"]))["id"] == made["id"], "an id tells nothing"
    assert api.get(path) == made


def test_reading_needs_one_scope_and_writing_another(api: Api) -> None:
    owner = customer(api)
    reader = api.with_key(Scope.READ)
    assert reader.refused("POST", "/contracts", least(owner))["status"] == 403
    made = make(api.with_key(Scope.WRITE), owner)
    path = f"/contracts/{made['id']}"
    assert reader.get(path) == made
    for method in ("PATCH", "DELETE"):
        assert reader.refused(method, path, {"name": "X"})["status"] == 403
