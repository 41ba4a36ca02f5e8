"""Secondary contacts: several per customer, each address once, and gone with their customer."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from sync import contacts
from sync.billing import parse
from sync.errors import BadInput, NotFoundError, Taken, VersionMoved
from sync.store.connections import organisation
from sync.store.query import Row, rows
from sync.store.worktables import audit
from tests.store.together import together
from tests.world import World


def add(world: World, customer_id: str, email: str = "ada@acme.example", **given: Any) -> Row:
    data = {"customer_id": customer_id, "email": email, **given}
    body = parse(contacts.ContactInput, data, "contact")
    return contacts.create(world.database, world.organisation_id, body, actor="anna")


def change(world: World, contact: Row, *, version: int | None = None, **given: Any) -> Row:
    body = parse(contacts.ContactChange, given, "contact")
    args = (world.database, world.organisation_id, contact["id"], body)
    return contacts.change(*args, actor="anna", version=version)


def listed(world: World, organisation_id: str | None = None, **more: Any) -> list[str]:
    with world.database.reading() as tx:
        found = contacts.page(tx, organisation_id or world.organisation_id, limit=100, **more)
    return [each["email"] for each in found]


def test_a_contact_is_kept_as_it_was_given(world: World) -> None:
    customer_id = world.add()
    made = add(world, customer_id, " Ada@Acme.example ", first_name=" Ada ", last_name=" ", send_invoice=True)
    with world.database.reading() as tx:
        found = contacts.get(tx, world.organisation_id, made["id"])
    assert found == made
    assert (found["email"], found["first_name"], found["last_name"]) == ("Ada@Acme.example", "Ada", None)
    assert (found["send_contract"], found["send_invoice"], found["version"]) == (False, True, 1)


@pytest.mark.parametrize(
    ("data", "field", "why"),
    [
        ({"email": "nobody"}, "email", "is not a valid e-mail address"),
        ({"email": ""}, "email", "is required"),
        ({"email": None}, "email", "valid string"),
        ({"email": "x" * 250 + "@a.example"}, "email", "at most 254"),
        ({"email": "a@b.example", "first_name": "x" * 256}, "first_name", "at most 255"),
        ({"email": "a@b.example", "last_name": "a\0"}, "last_name", "NUL"),
        ({"email": "a@b.example", "send_invoice": "yes"}, "send_invoice", "boolean"),
        ({"email": "a@b.example", "send_contract": None}, "send_contract", "boolean"),
        ({"email": "a@b.example", "phone": "1"}, "phone", "not permitted"),
    ],
)
def test_a_field_that_is_wrong_is_named_with_its_reason(data: dict[str, Any], field: str, why: str) -> None:
    for model, given in (
        (contacts.ContactInput, {"customer_id": "0" * 32, **data}),
        (contacts.ContactChange, data),
    ):
        with pytest.raises(BadInput) as caught:
            parse(model, given, "contact")
        assert list(caught.value.fields) == [field]
        assert why in str(caught.value.fields[field])


def test_a_contact_needs_an_address_and_a_customer() -> None:
    with pytest.raises(BadInput) as caught:
        parse(contacts.ContactInput, {"customer_id": "somebody"}, "contact")
    assert caught.value.fields == {"customer_id": "must be a UUID", "email": "Field required"}


def test_an_address_is_once_per_customer(world: World) -> None:
    one, other = world.add(), world.add()
    first = add(world, one)
    add(world, other)
    with pytest.raises(Taken, match=first["id"]) as caught:
        add(world, one, "ADA@acme.EXAMPLE")
    assert list(caught.value.fields) == ["email"]
    second = add(world, one, "ben@acme.example")
    with pytest.raises(Taken):
        change(world, second, email="Ada@Acme.example")
    assert change(world, first, email="Ada@Acme.example")["version"] == 2, "its own address in other letters"


def test_only_what_was_sent_changes(world: World) -> None:
    contact = add(world, world.add(), first_name="Ada", send_contract=True)
    changed = change(world, contact, version=1, last_name="Byron", first_name=None)
    assert (changed["first_name"], changed["last_name"], changed["send_contract"]) == (None, "Byron", True)
    assert change(world, contact, last_name="Byron")["version"] == 2, "nothing has changed"
    with pytest.raises(VersionMoved):
        change(world, contact, version=1, last_name="Lovelace")
    with pytest.raises(BadInput):
        change(world, contact, customer_id=world.add())
    with world.database.reading() as tx:
        noted = rows(tx, select(audit).where(audit.c.subject == contact["id"]).order_by(audit.c.id))
    assert [(each["actor"], each["action"]) for each in noted] == [
        ("anna", "contact.added"),
        ("anna", "contact.changed"),
    ]
    assert noted[1]["details"]["fields"] == {"first_name": ["Ada", None], "last_name": [None, "Byron"]}


def test_a_contact_that_is_deleted_is_gone_and_its_address_free(world: World) -> None:
    customer_id = world.add()
    contact = add(world, customer_id)
    args = (world.database, world.organisation_id, contact["id"])
    with pytest.raises(VersionMoved):
        contacts.delete(*args, actor="anna", version=7)
    contacts.delete(*args, actor="anna", version=1)
    with pytest.raises(NotFoundError):
        contacts.delete(*args, actor="anna")
    add(world, customer_id)


def test_the_contacts_of_a_deleted_customer_are_not_shown(world: World) -> None:
    gone, there = world.add(), world.add()
    contact = add(world, gone)
    add(world, there, "ben@acme.example")
    world.delete(gone)
    assert listed(world) == ["ben@acme.example"]
    assert listed(world, customer_id=gone) == []
    with world.database.reading() as tx, pytest.raises(NotFoundError):
        contacts.get(tx, world.organisation_id, contact["id"])
    with pytest.raises(NotFoundError):
        change(world, contact, first_name="x")
    with pytest.raises(BadInput, match="there is no such customer"):
        add(world, gone, "new@acme.example")


def test_another_organisation_finds_no_contact(world: World) -> None:
    contact = add(world, world.add())
    with world.database.transaction() as tx:
        other = organisation(tx, "other")
    body = contacts.ContactInput(customer_id=contact["customer_id"], email="eve@x.example")
    with pytest.raises(BadInput, match="there is no such customer"):
        contacts.create(world.database, other, body, actor="eve")
    with world.database.reading() as tx, pytest.raises(NotFoundError):
        contacts.get(tx, other, contact["id"])
    with pytest.raises(NotFoundError):
        contacts.delete(world.database, other, contact["id"], actor="eve")
    assert listed(world, other) == []
    assert listed(world) == ["ada@acme.example"]


def test_pages_follow_one_another(world: World) -> None:
    one, other = world.add(), world.add()
    for number in range(5):
        add(world, one if number % 2 else other, f"c{number}@acme.example")
    with world.database.reading() as tx:
        first = contacts.page(tx, world.organisation_id, limit=3)
        rest = contacts.page(tx, world.organisation_id, after=first[-1]["id"], limit=3)
    assert {each["email"] for each in (*first, *rest)} == {f"c{n}@acme.example" for n in range(5)}
    assert sorted(listed(world, customer_id=one)) == ["c1@acme.example", "c3@acme.example"]


def test_of_eight_that_take_one_address_at_once_one_gets_it(world: World) -> None:
    customer_id = world.add()
    spare = [add(world, customer_id, f"c{number}@acme.example") for number in range(4)]

    def work(number: int) -> bool:
        try:
            if number < 4:
                change(world, spare[number], email="one@acme.example")
            else:
                add(world, customer_id, "ONE@acme.example")
        except Taken:
            return False
        return True

    assert sum(together(8, work)) == 1
    assert [each.casefold() for each in listed(world)].count("one@acme.example") == 1
