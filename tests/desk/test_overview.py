"""The overview says how things stand, in words, and what it says is so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import insert, update

from sync.clock import id_at, new_id
from sync.rules import parse_settings
from sync.store import budgets, connections, overview
from sync.store import jobs as jobs_store
from sync.store.connections import ConnectionState
from sync.store.query import now
from sync.store.session import Database
from sync.store.worktables import jobs, runs, schedules
from tests.desk.conftest import Desk
from tests.world import World


def test_it_counts_what_moved_and_what_was_handed_out(database: Database) -> None:
    world = World(database)
    world.connect()
    mine, place = world.organisation_id, world.ids["crm"]
    with database.transaction() as tx:
        at = now(tx)
        given: dict[str, Any] = {
            "organisation_id": mine,
            "connection_id": place,
            "trigger": "schedule",
            "actor": "test",
        }
        given |= {"calls": {}, "approved": False}
        counts = {"created_local": 2, "updated_local": 3, "updated_remote": 4, "held": {"x": 1}}
        for number, (hours, kind, state, told) in enumerate(
            (
                (0, "pull", "done", counts),
                (5, "push", "done", counts),
                (22, "pull", "failed", counts),
                (30, "pull", "done", counts),
                (0, "plan", "done", counts),
                (0, "pull", "needs_approval", counts),
                (0, "resolve", "done", {"resolved": 2, "dismissed": 1}),
            )
        ):
            begun = at - timedelta(hours=hours)
            made = f"{id_at(begun)[:12]}{number:020x}"
            row = {"id": made, "kind": kind, "state": state, "counts": told, "started_at": begun}
            tx.execute(insert(runs).values(**given, **row))
        dry = {"ordered": {"dry": True}, "kind": "undo", "state": "done", "counts": counts}
        tx.execute(insert(runs).values(id=f"{id_at(at)[:12]}{99:020x}", started_at=at, **given, **dry))
        budgets.take(tx, place, f"{at:%Y-%m-%d}", calls=7, most=10)
        budgets.take(tx, place, f"{at - timedelta(days=1):%Y-%m-%d}", calls=9, most=10)
        body = {**connections.load(tx, place).settings.model_dump(mode="json"), "daily_calls": 10}
        connections.change_settings(tx, connections.load(tx, place), parse_settings(body))
        soon = at + timedelta(hours=1)
        slot = {"connection_id": place, "kind": "pull", "every_seconds": 60, "timezone": "UTC"}
        tx.execute(insert(schedules).values(**slot, next_run_at=soon))
    with database.reading() as tx:
        found = overview.read(tx, mine)
    assert len(found.hours) == 24
    assert (found.to_billing, found.to_crms, found.decided) == (15, 12, 3)
    assert found.hours[-1].to_billing >= 5
    assert [each["kind"] for each in found.waiting] == ["pull"]
    (standing,) = found.connections
    assert (standing.calls, standing.limit) == (7, 10)
    assert standing.next_at is None, "a connection that may not work has nothing planned"
    with database.transaction() as tx:
        connections.set_state(tx, place, ConnectionState.ACTIVE)
        (standing,) = overview.read(tx, mine).connections
    assert standing.next_at == soon


def test_what_nobody_takes_up_is_not_in_sync(desk: Desk) -> None:
    place = desk.served.connect("shop")
    page = desk.signed_in().page

    def shown(**columns: Any) -> tuple[str, str]:
        if columns:
            with desk.database.transaction() as tx:
                connections.set_columns(tx, place.id, **columns)
        page.goto(f"{desk.served.url}/desk")
        heading = page.get_by_role("heading", level=1).inner_text()
        return heading, page.locator("main .cards .state").inner_text()

    with desk.database.transaction() as tx:
        at = now(tx)
        tx.execute(update(schedules).values(next_run_at=at + timedelta(hours=1)))
    assert shown(looked_at=at) == ("Everything is in sync", "At work")
    needs = "1 connection needs your attention"
    with desk.database.transaction() as tx:
        tx.execute(update(schedules).values(next_run_at=at - timedelta(days=40)))
    assert shown() == (needs, "Late: nobody takes up what is due")
    assert "due since 1 month" in page.locator("main").inner_text()
    for path in ("/desk/connections", f"/desk/connections/{place.id}"):
        page.goto(f"{desk.served.url}{path}")
        assert "Late: nobody takes up what is due" in page.locator("main").inner_text()
    with desk.database.transaction() as tx:
        tx.execute(update(schedules).values(next_run_at=at + timedelta(hours=1)))
        jobs_store.ask(tx, organisation_id=desk.served.organisation_id, connection_id=place.id, kind="pull")
        tx.execute(update(jobs).values(not_before=at - timedelta(minutes=6)))
    assert shown() == (needs, "Late: nobody takes up what is due")
    with desk.database.transaction() as tx:
        tx.execute(update(jobs).values(state="done"))
        mine = {"organisation_id": desk.served.organisation_id, "connection_id": place.id}
        told = {"trigger": "schedule", "actor": "test", "calls": {}, "counts": {}, "approved": False}
        row = {"id": new_id(), "kind": "pull", "state": "failed", "started_at": at, "finished_at": at}
        tx.execute(insert(runs).values(**mine, **told, **row))
    assert shown(looked_at=at - timedelta(minutes=1)) == (needs, "Its last run failed")
    assert shown(looked_at=at) == ("Everything is in sync", "At work"), "a look has gone well since"


def test_trouble_comes_first(desk: Desk) -> None:
    place = desk.served.connect("shop")
    person = desk.signed_in()
    page = person.page
    assert page.get_by_role("heading", level=1).inner_text() == "1 connection is not at work"
    assert "Not looked at yet" in page.locator("main").inner_text()
    with desk.database.transaction() as tx:
        connections.set_columns(tx, place.id, looked_at=now(tx))
    person.open("/desk")
    assert page.get_by_role("heading", level=1).inner_text() == "Everything is in sync"
    with desk.database.transaction() as tx:
        connections.set_state(tx, place.id, ConnectionState.PAUSED)
    person.open("/desk")
    assert page.get_by_role("heading", level=1).inner_text() == "1 connection is not at work"
    with desk.database.transaction() as tx:
        reason = "More than 20 % <b>would change</b>"
        connections.set_state(tx, place.id, ConnectionState.HALTED, reason)
        tx.execute(update(schedules).values(every_seconds=60))
    person.open("/desk")
    assert page.get_by_role("heading", level=1).inner_text() == "1 connection needs your attention"
    assert "More than 20 % <b>would change</b>" in page.locator("main").inner_text()
    assert "Stopped: something looks wrong" in page.locator("main").inner_text()
