"""Jobs: many requests are one job, a request is never lost, and a job that fails waits its time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from connectors.errors import InvalidRecord, RateLimited
from sync.errors import ConcordError
from sync.lanes import BusyError
from sync.store import connections, jobs, lanes
from sync.store.connections import ConnectionState
from sync.store.jobs import MAX_ATTEMPTS, Job
from sync.store.query import now, rows
from sync.store.worktables import jobs as table
from tasks.jobs import drain
from tests.store.together import together
from tests.world import World


def ask(world: World, *keys: str, kind: str = "fetch") -> None:
    with world.database.transaction() as tx:
        jobs.ask(
            tx,
            organisation_id=world.organisation_id,
            connection_id=world.ids["crm"],
            kind=kind,
            keys=keys or ("",),
        )


def begin(world: World, kind: str = "fetch", *, early: bool = False) -> list[Job]:
    with world.database.transaction() as tx:
        return jobs.begin(tx, world.ids["crm"], [kind], early=early)


def finish(world: World, begun: list[Job]) -> None:
    with world.database.transaction() as tx:
        jobs.finish(tx, begun)


def stored(world: World, *states: str) -> list[Any]:
    with world.database.reading() as tx:
        return [
            row for row in rows(tx, select(table).order_by(table.c.key)) if row["state"] in (states or "open")
        ]


def due(world: World) -> list[str]:
    with world.database.reading() as tx:
        return [row["kind"] for row in jobs.due(tx)]


def test_a_thousand_requests_are_one_job(world: World) -> None:
    for _ in range(3):
        ask(world, *["r1"] * 300, "r2")
    assert [(row["key"], row["asked"]) for row in stored(world, "open")] == [("r1", 3), ("r2", 3)]
    assert due(world) == ["fetch"]


def test_requests_at_once_are_one_job_and_all_counted(world: World) -> None:
    together(8, lambda number: ask(world, *(("r1", "r2") if number % 2 else ("r2", "r1"))))
    assert [(row["key"], row["asked"]) for row in stored(world, "open")] == [("r1", 8), ("r2", 8)]


def test_a_request_that_comes_meanwhile_keeps_the_job_open(world: World) -> None:
    ask(world, "r1", "r2")
    begun = begin(world)
    ask(world, "r1")
    finish(world, begun)
    assert [(row["key"], row["state"]) for row in stored(world, "open", "done")] == [
        ("r1", "open"),
        ("r2", "done"),
    ]
    finish(world, begin(world))
    assert stored(world, "open") == []
    ask(world, "r1")
    assert [row["asked"] for row in stored(world, "open")] == [1]


def test_only_active_connections_are_due(world: World) -> None:
    ask(world)
    for state in ConnectionState:
        with world.database.transaction() as tx:
            connections.set_state(tx, world.ids["crm"], state)
        assert due(world) == (["fetch"] if state is ConnectionState.ACTIVE else [])


def test_each_job_is_claimed_once_by_several_workers(world: World) -> None:
    keys = [f"r{number:03d}" for number in range(60)]
    ask(world, *keys)

    def worker(number: int) -> list[str]:
        done: list[str] = []
        for _ in range(400):
            with world.database.transaction() as tx:
                lease = lanes.take(tx, world.ids["crm"], "pull", owner=f"w{number}", seconds=60)
                begun = jobs.begin(tx, world.ids["crm"], ["fetch"], limit=7) if lease else []
            if begun:
                finish(world, begun)
                done += [job.key for job in begun]
            if lease:
                with world.database.transaction() as tx:
                    lanes.give_back(tx, lease)
            if not due(world):
                break
        return done

    claimed = sorted(key for done in together(4, worker) for key in done)
    assert claimed == keys


def test_a_job_put_off_waits_its_time_unless_a_person_asks(world: World) -> None:
    ask(world, "r1")
    begun = begin(world)
    with world.database.transaction() as tx:
        jobs.put_off(tx, begun, "Unavailable", after=300, give_up=False)
        at = now(tx)
    (row,) = stored(world, "open")
    assert timedelta(seconds=290) < row["not_before"] - at < timedelta(seconds=310)
    assert row["last_error"] == "Unavailable"
    assert due(world) == []
    assert begin(world) == []
    (job,) = begin(world, early=True)
    assert job.attempts == 2
    finish(world, [job])
    assert stored(world, "done")[0]["attempts"] == 0


def test_a_job_that_fails_by_itself_is_given_up_with_its_reason(world: World) -> None:
    ask(world, "r1")
    for _ in range(MAX_ATTEMPTS):
        with world.database.transaction() as tx:
            jobs.put_off(
                tx, jobs.begin(tx, world.ids["crm"], ["fetch"]), "InvalidRecord", after=0, give_up=True
            )
    with world.database.reading() as tx:
        (dead,) = jobs.dead(tx, world.organisation_id)
        assert jobs.dead(tx, "another") == []
    assert (dead["key"], dead["last_error"], dead["attempts"]) == ("r1", "InvalidRecord", MAX_ATTEMPTS)
    assert due(world) == []
    ask(world, "r1")
    assert due(world) == ["fetch"]


def pull_with(world: World, error: Exception) -> Any:
    """Let a worker's pull fail; returns its job."""

    def fault(_kind: str, _write: object) -> str:
        raise error

    ask(world, kind="pull")
    world.crms["crm"].fault = fault
    with world.database.transaction() as tx:
        tx.execute(update(table).values(not_before=now(tx)))
    drain(world.services, world.events.append)
    (row,) = [row for row in stored(world, "open", "dead") if row["kind"] == "pull"]
    return row


def test_failed_runs_put_their_jobs_off_longer_each_time(world: World) -> None:
    world.sync()
    pauses = []
    for _ in range(4):
        row = pull_with(world, InvalidRecord("name", "cannot be read"))
        with world.database.reading() as tx:
            pauses.append((row["not_before"] - now(tx)).total_seconds())
    assert pauses == sorted(pauses)
    assert pauses[-1] > 2 * pauses[0] > 0
    with world.database.reading() as tx:
        before = now(tx)
    row = pull_with(world, RateLimited("Slowly.", retry_after=77))
    assert 70 < (row["not_before"] - before).total_seconds() < 80
    world.crms["crm"].fault = lambda _kind, _write: None
    world.sync()
    assert stored(world, "open", "dead") == []


def test_a_job_whose_worker_vanished_comes_back_and_is_not_tried_for_ever(world: World) -> None:
    ask(world, kind="pull")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert due(world) == ["pull"]
        assert [job.attempts for job in begin(world, "pull")] == [attempt]  # and then no word of it
    with world.database.transaction() as tx:
        lease = lanes.take(tx, world.ids["crm"], "pull", owner="at work", seconds=60)
        assert lease
        jobs.give_up_lost(tx, dead_owners=["someone"])
    assert due(world) == ["pull"], "its worker may be at it still"
    with world.database.transaction() as tx:
        jobs.give_up_lost(tx, dead_owners=["at work"])
        (dead,) = jobs.dead(tx, world.organisation_id)
    assert "worker" in dead["last_error"]
    assert due(world) == []


def test_a_crm_that_is_down_for_long_does_not_count_as_a_lost_worker(world: World) -> None:
    ask(world, kind="pull")
    for _ in range(MAX_ATTEMPTS + 5):
        with world.database.transaction() as tx:
            begun = jobs.begin(tx, world.ids["crm"], ["pull"], early=True)
            jobs.put_off(tx, begun, "Unavailable", after=0, give_up=False)
    begin(world, "pull")
    with world.database.transaction() as tx:
        jobs.give_up_lost(tx, dead_owners=[])
    assert due(world) == ["pull"]


def test_a_connection_that_another_worker_is_at_is_left_to_it(world: World) -> None:
    world.sync()
    ask(world, kind="pull")
    with world.database.transaction() as tx:
        assert lanes.take(tx, world.ids["crm"], "pull", owner="another", seconds=60)
    assert drain(world.services, world.events.append) == 0
    with pytest.raises(BusyError):
        world.sync(kind="pull", trigger="schedule")
    assert [row["kind"] for row in stored(world, "open")] == ["pull"]


def test_whoever_comes_when_the_work_is_done_does_not_do_it_again(world: World) -> None:
    world.sync()
    ask(world, kind="pull")
    calls = dict(world.crms["crm"].calls)
    assert drain(world.services, world.events.append) == 1
    looked = dict(world.crms["crm"].calls)
    assert looked != calls
    world.sync(kind="pull", trigger="schedule")  # a worker that read the list of due jobs before
    assert world.crms["crm"].calls == looked


def test_one_broken_connection_does_not_stop_the_others(world: World) -> None:
    """Invariant I10."""
    world.connect("other")
    world.sync()
    world.sync("other")
    world.crms["other"].create({"key": "new", "name": "New"})
    for name in ("crm", "other"):
        with world.database.transaction() as tx:
            jobs.ask(tx, organisation_id=world.organisation_id, connection_id=world.ids[name], kind="pull")

    def fault(_kind: str, _write: object) -> str:
        raise ConcordError("broken")

    world.crms["crm"].fault = fault
    assert drain(world.services, world.events.append) == 3
    assert list(world.customers()) == ["new"]
    failures = [event for event in world.events if event.get("event") == "failed"]
    failed = [(event["connection"], event["kind"]) for event in failures]
    assert failed == [("crm", "pull"), ("crm", "push")], "the new customer is to be created there, too"


def test_a_statement_that_fails_stops_neither_the_others_nor_tells_values(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.sync()
    ask(world, kind="pull")
    world.crms["crm"].create({"key": "k1", "name": "Jane", "email": "jane@example.com"})
    with world.database.transaction() as tx:
        tx.exec_driver_sql("ALTER TABLE sightings RENAME TO away")
    try:
        assert drain(world.services, world.events.append) == 1
    finally:
        with world.database.transaction() as tx:
            tx.exec_driver_sql("ALTER TABLE away RENAME TO sightings")
    (failed,) = [event for event in world.events if event.get("event") == "failed"]
    assert "database refused" in str(failed["reason"])
    assert "jane" not in caplog.text.casefold()
    assert "SELECT" not in caplog.text
    assert [row["attempts"] for row in stored(world, "open")] == [1]


def test_a_held_job_that_was_asked_for_again_is_due_when_it_is_finished(world: World) -> None:
    ask(world, kind="pull")
    begun = begin(world, "pull")
    with world.database.transaction() as tx:
        jobs.hold(tx, begun, 120, heard=False)
    ask(world, kind="pull")
    assert due(world) == []
    finish(world, begun)
    assert due(world) == ["pull"]
