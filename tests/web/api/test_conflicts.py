"""Questions over HTTP: listed, counted, decided as they were shown, by many at once, assigned, noted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from sync.apikeys import Scope
from sync.store import audit
from sync.store.conflicts import StoredConflict
from sync.store.query import first
from sync.store.schema import conflicts
from sync.store.session import Database
from tests.web.api.steered import Steered, steer
from web.pages import question


@pytest.fixture
def world(database: Database) -> Iterator[Steered]:
    """A site with a CRM, where both sides have changed the names of three customers."""
    for steered in steer(database):
        refs = [steered.pair(key)["crm"] for key in "abc"]
        steered.sync()
        for number, ref in enumerate(refs):
            steered.crms["crm"].edit(ref, {"name": f"Theirs {number}"})
        for number, key in enumerate("abc"):
            path = f"/customers/{steered.customer(key)['id']}"
            steered.api.call("PATCH", path, {"customer_name": f"Ours {number}"})
        steered.sync()
        yield steered


def rows(world: Steered, **query: Any) -> list[dict[str, Any]]:
    """Questions, by the record that they are about: made at the same moment, they have no other order."""
    found: list[dict[str, Any]] = world.api.get("/conflicts", **query)["data"]
    return sorted(found, key=lambda each: str(each["ref"]))


def test_questions_are_listed_filtered_and_counted(world: Steered) -> None:
    found = rows(world)
    assert [each["remote"] for each in found] == [{"customer_name": f"Theirs {n}"} for n in range(3)]
    assert [each["local"] for each in found] == [{"customer_name": f"Ours {n}"} for n in range(3)]
    assert found[0]["baseline"] == {"customer_name": {"local": "Customer a", "crm": "Customer a"}}
    first = world.api.get("/conflicts", limit=2)
    rest = world.api.get("/conflicts", limit=2, cursor=first["next_cursor"])
    assert [*first["data"], *rest["data"]] == world.api.get("/conflicts")["data"]
    assert rest["next_cursor"] is None
    assert world.api.get("/conflicts/counts") == {"total": 3, "kinds": {"field_conflict": 3}}
    assert len(rows(world, kind="field_conflict", connection="crm")) == 3
    assert rows(world, customer_id=found[1]["customer_id"]) == [found[1]]
    assert rows(world, kind="email_taken") == rows(world, state="resolved") == rows(world, assignee="x") == []
    assert world.api.refused("GET", "/conflicts", connection="nowhere")["status"] == 404


def test_what_the_crm_has_by_now_is_shown_where_it_is_neither_of_both(world: Steered) -> None:
    overwritten, other, _ = rows(world)
    with world.api.database.transaction() as tx:
        landed = {"customer_name": "A third"}
        tx.execute(update(conflicts).where(conflicts.c.ref == overwritten["ref"]).values(landed=landed))
        landed = {"customer_name": "Ours 1"}
        tx.execute(update(conflicts).where(conflicts.c.ref == other["ref"]).values(landed=landed))
        row = first(tx, select(conflicts).where(conflicts.c.ref == overwritten["ref"]))
    assert [each["third"] for each in rows(world)] == [{"customer_name": "A third"}, {}, {}]
    assert row is not None
    (shown,) = question.fields(StoredConflict(row).conflict())
    assert shown.third == "A third"


def test_a_decision_says_which_version_was_shown(world: Steered) -> None:
    row = rows(world)[0]
    path = f"/conflicts/{row['id']}"
    shown = world.api.call("GET", path)
    assert shown.headers["ETag"] == '"1"'
    assert "version" in world.api.wrong(path + "/resolve", {"take": "theirs"})
    world.crms["crm"].edit(row["ref"], {"name": "Theirs, later"})
    world.sync()
    stale = world.api.refused("POST", path + "/resolve", {"take": "theirs", "version": 1})
    assert stale["status"] == 409
    assert stale["conflict"]["remote"] == {"customer_name": "Theirs, later"}
    assert (stale["conflict"]["state"], stale["conflict"]["version"]) == ("open", 2)
    assert world.value("a", "customer_name") == "Ours 0"
    world.api.served.wakes.clear()
    done = world.api.call("POST", path + "/resolve", {"take": "theirs"}, headers={"If-Match": '"2"'})
    assert done.status_code == 200
    assert done.json()["writes"] == {"local": {"customer_name": ["Ours 0", "Theirs, later"]}}
    assert world.api.served.wakes
    again = world.api.refused("POST", path + "/resolve", {"take": "ours", "version": 2})
    assert (again["status"], again["conflict"]["state"]) == (409, "resolved")
    assert world.value("a", "customer_name") == "Theirs, later"
    with world.api.database.reading() as tx:
        deed = next(
            each for each in audit.listing(tx, world.api.organisation_id) if "resolved" in each["action"]
        )
    assert deed["actor"] == "api:test"


def test_an_edit_here_after_it_was_shown_is_no_less_stale(world: Steered) -> None:
    row = rows(world)[0]
    world.api.call("PATCH", f"/customers/{row['customer_id']}", {"customer_name": "Ours, later"})
    found = world.api.refused("POST", f"/conflicts/{row['id']}/resolve", {"take": "theirs", "version": 1})
    assert found["status"] == 409
    assert world.value("a", "customer_name") == "Ours, later"


def test_values_are_set_and_go_to_the_crm(world: Steered) -> None:
    row = rows(world)[0]
    path = f"/conflicts/{row['id']}/resolve"
    world.api.post(path, {"fields": {"customer_name": "Agreed"}, "version": 1}, status=200)
    world.settle()
    assert world.crms["crm"].records[row["ref"]].values["name"] == "Agreed"
    assert world.value("a", "customer_name") == "Agreed"


def test_decisions_that_cannot_be_taken_name_the_place(world: Steered) -> None:
    path = f"/conflicts/{rows(world)[0]['id']}/resolve"
    for body, place in (
        ({}, ""),
        ({"take": "theirs", "dismiss": True}, ""),
        ({"take": "nobody's"}, "take"),
        ({"fields": {"nonsense": 1}}, "fields.nonsense"),
        ({"fields": {"email": ["x"]}}, "fields.email"),
        ({"fields": {"address": {"street": "x"}}}, "fields.address.street"),
        ({"fields": {"customer_name": None}}, "fields.customer_name"),
        ({"link": "nobody"}, "link"),
        ({"fields": {"phone_number": "1"}}, ""),
        ({"unknown": 1}, "unknown"),
    ):
        found = world.api.wrong(path, {**body, "version": 1})
        assert place in found, (body, found)
    assert world.api.get("/conflicts/counts")["total"] == 3


def test_many_are_previewed_and_then_decided_in_portions(world: Steered) -> None:
    body = {"filter": {"kind": "field_conflict", "connection": "crm"}, "decision": {"take": "ours"}}
    seen = world.api.post("/conflicts/resolve", {**body, "preview": True}, status=200)
    assert seen["counts"] == {"would be resolved": 3}
    writes = [{"crm": {"customer_name": [f"Theirs {n}", f"Ours {n}"]}} for n in range(3)]
    assert sorted(map(str, (each["writes"] for each in seen["data"]))) == list(map(str, writes))
    assert world.api.get("/conflicts/counts")["total"] == 3
    first = world.api.post("/conflicts/resolve", {**body, "limit": 2}, status=200)
    assert first["counts"] == {"resolved": 2}
    rest = world.api.post(
        "/conflicts/resolve", {**body, "limit": 2, "cursor": first["next_cursor"]}, status=200
    )
    assert (rest["counts"], rest["next_cursor"]) == ({"resolved": 1}, None)
    world.settle()
    names = {each.values["name"] for each in world.crms["crm"].records.values()}
    assert names == {"Ours 0", "Ours 1", "Ours 2"}
    assert "limit" in world.api.wrong("/conflicts/resolve", {**body, "limit": 1_001})


def test_many_are_decided_as_a_preview_has_shown_them_or_not_at_all(world: Steered) -> None:
    body = {"decision": {"take": "theirs"}}
    seen = world.api.post("/conflicts/resolve", {**body, "preview": True}, status=200)["data"]
    assert [each["version"] for each in seen] == [1, 1, 1]
    moved, unshown, steady = rows(world)
    world.crms["crm"].edit(moved["ref"], {"name": "Theirs, later"})
    world.sync()
    versions = {each["id"]: each["version"] for each in seen if each["id"] != unshown["id"]}
    found = world.api.post("/conflicts/resolve", {**body, "versions": versions}, status=200)
    assert {each["id"]: each["result"] for each in found["data"]} == {
        moved["id"]: "refused",
        unshown["id"]: "refused",
        steady["id"]: "resolved",
    }
    reasons = {each["id"]: each["reason"] for each in found["data"]}
    assert "changed since it was shown" in reasons[moved["id"]]
    assert "not among those that were shown" in reasons[unshown["id"]]
    assert [world.value(key, "customer_name") for key in "abc"] == ["Ours 0", "Ours 1", "Theirs 2"]
    nothing = world.api.post("/conflicts/resolve", {**body, "versions": {}}, status=200)
    assert nothing["counts"] == {"refused": 2}
    keyed = world.api.call("POST", "/conflicts/resolve", body, headers={"Idempotency-Key": "k"})
    assert keyed.status_code == 400
    assert "Idempotency-Key" in keyed.json()["detail"]
    assert world.api.wrong("/conflicts/resolve", {**body, "versions": {moved["id"]: "1"}})


def test_one_that_cannot_be_decided_so_does_not_stop_the_others(world: Steered) -> None:
    world.crms["crm"].create({"name": "Keyless"})
    world.sync()
    found = world.api.post("/conflicts/resolve", {"decision": {"take": "theirs"}}, status=200)
    assert found["counts"] == {"resolved": 3, "refused": 1}
    (refused,) = [each for each in found["data"] if each["result"] == "refused"]
    assert (refused["kind"], bool(refused["reason"])) == ("missing_external_id", True)


def test_questions_are_assigned_and_noted_without_becoming_new_ones(world: Steered) -> None:
    path = f"/conflicts/{rows(world)[0]['id']}"
    assigned = world.api.post(path + "/assign", {"assignee": "jane"}, status=200)
    assert (assigned["assignee"], assigned["version"]) == ("jane", 1)
    world.api.post(path + "/note", {"note": "First."}, status=200)
    noted = world.api.post(path + "/note", {"note": "Second."}, status=200)
    assert [(each["by"], each["note"]) for each in noted["notes"]] == [
        ("api:test", "First."),
        ("api:test", "Second."),
    ]
    assert [each["id"] for each in rows(world, assignee="jane")] == [assigned["id"]]
    assert world.api.post(path + "/assign", {"assignee": None}, status=200)["assignee"] is None
    world.api.post(path + "/resolve", {"take": "ours", "version": 1}, status=200)
    assert len(world.api.get(path)["notes"]) == 2


def test_who_may_decide(world: Steered) -> None:
    row = rows(world)[0]
    path = f"/conflicts/{row['id']}"
    writer, theirs = world.api.with_key(Scope.WRITE), world.api.with_key(Scope.ADMIN, "theirs")
    assert writer.get(path)["id"] == row["id"]
    bodies = {
        "/resolve": {"take": "ours", "version": 1},
        "/assign": {"assignee": "x"},
        "/note": {"note": "x"},
    }
    for more, body in bodies.items():
        assert writer.refused("POST", path + more, body)["status"] == 403
        assert theirs.refused("POST", path + more, body)["status"] == 404
    assert writer.refused("POST", "/conflicts/resolve", {"decision": {"take": "ours"}})["status"] == 403
    assert theirs.refused("GET", path)["status"] == 404
    assert theirs.get("/conflicts", state="all")["data"] == []
    assert theirs.post("/conflicts/resolve", {"decision": {"take": "ours"}}, status=200)["counts"] == {}
    assert world.api.get("/conflicts/counts")["total"] == 3
    customer = theirs.post("/customers", {"customer_name": "Theirs"})
    body = {"link": customer["id"], "version": 1}
    assert "link" in world.api.wrong(path + "/resolve", body)
