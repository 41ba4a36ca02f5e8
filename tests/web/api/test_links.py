"""What each CRM has of a customer: agreed, asked, waiting, done, and read just now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from connectors.port import Write
from sync.apikeys import Scope
from sync.store.session import Database
from tests.web.api.steered import Steered, steer


@pytest.fixture
def world(database: Database) -> Iterator[Steered]:
    """A site with two CRMs that have a customer in common."""
    for steered in steer(database):
        steered.connect("second")
        steered.pair("a", "crm", "second", name="Acme", email="old@acme.example")
        steered.sync()
        steered.sync("second")
        yield steered


def links_of(world: Steered, key: str = "a", **query: Any) -> dict[str, Any]:
    found = world.api.get(f"/customers/{world.customer(key)['id']}/links", **query)["data"]
    return {each["connection"]["name"]: each for each in found}


def test_a_link_tells_what_was_agreed_what_waits_and_what_was_done(world: Steered) -> None:
    customer = world.customer("a")["id"]
    world.api.call("PATCH", f"/customers/{customer}", {"email": "new@acme.example"})
    waiting = links_of(world)["crm"]
    assert waiting["connection"]["connector"] == "memory"
    assert waiting["state"] == "active"
    assert waiting["baseline"]["email"] == {"local": "old@acme.example", "crm": "old@acme.example"}
    assert waiting["crm"]["live"] is False
    assert waiting["crm"]["fields"]["email"] == "old@acme.example"
    assert waiting["waiting"]["why"] == "edit"
    assert waiting["waiting"]["fields"] == {
        "email": {"agreed": "old@acme.example", "now": "new@acme.example"}
    }
    world.sync()
    done = links_of(world)
    assert done["crm"]["waiting"] is None
    assert done["second"]["waiting"] is not None
    receipt = next(each for each in done["crm"]["receipts"] if each["side"] == "crm")
    assert (receipt["before"]["email"], receipt["after"]["email"]) == ("old@acme.example", "new@acme.example")
    assert len({each["at"] for each in done["crm"]["receipts"]}) == 2
    assert all(each["side"] != "crm" for each in done["second"]["receipts"])


def test_what_is_asked_says_what_the_crm_had(world: Steered) -> None:
    (ref,) = world.crms["crm"].records
    world.crms["crm"].edit(ref, {"name": "Theirs"})
    world.api.call("PATCH", f"/customers/{world.customer('a')['id']}", {"customer_name": "Ours"})
    world.sync()
    found = links_of(world)
    (question,) = found["crm"]["conflicts"]
    assert (question["kind"], question["field"], question["version"]) == (
        "field_conflict",
        "customer_name",
        1,
    )
    assert found["crm"]["crm"]["fields"]["customer_name"] == "Theirs"
    assert found["crm"]["baseline"]["customer_name"] == {"local": "Acme", "crm": "Acme"}
    assert found["second"]["conflicts"] == []
    assert world.api.get(f"/conflicts/{question['id']}")["remote"] == {"customer_name": "Theirs"}


def test_a_live_look_reads_each_crm_once_and_tells_of_the_one_that_is_silent(world: Steered) -> None:
    first, second = world.crms["crm"], world.crms["second"]
    (ref,) = first.records
    first.edit(ref, {"email": "fresh@acme.example"})

    def silent(_kind: str, _write: Write | None) -> str:
        return "unavailable"

    second.fault = silent
    before = first.calls.get("get_many", 0)
    reader = world.api.with_key(Scope.READ)
    found = reader.get(f"/customers/{world.customer('a')['id']}/links", live=True)["data"]
    live = {each["connection"]["name"]: each["crm"] for each in found}
    assert first.calls["get_many"] == before + 1
    assert live["crm"]["fields"]["email"] == "fresh@acme.example"
    assert (live["crm"]["live"], live["crm"]["presence"], live["crm"]["problem"]) == (True, "live", None)
    assert live["second"]["problem"] == "The CRM does not answer."
    assert live["second"]["fields"] == {}
    first.delete(ref)
    assert links_of(world, live=True)["crm"]["crm"]["presence"] == "deleted"
    assert links_of(world)["crm"]["baseline"]["email"]["crm"] == "old@acme.example", "a look changes nothing"


def test_the_number_of_statements_does_not_depend_on_the_number_of_links(world: Steered) -> None:
    world.pair("b", "crm", name="Only here")
    world.sync()
    counted: list[str] = []

    def count(*args: Any) -> None:
        counted.append(str(args[2]))

    event.listen(world.api.database.engine, "before_cursor_execute", count)
    numbers = []
    for key in ("a", "b"):
        customer = world.customer(key)["id"]
        counted.clear()
        assert len(world.api.get(f"/customers/{customer}/links")["data"]) == (2 if key == "a" else 1)
        numbers.append(len(counted))
    assert numbers[0] == numbers[1], counted


def test_links_of_another_organisation_are_not_there(world: Steered) -> None:
    customer = world.customer("a")["id"]
    theirs = world.api.with_key(Scope.ADMIN, "theirs")
    for query in ({}, {"live": True}):
        assert theirs.refused("GET", f"/customers/{customer}/links", **query)["status"] == 404
