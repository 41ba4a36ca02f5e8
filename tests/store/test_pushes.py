"""Pushes are asked for where they come about: a change lands in the other CRMs by the same wake-up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from connectors.memory import KEY
from sync.core.actions import ConflictKind
from sync.store import jobs
from sync.store.jobs import CREATE
from sync.store.query import now, rows
from sync.store.schema import links as links_table
from sync.store.worktables import jobs as table
from tasks.jobs import drain
from tasks.schedule import tick
from tests.world import World

LATER = timedelta(seconds=90)


def asked(world: World, kind: str = "push") -> set[tuple[str, str]]:
    """(connection, key) of the open jobs of a kind."""
    names = {ident: name for name, ident in world.ids.items()}
    with world.database.reading() as tx:
        found = rows(tx, select(table).where(table.c.state == "open", table.c.kind == kind))
    return {(names[row["connection_id"]], row["key"]) for row in found}


def look(world: World, name: str) -> None:
    """Let a worker look at one CRM, and do whatever follows from it, without a tick."""
    with world.database.transaction() as tx:
        jobs.ask(tx, organisation_id=world.organisation_id, connection_id=world.ids[name], kind="pull")
    drain(world.services, world.events.append)


@pytest.fixture
def pair(world: World) -> World:
    """Two CRMs with one customer, in sync, and nothing asked for."""
    left = world.crms["crm"]
    world.connect("right")
    left.create({KEY: "k1", "name": "Anna", "email": "anna@example.com"})
    world.settle("crm", "right")
    assert asked(world) == set()
    return world


def test_an_edit_here_asks_every_crm_that_has_the_customer(pair: World) -> None:
    pair.connect("third")
    pair.change("k1", "phone_number=+1 217 555 0100")
    assert asked(pair) == {("crm", ""), ("right", "")}
    assert drain(pair.services, pair.events.append) == 2
    for name in ("crm", "right"):
        (record,) = pair.crms[name].records.values()
        assert record.values["phone"] == "+1 217 555 0100"
    assert asked(pair) == set()


def test_an_edit_in_one_crm_is_in_the_other_by_the_same_wake_up(pair: World) -> None:
    (ref,) = pair.crms["crm"].records
    pair.crms["crm"].edit(ref, {"email": "new@example.com"})
    look(pair, "crm")
    (record,) = pair.crms["right"].records.values()
    assert record.values["email"] == "new@example.com"
    assert asked(pair) == set()
    assert not tick(pair.services), "nothing is left for the tick"


def test_a_record_made_in_one_crm_is_made_in_the_other_by_the_same_wake_up(pair: World) -> None:
    pair.crms["crm"].create({KEY: "k2", "name": "Ben"})
    look(pair, "crm")
    assert {record.values[KEY] for record in pair.crms["right"].records.values()} == {"k1", "k2"}
    assert asked(pair) == set()


def test_what_is_added_here_is_asked_for_everywhere_once(pair: World) -> None:
    for number in range(3):
        pair.add(f"n{number}")
    assert asked(pair) == {("crm", CREATE), ("right", CREATE)}
    assert drain(pair.services, pair.events.append) == 2
    assert len(pair.crms["crm"].records) == len(pair.crms["right"].records) == 4


def test_a_customer_that_gets_a_key_is_created(pair: World) -> None:
    made = pair.add(None, customer_name="Without a key")
    drain(pair.services, pair.events.append)
    assert len(pair.crms["crm"].records) == 1
    pair.change(made, "external_id=late")
    drain(pair.services, pair.events.append)
    assert len(pair.crms["crm"].records) == len(pair.crms["right"].records) == 2


def test_a_push_for_edits_alone_does_not_look_for_customers_to_create(pair: World) -> None:
    pair.add("n1")
    with pair.database.transaction() as tx:
        tx.execute(table.delete())  # as if that had been asked for and failed to be kept
    pair.change("k1", "phone_number=+1 217 555 0100")
    drain(pair.services, pair.events.append)
    assert len(pair.crms["crm"].records) == 1


def test_a_full_listing_finds_customers_that_nobody_asked_for(pair: World) -> None:
    pair.add("n1")
    with pair.database.transaction() as tx:
        tx.execute(table.delete())
    pair.sync("crm", kind="pull", full=True)
    drain(pair.services, pair.events.append)
    assert (len(pair.crms["crm"].records), len(pair.crms["right"].records)) == (2, 1)


def test_a_person_s_decision_is_carried_out_at_once(pair: World) -> None:
    (ref,) = pair.crms["crm"].records
    pair.crms["crm"].edit(ref, {"email": "there@example.com"})
    pair.change("k1", "email=here@example.com")
    with pair.database.transaction() as tx:
        tx.execute(table.delete().where(table.c.kind == "push"))
    look(pair, "crm")
    pair.resolve(pair.queue(ConflictKind.FIELD_CONFLICT.value)[0], take="ours")
    drain(pair.services, pair.events.append)
    assert pair.crms["crm"].records[ref].values["email"] == "here@example.com"
    assert asked(pair) == set()


def test_a_creation_that_fails_is_tried_again_later_and_not_at_once(pair: World) -> None:
    pair.add("n1")
    pair.crms["right"].fault = lambda kind, _write: "unavailable" if kind == "write" else None
    drain(pair.services, pair.events.append)
    assert asked(pair) == {("right", CREATE)}
    writes = pair.crms["right"].calls["write"]
    tick(pair.services)
    drain(pair.services, pair.events.append)
    assert pair.crms["right"].calls["write"] == writes, "it waits"
    pair.crms["right"].fault = lambda _kind, _write: None
    with pair.database.transaction() as tx:
        tx.execute(update(table).values(not_before=now(tx) - timedelta(seconds=1)))
    drain(pair.services, pair.events.append)
    assert len(pair.crms["right"].records) == 2
    assert asked(pair) == set()


def test_a_tick_asks_for_dirty_links_that_were_left_over(pair: World) -> None:
    with pair.database.transaction() as tx:
        tx.execute(
            update(links_table)
            .where(links_table.c.connection_id == pair.ids["crm"])
            .values(dirty_at=now(tx), dirty_why="edit")
        )
    assert tick(pair.services)
    assert asked(pair) == {("crm", "")}
    with pair.database.reading() as tx:
        before = rows(tx, select(table.c.id, table.c.asked).where(table.c.state == "open"))
    tick(pair.services)
    with pair.database.reading() as tx:
        assert rows(tx, select(table.c.id, table.c.asked).where(table.c.state == "open")) == before
