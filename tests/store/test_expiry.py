"""Contracts expire by themselves at their end, each once, however many look at the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from sync import expiry
from sync.clock import new_id
from sync.core.contract import Status
from sync.expiry import expire
from sync.store import audit
from sync.store.billtables import contracts as table
from sync.store.query import Row, now, rows
from tasks.schedule import Ticker
from tests.store.together import together
from tests.world import World


def put(
    world: World, *, ends: float | None, status: Status = Status.ACTIVE, count: int = 1, deleted: bool = False
) -> list[str]:
    """Contracts of one customer that end in so many seconds."""
    customer, made = world.add(), [new_id() for _ in range(count)]
    with world.database.transaction() as tx:
        at = now(tx)
        row: dict[str, Any] = {
            "organisation_id": world.organisation_id,
            "customer_id": customer,
            "name": "Plan",
            "status": status.value,
            "currency": "EUR",
            "start_date": at - timedelta(days=9),
            "end_date": None if ends is None else at + timedelta(seconds=ends),
            "is_last_day_of_month": False,
            "tags": [],
            "custom_attributes": {},
            "renewal_policy": "do_not_renew",
            "bill_parent_customer": False,
            "source": {},
            "version": 1,
            "created_at": at - timedelta(days=9),
            "updated_at": at - timedelta(days=9),
            "deleted_at": at if deleted else None,
        }
        tx.execute(insert(table), [{**row, "id": each} for each in made])
    return made


def kept(world: World) -> dict[str, Row]:
    with world.database.reading() as tx:
        return {row["id"]: row for row in rows(tx, select(table))}


def deeds(world: World) -> list[Row]:
    with world.database.reading() as tx:
        found = audit.listing(tx, world.organisation_id, limit=10_000)
    return [row for row in found if row["action"] == "contract.expired"]


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.EXPIRED])
def test_a_contract_that_has_ended_expires_whatever_it_was(world: World, status: Status) -> None:
    (ended,) = put(world, ends=-0.01, status=status)
    assert expire(world.database) == 1
    row = kept(world)[ended]
    assert (row["status"], row["version"]) == ("expired", 2)
    assert row["updated_at"] > row["created_at"]
    (deed,) = deeds(world)
    assert (deed["actor"], deed["subject"]) == ("concord", ended)
    assert deed["details"] == {"fields": {"status": [status.value, "expired"]}}


def test_what_has_not_ended_or_is_over_already_stays_as_it_is(world: World) -> None:
    put(world, ends=None)
    put(world, ends=3_600)
    put(world, ends=-1, status=Status.EXPIRED)
    put(world, ends=-1, deleted=True)
    before = kept(world)
    assert expire(world.database) == 0
    assert (kept(world), deeds(world)) == (before, [])


def test_many_expire_in_batches_and_what_is_left_over_the_next_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "BATCH", 10)
    monkeypatch.setattr(expiry, "MOST_BATCHES", 2)
    put(world, ends=-1, count=25)
    assert [expire(world.database) for _ in range(3)] == [20, 5, 0]
    assert len(deeds(world)) == 25


def test_each_expires_once_however_many_tick(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "BATCH", 7)
    made = put(world, ends=-1, count=60)
    for _ in range(5):  # those that another ticker held are found by the next tick
        together(4, lambda _number: expire(world.database))
    assert {row["version"] for row in kept(world).values()} == {2}
    assert sorted(deed["subject"] for deed in deeds(world)) == sorted(made)


def test_a_tick_expires_contracts(world: World) -> None:
    ticker = Ticker(world.services)
    ticker.beat()
    (ended,) = put(world, ends=-1)
    ticker.beat()
    assert kept(world)[ended]["status"] == "expired"
