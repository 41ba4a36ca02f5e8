"""A look into an account reads what can be read, says what does not fit, and leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync.rules import parse_settings
from sync.sampling import MOST, UNREADABLE, Account, look_into
from sync.store.session import Database
from tests.web.api.steered import Steered, steer


@pytest.fixture
def world(database: Database) -> Iterator[Steered]:
    """A site with a CRM, on both databases one after the other."""
    yield from steer(database)


def look(world: Steered, **more: str) -> Account:
    """A look with further lines of the map."""
    connection = world.connection()
    body = connection.settings.model_dump(mode="json")
    lines = [*body["map"], *({"field": field, "crm": crm} for field, crm in more.items())]
    settings = parse_settings({**body, "map": lines})
    return look_into(world.api.served.services, connection, settings, patience=1)


def test_what_does_not_fit_is_counted_and_hides_nothing_else(world: Steered) -> None:
    good = {"name": "Acme", "billing_line1": "1 Main Street", "billing_city": "x" * 600}
    world.pair("A-1", email="ap@acme.example", mail="maybe", auto="yes", **good)
    world.pair("B-2", email="no address", mail="true", auto=["x"], name="")
    world.pair("x" * 256, name="Long")
    found = look(world, communications_enabled="mail", auto_charge_enabled="auto")
    assert found.keys == ["A-1", "B-2", "x" * 256]
    misfits = {field: dict(column.misfits) for field, column in found.columns.items() if column.misfits}
    assert misfits == {
        "external_id": {"is 256 characters long; at most 255 are allowed": 1},
        "customer_name": {"is required": 1},
        "email": {"is not a valid e-mail address (An email address must have an @-sign)": 1},
        "address.city": {"city is 600 characters long; at most 500 are allowed": 1},
        "communications_enabled": {"must be true or false": 1},
        "auto_charge_enabled": {"must be true or false": 1},
    }
    assert found.columns["customer_name"].values == ["Acme", None, "Long"]
    assert found.columns["address.line1"].values == ["1 Main Street", None, None]
    assert found.columns["email"].filled == 2
    assert set(world.crms["crm"].calls) == {"describe", "list_all"}
    assert world.api.get("/customers")["data"] == []


def test_few_are_read_and_a_broken_one_does_not_hide_the_others(world: Steered) -> None:
    refs = [world.pair(f"K-{number}")["crm"] for number in range(MOST + 5)]
    crm = world.crms["crm"]
    crm.delete(refs[0])
    found = look(world)
    assert len(found.records) == MOST
    assert "K-0" not in found.keys
    for ref in refs[1:]:
        crm.edit(ref, {"name": ["no", "text"]})
    found = look(world)
    assert found.columns["customer_name"].misfits == {"must be text": MOST}
    assert found.columns["address.line1"].misfits == {}
    assert UNREADABLE not in {why for column in found.columns.values() for why in column.misfits}
