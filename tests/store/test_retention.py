"""What is kept for some time only goes in small batches, and nothing else does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, insert, literal, select, update

from sync.clock import id_at
from sync.hints import keep_hints
from sync.store import budgets, jobs, retention
from sync.store.keytables import idempotency
from sync.store.query import now, rows
from sync.store.retention import Keep
from sync.store.worktables import budgets as budgets_table
from sync.store.worktables import inbox
from sync.store.worktables import jobs as jobs_table
from tasks.schedule import TIDY_EVERY, Ticker, tidy
from tests.world import World


def age(world: World, days: float) -> None:
    """Let everything be so old."""
    with world.database.transaction() as tx:
        at = now(tx) - timedelta(days=days)
        tx.execute(update(inbox).values(received_at=at))
        made = literal(id_at(at)[:12]).concat(func.substr(jobs_table.c.id, 13))  # ids tell the time, too
        tx.execute(update(jobs_table).values(id=made, created_at=at, not_before=at))
        tx.execute(update(jobs_table).where(jobs_table.c.finished_at.is_not(None)).values(finished_at=at))


def announce(world: World, *events: str) -> None:
    keep_hints(
        world.database,
        organisation_id=world.organisation_id,
        connection_id=world.ids["crm"],
        events={event: f"r-{event}" for event in events},
    )


def finish(world: World, *refs: str) -> None:
    with world.database.transaction() as tx:
        begun = jobs.begin(tx, world.ids["crm"], ["fetch"])
        jobs.finish(tx, [job for job in begun if job.key in refs])


def left(world: World) -> tuple[set[str], set[str]]:
    """(events, keys of jobs) that are kept."""
    with world.database.reading() as tx:
        events = {row["event"] for row in rows(tx, select(inbox))}
        keys = {row["key"] for row in rows(tx, select(jobs_table))}
    return events, keys


def test_what_is_old_goes_and_what_is_open_stays(world: World) -> None:
    announce(world, "old", "open")
    finish(world, "r-old")
    age(world, 6.9)
    tidy(world.services)
    assert left(world) == ({"old", "open"}, {"r-old", "r-open"})
    age(world, 7.1)
    announce(world, "new")
    tidy(world.services)
    assert left(world) == ({"new"}, {"r-open", "r-new"})


def test_counts_of_calls_go_after_forty_days(world: World) -> None:
    with world.database.transaction() as tx:
        days = [(now(tx) - timedelta(days=number)).date().isoformat() for number in (0, 39, 42, 400)]
        for day in days:
            assert budgets.take(tx, world.ids["crm"], day, calls=1, most=1)
    tidy(world.services)
    with world.database.reading() as tx:
        assert {row["day"] for row in rows(tx, select(budgets_table))} == set(days[:2])


def test_much_goes_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    announce(world, *(f"e{number}" for number in range(25)))
    age(world, 8)
    with world.database.transaction() as tx:
        assert retention.forget_old(tx, Keep())
        assert tx.execute(select(func.count()).select_from(inbox)).scalar_one() == 15
    tidy(world.services)
    assert left(world)[0] == set()


def test_a_ticker_tidies_once_an_hour(world: World) -> None:
    clock = [0.0]
    ticker = Ticker(world.services, clock=lambda: clock[0])
    counts = []
    for seconds in (0, 60, TIDY_EVERY - 1, TIDY_EVERY + 1):
        clock[0] = seconds
        announce(world, f"e{seconds}")
        age(world, 8)
        ticker.beat()
        counts.append(len(left(world)[0]))
    assert counts == [0, 1, 2, 0]


def test_answers_of_the_api_go_after_two_days(world: World) -> None:
    row = {"organisation_id": world.organisation_id, "request": b"", "status": 201, "headers": {}, "body": ""}
    with world.database.transaction() as tx:
        at = now(tx)
        for hours in (0, 47, 49):
            made = {"key": f"{hours}", "created_at": at - timedelta(hours=hours)}
            tx.execute(insert(idempotency).values({**row, **made}))
    tidy(world.services)
    with world.database.reading() as tx:
        assert {each["key"] for each in rows(tx, select(idempotency))} == {"0", "47"}
