"""Whatever happens is noted in the transaction in which it does, and for those alone who asked."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import update

from sync import customers as local
from sync import hooks
from sync.erase import erase
from sync.hooks import HookEvent
from sync.store import conflicts, connections
from sync.store.schema import conflicts as conflicts_table
from tests.hooks.conftest import SITE, Told

CUSTOMER, CONFLICT, RUN = HookEvent.CUSTOMER_UPDATED, HookEvent.CONFLICT_OPENED, HookEvent.RUN_FINISHED


def test_every_change_of_a_customer_is_told_with_its_version(told: Told) -> None:
    told.add(CUSTOMER)
    world = told.world
    world.add("A-1", email="a@acme.example")
    world.change("A-1", "phone_number=+1 217 555 0143")
    customer = world.customers()["A-1"]
    local.delete(world.database, world.organisation_id, "A-1", actor="test")
    erase(world.database, world.organisation_id, customer.id, actor="test")
    data = {"customer_id": str(UUID(customer.id)), "url": f"{SITE}/desk/customers/{customer.id}"}
    assert told.deliver() == [
        (CUSTOMER, {**data, "version": 1, "change": "created"}),
        (CUSTOMER, {**data, "version": 2, "change": "updated"}),
        (CUSTOMER, {**data, "version": 3, "change": "deleted"}),
        (CUSTOMER, {**data, "version": 4, "change": "deleted"}),
    ]
    assert told.deliver() == []


def test_a_sync_tells_what_it_made_what_it_asks_and_that_it_has_ended(told: Told) -> None:
    told.add()
    world = told.world
    world.add("A-1", email="a@acme.example", address={"line1": "1 High Street", "country": "GB"})
    crm = world.crms["crm"]
    crm.create({"key": "A-1", "name": "Acme", "billing_line1": "9 Low Road", "billing_country": "GB"})
    crm.create({"key": "B-1", "name": "Beta"})
    world.sync("crm")
    found = told.deliver()
    events = [event for event, _ in found]
    assert events.count(CUSTOMER) == 2
    (asked,) = [data for event, data in found if event == CONFLICT]
    with world.database.reading() as tx:
        (row,) = conflicts.listing(tx, world.organisation_id)
    assert asked["conflict_id"] == str(UUID(row.id))
    assert asked["kind"] == row.row["kind"]
    assert asked["connection_id"] == str(UUID(world.ids["crm"]))
    assert asked["url"] == f"{SITE}/desk/conflicts/{row.id}"
    (ended,) = [data for event, data in found if event == RUN]
    assert (ended["state"], ended["kind"], ended["trigger"]) == ("done", "sync", "manual")
    assert ended["counts"]["created_local"] == 1
    assert all(isinstance(each, int | float) for each in ended["counts"].values())
    assert "Acme" not in str(found)
    assert "acme.example" not in str(found)
    with world.database.transaction() as tx:
        mine = conflicts_table.c.id == row.id
        tx.execute(update(conflicts_table).where(mine).values(state="resolved"))
        tx.execute(update(conflicts_table).where(mine).values(notes="x"))
        tx.execute(update(conflicts_table).where(mine).values(state="open"))
    assert [event for event, _ in told.deliver()] == [CONFLICT]


def test_what_was_rolled_back_never_was(told: Told) -> None:
    told.add()
    world = told.world
    world.add("A-1")
    told.deliver()
    with pytest.raises(InterruptedError), world.database.transaction() as tx:
        local.change(
            world.database.joined(tx), world.organisation_id, "A-1", ["customer_name=Other"], actor="test"
        )
        raise InterruptedError
    assert told.deliver() == []


def test_only_those_are_told_who_asked_and_only_from_then_on(told: Told) -> None:
    world = told.world
    world.add("A-0")
    with world.database.transaction() as tx:
        other = connections.organisation(tx, "other")
    told.add(RUN)
    made = told.add(CUSTOMER, url=f"{told.receiver.url}/customers")
    told.add(organisation=other)
    paused = told.add()
    hooks.change(
        world.database,
        world.organisation_id,
        paused.row["id"],
        active=False,
        check=str,
        actor="test",
    )
    world.add("A-1")
    (row,) = told.deliveries()
    assert (row["hook_id"], row["organisation_id"]) == (made.row["id"], world.organisation_id)


def test_ids_of_deliveries_sort_by_the_time_at_which_they_came_about(told: Told) -> None:
    told.add(CUSTOMER)
    world = told.world
    for number in range(3):
        world.add(f"A-{number}")
    found = told.deliveries()
    assert [UUID(row["id"]).version for row in found] == [7] * 3
    times = [int(row["id"][:12], 16) / 1_000 for row in found]
    for time, row in zip(times, found, strict=True):
        assert abs(time - row["created_at"].timestamp()) < 1
    assert [row["created_at"] for row in found] == sorted(row["created_at"] for row in found)
