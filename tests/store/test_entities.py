"""Business entities: named once, and kept as long as a customer's invoices need them."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import pytest

from sync import entities
from sync.billing import parse
from sync.errors import BadInput, NotFoundError, Taken, VersionMoved
from sync.references import resolved
from sync.store.connections import organisation
from sync.store.query import Row
from sync.store.session import Database, Tx
from tests.store.together import together
from tests.world import World


def add(world: World, name: str = "Acme GmbH", **given: Any) -> Row:
    body = parse(entities.EntityInput, {"name": name, **given}, "business entity")
    return entities.create(world.database, world.organisation_id, body, actor="anna")


def change(world: World, entity: Row, *, version: int | None = None, **given: Any) -> Row:
    body = parse(entities.EntityChange, given, "business entity")
    args = (world.database, world.organisation_id, entity["id"], body)
    return entities.change(*args, actor="anna", version=version)


def delete(world: World, entity: Row, **more: Any) -> None:
    entities.delete(world.database, world.organisation_id, entity["id"], actor="anna", **more)


def test_an_entity_is_kept_as_it_was_given(world: World) -> None:
    made = add(world, " Acme GmbH ", country_code="deu", address={"city": "Berlin", "zip_code": "10115"})
    with world.database.reading() as tx:
        found = entities.get(tx, world.organisation_id, made["id"])
    assert found == made
    assert (found["name"], found["country_code"], found["version"]) == ("Acme GmbH", "DE", 1)
    assert found["address"] == {"city": "Berlin", "zipCode": "10115"}
    assert add(world, "Bare")["address"] is None


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\0"}, "name"),
        ({"name": "Acme", "country_code": "XX"}, "country_code"),
        ({"name": "Acme", "country_code": "Germany"}, "country_code"),
        ({"name": "Acme", "country_code": ""}, "country_code"),
        ({"name": "Acme", "address": "Berlin"}, "address"),
        ({"name": "Acme", "address": {"city": "x" * 501}}, "address"),
        ({"name": "Acme", "address": {"town": "Berlin"}}, "address.town"),
        ({"name": "Acme", "vat": "1"}, "vat"),
    ],
)
def test_a_field_that_is_wrong_is_named(data: dict[str, Any], field: str) -> None:
    for model in (entities.EntityInput, entities.EntityChange):
        with pytest.raises(BadInput) as caught:
            parse(model, data, "business entity")
        assert list(caught.value.fields) == [field]


def test_an_entity_needs_a_name() -> None:
    with pytest.raises(BadInput) as caught:
        parse(entities.EntityInput, {"country_code": "DE"}, "business entity")
    assert caught.value.fields == {"name": "Field required"}


def test_a_name_is_once_per_organisation(world: World) -> None:
    first, second = add(world), add(world, "Acme Ltd")
    with pytest.raises(Taken, match=first["id"]):
        add(world)
    with pytest.raises(Taken):
        change(world, second, name="Acme GmbH")
    assert change(world, first, name="Acme GmbH")["version"] == 1, "its own name"
    with world.database.transaction() as tx:
        other = organisation(tx, "other")
    body = entities.EntityInput(name="Acme GmbH")
    assert entities.create(world.database, other, body, actor="anna")["organisation_id"] == other


def test_only_what_was_sent_changes(world: World) -> None:
    entity = add(world, country_code="DE", address={"city": "Berlin"})
    changed = change(world, entity, version=1, address=None)
    assert (changed["name"], changed["country_code"], changed["address"]) == ("Acme GmbH", "DE", None)
    with pytest.raises(VersionMoved):
        change(world, entity, version=1, country_code=None)
    assert change(world, entity, version=2, address={"city": "Bonn"})["address"] == {"city": "Bonn"}


def test_an_entity_that_a_customer_uses_stays(world: World) -> None:
    entity, spare = add(world), add(world, "Spare")
    dashed = "-".join(
        [entity["id"][:8], *(entity["id"][at : at + 4] for at in (8, 12, 16)), entity["id"][20:]]
    )
    users = [world.add(business_entity_id=text) for text in (entity["id"], dashed.upper())]
    for user in users:
        with pytest.raises(BadInput, match="customers use it"):
            delete(world, entity)
        world.delete(user)
    with pytest.raises(VersionMoved):
        delete(world, entity, version=2)
    delete(world, entity, version=1)
    delete(world, spare)
    with pytest.raises(NotFoundError):
        delete(world, entity)


def given(tx: Tx, organisation_id: str, entity_id: str) -> object:
    return resolved(tx, organisation_id, None, {"business_entity_id": entity_id})["business_entity_id"]


def test_a_customer_may_be_given_only_an_entity_of_its_organisation(world: World) -> None:
    entity = add(world)
    with world.database.transaction() as tx:
        other = organisation(tx, "other")
    with world.database.transaction() as tx:
        assert given(tx, world.organisation_id, entity["id"].upper()) == entity["id"]
        for wrong in ("0" * 32, "Acme GmbH", "a\0", ""):
            with pytest.raises(BadInput, match="there is no such business entity") as caught:
                given(tx, world.organisation_id, wrong)
            assert list(caught.value.fields) == ["business_entity_id"]
        with pytest.raises(BadInput):
            given(tx, other, entity["id"])
        with pytest.raises(NotFoundError):
            entities.get(tx, other, entity["id"])
        assert entities.page(tx, other, limit=10) == []


def test_an_entity_that_is_being_given_to_a_customer_is_not_deleted(postgresql: Database) -> None:
    world = World(postgresql)
    entity, asked, refused = add(world), Event(), []

    def remove() -> None:
        asked.set()
        try:
            delete(world, entity)
        except BadInput as error:
            refused.append(error)

    thread = Thread(target=remove)
    with world.database.transaction() as tx:
        given(tx, world.organisation_id, entity["id"])
        thread.start()
        assert asked.wait(30)
        thread.join(0.3)  # either outcome of this wait is right: it only gives a wrong deletion its chance
        part = World(world.database.joined(tx))
        part.add(business_entity_id=entity["id"])
    thread.join(30)
    assert len(refused) == 1
    with world.database.reading() as tx:
        assert entities.get(tx, world.organisation_id, entity["id"]) == entity


def test_of_eight_entities_of_one_name_made_at_once_one_is_there(world: World) -> None:
    def work(_: int) -> bool:
        try:
            add(world)
        except Taken:
            return False
        return True

    assert sum(together(8, work)) == 1
    with world.database.reading() as tx:
        assert len(entities.page(tx, world.organisation_id, limit=10)) == 1


def test_pages_follow_one_another(world: World) -> None:
    made = {add(world, f"Entity {number}")["id"] for number in range(5)}
    with world.database.reading() as tx:
        first = entities.page(tx, world.organisation_id, limit=3)
        rest = entities.page(tx, world.organisation_id, after=first[-1]["id"], limit=3)
    assert len(first) == 3
    assert {each["id"] for each in (*first, *rest)} == made
