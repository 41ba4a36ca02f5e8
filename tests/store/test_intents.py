"""Write intents: durable before the call, live while their writer holds its lane, forgotten when settled."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from connectors.records import Address
from sync.clock import new_id
from sync.store import intents, lanes
from sync.store.intents import NewIntent, StoredIntent
from sync.store.lanes import Lease
from tests.world import World


def push_lane(world: World, owner: str, *, seconds: float = 60, dead: tuple[str, ...] = ()) -> Lease:
    with world.database.transaction() as tx:
        lease = lanes.take(tx, world.ids["crm"], "push", owner=owner, seconds=seconds, dead_owners=dead)
    assert lease
    return lease


def keep(world: World, lease: Lease, *customers: str, kind: str = "update") -> None:
    with world.database.transaction() as tx:
        made = [
            NewIntent(
                kind=kind,
                customer_id=each,
                fields={"email": "new@example.com", "address": Address(city="Bonn")},
                before={"email": None, "address": Address(city="Köln", line1="A\\N\t'")},
                external_id="k",
            )
            for each in customers
        ]
        intents.store(tx, lease, new_id(), made)


def load(world: World) -> list[StoredIntent]:
    with world.database.reading() as tx:
        return intents.load(tx, world.ids["crm"])


def test_they_keep_what_was_sent_and_what_stood_there(world: World) -> None:
    keep(world, push_lane(world, "w"), world.add("k1"))
    (found,) = load(world)
    assert found.sent == {"email": "new@example.com", "address": Address(city="Bonn")}
    assert found.before == {"email": None, "address": Address(city="Köln", line1="A\\N\t'")}
    with world.database.reading() as tx:
        assert intents.load(tx, "another") == []


def test_they_are_live_only_while_their_writer_holds_its_lane(world: World) -> None:
    lease = push_lane(world, "w")
    keep(world, lease, world.add("k1"))
    assert load(world)[0].live
    with world.database.transaction() as tx:
        lanes.renew(tx, lease, -1)
    assert not load(world)[0].live
    with world.database.transaction() as tx:
        lanes.renew(tx, lease, 60)
    assert load(world)[0].live
    successor = push_lane(world, "w2", dead=("w",))
    assert not load(world)[0].live, "a new lease of the lane does not revive the intents of the last"
    with world.database.transaction() as tx:
        lanes.give_back(tx, successor)
    assert not load(world)[0].live


def test_one_per_customer(world: World) -> None:
    lease, customer = push_lane(world, "w"), world.add("k1")
    keep(world, lease, customer)
    with pytest.raises(IntegrityError):
        keep(world, lease, customer, kind="create")
    assert [each.row["kind"] for each in load(world)] == ["update"]


def test_what_is_settled_is_forgotten(world: World) -> None:
    ids = [world.add(f"k{number}") for number in range(4)]
    keep(world, push_lane(world, "w"), *ids)
    with world.database.transaction() as tx:
        (one,) = intents.load(tx, world.ids["crm"], intents.by_customers(ids[:1]))
        intents.clear(tx, [one.id])
        intents.clear_of(tx, world.ids["crm"], ids[1:3])
        intents.clear_of(tx, "another", ids)
    assert [each.customer_id for each in load(world)] == [ids[3]]
