"""Customers over HTTP and what they are joined with: CRM records, parents, business entities."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select

from sync.apikeys import Scope
from sync.store.schema import customers as table
from sync.store.schema import links as links_table
from sync.store.worktables import jobs
from tests.store.together import together
from tests.web.api.conftest import Api


def test_a_customer_of_a_crm_is_linked_and_fetched(api: Api) -> None:
    connection = api.served.connect("salesforce", "salesforce", account_id="a")
    api.served.wakes.clear()
    origin = {"name": "salesforce", "reference_id": "0015g00000XyZabAAF"}
    made = api.post("/customers", {"customer_name": "Linked", "external_id": "l", "connector": origin})
    assert made["connector"] == origin
    assert api.served.wakes, "a worker was woken"
    with api.database.reading() as tx:
        (link,) = tx.execute(select(links_table)).mappings().all()
        (job,) = tx.execute(select(jobs).where(jobs.c.kind == "fetch")).mappings().all()
    assert (link["ref"], link["connection_id"], link["state"]) == (
        origin["reference_id"],
        connection.id,
        "active",
    )
    assert (job["connection_id"], job["key"]) == (connection.id, origin["reference_id"])
    found = api.refused("POST", "/customers", {"customer_name": "Second", "connector": origin})
    assert found["status"] == 400
    with api.database.reading() as tx:
        assert len(tx.execute(select(table.c.id)).all()) == 1


def test_a_link_that_was_undone_gives_way_and_any_form_of_an_id_serves(api: Api) -> None:
    api.served.connect("salesforce", "salesforce", account_id="a")
    short = {"name": "salesforce", "reference_id": "0015g00000XyZab"}
    made = api.post("/customers", {"customer_name": "First", "connector": short})
    long = made["connector"]
    assert long["reference_id"] == "0015g00000XyZabAAF", "as the CRM gives it"
    assert api.refused("POST", "/customers", {"customer_name": "B", "connector": long})["status"] == 400
    assert api.call("DELETE", f"/customers/{made['id']}").status_code == 204
    again = api.post("/customers", {"customer_name": "Second", "connector": long})
    assert again["connector"] == long


def test_of_many_that_come_at_once_one_is_taken_and_the_others_are_told(api: Api) -> None:
    api.served.connect("salesforce", "salesforce", account_id="a")
    origin = {"name": "salesforce", "reference_id": "0015g00000XyZabAAF"}
    for name, value in (("external_id", "k"), ("email", "a@b.example"), ("connector", origin)):
        body = {"customer_name": "A", name: value}
        send = partial(Api.call, method="POST", path="/customers", body=body)
        found = together(8, lambda _, send=send: send(Api(api.served, api.key)))  # type: ignore[misc]
        assert sorted(each.status_code for each in found) == [201] + [400] * 7, name
    made = [api.post("/customers", {"customer_name": f"C{n}"})["id"] for n in range(4)]
    change = {"email": "c@b.example"}
    found = together(4, lambda n: Api(api.served, api.key).call("PATCH", f"/customers/{made[n]}", change))
    assert sorted(each.status_code for each in found) == [200, 400, 400, 400]


def test_an_edit_here_goes_to_the_crms_like_any_other(api: Api) -> None:
    api.served.connect("salesforce", "salesforce", account_id="a")
    origin = {"name": "salesforce", "reference_id": "0015g00000XyZabAAF"}
    made = api.post("/customers", {"customer_name": "Linked", "connector": origin})
    api.call("PATCH", f"/customers/{made['id']}", {"customer_name": "New name"})
    with api.database.reading() as tx:
        assert tx.execute(select(links_table.c.dirty_why)).scalars().all() == ["edit"]
        assert "push" in tx.execute(select(jobs.c.kind)).scalars().all()


def test_what_a_customer_names_must_be_there(api: Api) -> None:
    parent = api.post("/customers", {"customer_name": "Parent"})
    child = api.post("/customers", {"customer_name": "Child", "parent_customer_id": parent["id"]})
    assert child["parent_customer_id"] == parent["id"]
    assert [each["id"] for each in api.get("/customers", parent_customer_id=parent["id"])["data"]] == [
        child["id"]
    ]
    theirs = api.with_key(Scope.ADMIN, "theirs").post("/customers", {"customer_name": "Theirs"})
    for name in ("parent_customer_id", "business_entity_id"):
        for unknown in (theirs["id"], "0" * 32, "none"):
            assert api.wrong("/customers", {"customer_name": "A", name: unknown}).keys() == {name}
            assert api.wrong(f"/customers/{child['id']}", {name: unknown}, method="PATCH").keys() == {name}
    for above in (parent, child):
        path = f"/customers/{parent['id']}"
        assert api.wrong(path, {"parent_customer_id": above["id"]}, method="PATCH") == {
            "parent_customer_id": "stands below this customer"
        }
    assert api.call("PATCH", f"/customers/{child['id']}", {"parent_customer_id": None}).status_code == 200
    api.call("PATCH", f"/customers/{parent['id']}", {"parent_customer_id": child["id"]})
    assert api.get(f"/customers/{parent['id']}")["parent_customer_id"] == child["id"]
