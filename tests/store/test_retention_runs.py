"""Runs go with their changes and plans, closed rows of the queue after them; what is needed stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select

from sync.clock import id_at, new_id
from sync.errors import NotFoundError
from sync.store import retention, runs
from sync.store.keytables import api_keys
from sync.store.query import now, rows
from sync.store.retention import RULES, Keep
from sync.store.runs import AppliedChange
from sync.store.schema import conflicts as conflicts_table
from sync.store.schema import metadata
from sync.store.worktables import audit as audit_table
from sync.store.worktables import changes, planned_records
from sync.store.worktables import jobs as jobs_table
from sync.store.worktables import runs as runs_table
from tasks.schedule import Ticker, tidy
from tests.world import World


def at(world: World, days: float) -> datetime:
    """So many days ago."""
    with world.database.reading() as tx:
        return now(tx) - timedelta(days=days)


def old_id(when: datetime) -> str:
    return id_at(when)[:12] + new_id()[12:]


def add(world: World, table: Table, **columns: Any) -> str:
    with world.database.transaction() as tx:
        tx.execute(insert(table).values(**columns))
    return str(columns["id"])


def run_of(world: World, days: float, **columns: Any) -> str:
    """A run that ended so many days ago, with two changes and one plan."""
    when = at(world, days)
    row = {
        "id": old_id(when),
        "organisation_id": world.organisation_id,
        "connection_id": world.ids["crm"],
        "kind": "sync",
        "trigger": "manual",
        "actor": "test",
        "state": "done",
        "counts": {},
        "calls": {},
        "approved": False,
        "started_at": when,
        "finished_at": when,
    }
    made = add(world, runs_table, **{**row, **columns})
    change = AppliedChange(side="local", action="update_customer", customer_id=None, link_id=None, ref=None)
    with world.database.transaction() as tx:
        runs.record(tx, made, [change] * 2, connection_id=world.ids["crm"], first_seq=0, at=when)
        plan: dict[str, Any] = {"subject": "ref:1", "customer_id": None, "digest": b"1", "actions": []}
        runs.save_plans(tx, made, [plan])
    return made


def conflict_of(world: World, days: float, state: str) -> str:
    when = at(world, days)
    return add(
        world,
        conflicts_table,
        id=old_id(when),
        organisation_id=world.organisation_id,
        connection_id=world.ids["crm"],
        kind="field_conflict",
        subject=f"ref:{new_id()}",
        field="email",
        local={},
        remote={},
        baseline={},
        landed={},
        reasons=[],
        sticky=False,
        state=state,
        version=1,
        first_seen=when,
        last_seen=when,
        decided_at=None if state == "open" else when,
    )


def ids(world: World, table: Table) -> set[str]:
    with world.database.reading() as tx:
        return set(tx.execute(select(table.c.id)).scalars())


def sizes(world: World) -> tuple[int, int]:
    """How many changes and plans are left."""
    with world.database.reading() as tx:
        first, second = (
            tx.execute(select(func.count()).select_from(each)).scalar_one()
            for each in (changes, planned_records)
        )
        return first, second


def test_every_table_has_a_rule() -> None:
    assert RULES.keys() == metadata.tables.keys()
    assert {rule.days for rule in RULES.values()} <= {"", "closed", *Keep.__dataclass_fields__}


def test_runs_go_with_their_changes_and_plans(world: World) -> None:
    kept, gone = run_of(world, 89), run_of(world, 91)
    tidy(world.services)
    assert ids(world, runs_table) == {kept}
    assert sizes(world) == (2, 1)
    with world.database.reading() as tx, pytest.raises(NotFoundError):
        runs.find(tx, world.organisation_id, gone)


def test_a_big_run_goes_in_batches_and_nobody_finds_it_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    gone, kept = run_of(world, 91), run_of(world, 1)
    left = []
    for _ in range(5):
        with world.database.transaction() as tx:
            retention.forget_old(tx, Keep())
            left.append(len(rows(tx, select(changes))))
            assert [row["id"] for row in runs.listing(tx, world.organisation_id)] == [kept]
            with pytest.raises(NotFoundError):
                runs.find(tx, world.organisation_id, gone)
    assert left == [4, 3, 2, 2, 2]
    assert ids(world, runs_table) == {kept}


def test_what_somebody_needs_stays(world: World) -> None:
    waiting = run_of(world, 400, state="needs_approval", finished_at=None, ordered={"carriers": ["x"]})
    carrier = run_of(world, 399)
    undone = run_of(world, 500)
    undo = run_of(world, 0, state="running", finished_at=None, undoes=undone)
    resumed = run_of(world, 450)
    day = at(world, 450)
    add(
        world,
        jobs_table,
        id=new_id(),
        organisation_id=world.organisation_id,
        connection_id=world.ids["crm"],
        kind="resync",
        key=resumed,
        state="open",
        asked=1,
        not_before=day,
        attempts=0,
        lost=0,
        created_at=day,
    )
    nobody = run_of(world, 480)
    before = ids(world, runs_table)
    tidy(world.services)
    assert ids(world, runs_table) == before - {nobody} == {waiting, carrier, undone, undo, resumed}
    assert sizes(world) == (10, 5)
    with world.database.reading() as tx:
        assert runs.find(tx, world.organisation_id, undone)["id"] == undone


def test_a_run_that_used_up_the_calls_of_a_day_goes_as_any_that_has_ended(world: World) -> None:
    undone = run_of(world, 101)
    run_of(world, 100, state="waiting", kind="undo", trigger="undo", undoes=undone)
    tidy(world.services)
    assert ids(world, runs_table) == set()


def test_an_undo_that_began_in_time_keeps_what_it_undoes(world: World) -> None:
    gone = run_of(world, 91)
    with world.database.transaction() as tx:
        retention.forget_old(tx, Keep())  # it is called forgotten, and has its changes yet
    assert sizes(world) == (2, 1)
    run_of(world, 0, state="queued", finished_at=None, undoes=gone)
    tidy(world.services)
    assert sizes(world) == (4, 2)


def test_closed_rows_of_the_queue_go_after_the_runs_that_decided_them(world: World) -> None:
    stay = {conflict_of(world, 5_000, "open"), conflict_of(world, 5_000, "dismissed")}
    stay |= {conflict_of(world, 364, "resolved"), conflict_of(world, 364, "superseded")}
    longer = {conflict_of(world, 366, "resolved"), conflict_of(world, 366, "superseded")}
    tidy(replace(world.services, keep=Keep(runs=400)))
    assert ids(world, conflicts_table) == stay | longer
    tidy(replace(world.services, keep=Keep(runs=None)))
    assert ids(world, conflicts_table) == stay | longer
    tidy(world.services)
    assert ids(world, conflicts_table) == stay


def test_the_audit_and_keys_that_it_names_go_together(world: World) -> None:
    row = {
        "organisation_id": world.organisation_id,
        "actor": "a",
        "action": "b",
        "subject": "c",
        "details": {},
    }
    key = {"name": "k", "digest": b"", "scope": "read", "created_by": "x"}
    entries, keys = [], []
    for days in (729, 731):
        when = at(world, days)
        entries.append(add(world, audit_table, id=old_id(when), at=when, **row))
        keys.append(add(world, api_keys, id=old_id(when), created_at=when, revoked_at=when, **key))
    living = add(world, api_keys, id=old_id(at(world, 731)), created_at=at(world, 731), **key)
    tidy(world.services)
    assert ids(world, audit_table) & {*entries} == {entries[0]}
    assert ids(world, api_keys) == {keys[0], living}


def test_for_ever_is_for_ever(world: World) -> None:
    kept = run_of(world, 20_000)
    row = conflict_of(world, 20_000, "resolved")
    tidy(replace(world.services, keep=Keep(runs=None, conflicts=None, audit=None)))
    assert ids(world, runs_table) == {kept}
    assert ids(world, conflicts_table) == {row}


def test_what_is_left_over_goes_at_the_next_beat(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    monkeypatch.setattr("tasks.schedule.MOST_BATCHES", 2)
    for _ in range(4):
        conflict_of(world, 400, "resolved")
    ticker, left = Ticker(world.services, clock=lambda: 0.0), []
    for _ in range(3):
        ticker.beat()
        left.append(len(ids(world, conflicts_table)))
    assert left == [2, 0, 0]


def test_the_overview_tells_what_is_over_its_time(world: World) -> None:
    run_of(world, 91)
    run_of(world, 1)
    conflict_of(world, 3, "resolved")
    with world.database.reading() as tx:
        found = {row["table"]: row for row in retention.overview(tx, Keep(conflicts=None))}
    assert (found["runs"]["rows"], found["runs"]["over"], found["runs"]["days"]) == (2, 1, 90)
    assert (found["changes"]["rows"], found["changes"]["days"]) == (4, 90)
    assert abs(found["runs"]["oldest"] - at(world, 91)) < timedelta(minutes=1)
    assert (found["conflicts"]["days"], found["conflicts"]["over"]) == (None, 0)
    assert found["customers"]["days"] is None
    assert found["audit"]["oldest"] is None
