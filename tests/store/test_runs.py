"""Runs go from queued to one end, keep what they changed in order, and are found by what a person typed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from connectors.memory import KEY
from sync.approve import approve, cancel
from sync.core.safety import Load
from sync.cycle import run as run_one
from sync.errors import ConcordError, NotFoundError
from sync.orders import carry_out, place
from sync.steps import Order
from sync.store import audit, conflicts, connections, lanes, orders, runs
from sync.store.jobs import ORDER
from sync.store.query import Row, now, rows
from sync.store.runs import AppliedChange
from sync.store.worktables import jobs
from sync.store.worktables import lanes as lanes_table
from sync.store.worktables import runs as table
from sync.work import CancelledError, LeaseLostError
from tests.world import World


def start(world: World, kind: str = "sync") -> str:
    with world.database.transaction() as tx:
        return runs.start(
            tx,
            organisation_id=world.organisation_id,
            connection_id=world.ids["crm"],
            kind=kind,
            trigger="manual",
            actor="test",
            owner="test",
        )


def listing(world: World) -> list[Row]:
    with world.database.reading() as tx:
        return runs.listing(tx, world.organisation_id)


def states(world: World) -> list[str]:
    return [row["state"] for row in listing(world)]


def cancel_it(world: World, run: str) -> str:
    return cancel(world.database, world.organisation_id, run, actor="test")


def approve_it(world: World, run: str) -> None:
    approve(world.services, world.organisation_id, run, actor="test", progress=world.events.append)


def test_the_states_of_a_run(world: World) -> None:
    crm = world.crms["crm"]
    seen: list[str] = []

    def look(_kind: str, _write: object) -> None:
        seen.extend(states(world))

    crm.fault = look
    assert world.sync().state == "done"
    assert set(seen) == {"queued", "running"}
    (row,) = listing(world)
    assert row["state"] == "done"
    assert row["finished_at"] >= row["started_at"]
    with pytest.raises(ConcordError, match="ended already"):
        cancel_it(world, row["id"])
    with pytest.raises(ConcordError, match="does not wait for an approval"):
        approve_it(world, row["id"])


def test_a_run_that_waits_is_approved_once_or_cancelled(world: World) -> None:
    world.crms["crm"].create({KEY: "k1", "name": "One"})
    waiting = world.sync(yes=False)
    assert states(world) == ["needs_approval"]
    assert cancel_it(world, waiting.run) == "needs_approval"
    with pytest.raises(ConcordError, match="cancelled"):
        approve(
            world.services, world.organisation_id, waiting.run, actor="test", progress=world.events.append
        )
    assert world.customers() == {}
    again = world.sync(yes=False)
    approve_it(world, again.run)
    assert states(world) == ["done", "done", "cancelled"]
    assert list(world.customers()) == ["k1"]


def test_a_run_at_work_stops_at_a_persons_word(world: World) -> None:
    crm = world.crms["crm"]
    for number in range(30):
        crm.create({KEY: f"k{number}", "name": "N"})
    crm.page_size = 10
    pages = []

    def after_one_page(kind: str, _write: object) -> None:
        pages.append(kind)
        if pages.count("list_all") == 2:
            cancel_it(world, listing(world)[0]["id"])

    crm.fault = after_one_page
    with pytest.raises(ConcordError, match="cancelled"):
        world.sync()
    crm.fault = lambda _kind, _write: None
    assert states(world) == ["cancelled"]
    assert 0 < len(world.customers()) < 30
    world.sync()
    assert len(world.customers()) == 30


def test_a_run_that_was_cut_off_is_closed_by_the_next(world: World) -> None:
    cut, other = start(world), start(world, "push")
    with world.database.transaction() as tx:
        for each in (cut, other):
            runs.save(tx, each, state="running")
        assert orders.abandon(tx, world.ids["crm"], kinds=["push"], but=other) == 0
        assert orders.abandon(tx, world.ids["crm"], kinds=["sync", "pull"], but="") == 1
    assert sorted(states(world)) == ["failed", "running"]


def test_what_a_run_changed_is_kept_in_order(world: World) -> None:
    run, total = start(world), 2_345
    change = AppliedChange(
        side="local", action="update", customer_id=None, link_id=None, ref="r", fields={"email": [None, "é"]}
    )
    with world.database.transaction() as tx:
        at = now(tx)
        for first in range(0, total, 1_000):
            part = [change] * min(1_000, total - first)
            assert runs.next_seq(tx, run) == first
            runs.record(tx, run, part, connection_id=world.ids["crm"], first_seq=first, at=at)
        assert [row["seq"] for row in runs.changes_of(tx, run, limit=total + 1)] == list(range(total))
        (page,) = runs.changes_of(tx, run, after=10, limit=1)
        assert (page["seq"], page["fields"], page["before_baseline"]) == (11, {"email": [None, "é"]}, None)


def test_the_brake_remembers_a_day_but_not_what_was_approved(world: World) -> None:
    first, approved, old, this = (start(world) for _ in range(4))
    with world.database.transaction() as tx:
        for number, run in enumerate((first, approved, old, this), start=1):
            counts = {"braked": number, "blanked": {"email": 10 * number}}
            runs.finish(tx, run, "done", counts=counts, approved=run == approved)
        yesterday = now(tx) - timedelta(hours=25)
        tx.execute(update(table).where(table.c.id == old).values(started_at=yesterday))
        assert runs.recent_load(tx, world.ids["crm"], but=this) == Load(1, {"email": 10})


def test_a_look_without_a_find_leaves_no_trace(world: World) -> None:
    world.sync()
    world.sync(kind="pull", trigger="schedule")
    assert states(world) == ["done"]


def test_a_run_or_a_row_is_found_by_the_beginning_of_its_id_if_that_is_clear(world: World) -> None:
    one, two = start(world), start(world)
    for number in range(2):
        world.crms["crm"].create({"name": f"Without a key {number}"})
    world.sync()
    row = world.queue()[0].id
    with world.database.reading() as tx:
        assert runs.find(tx, world.organisation_id, one)["id"] == one
        assert runs.find(tx, world.organisation_id, two[:30])["id"] == two or one[:30] == two[:30]
        for unclear in ("", one[:2], "0%", "_"):
            with pytest.raises(NotFoundError):
                runs.find(tx, world.organisation_id, unclear)
        with pytest.raises(NotFoundError):
            runs.find(tx, "another", one)
        found = conflicts.find(tx, world.organisation_id, row)
        assert found is not None
        assert found.id == row
        assert conflicts.find(tx, "another", row) is None
        with pytest.raises(NotFoundError, match="several"):
            conflicts.find(tx, world.organisation_id, row[:2])


def test_the_audit_only_grows(world: World) -> None:
    first = world.add("k1", email="jane@example.com")
    world.change("k1", "email=")
    world.delete("k1")
    with world.database.reading() as tx:
        entries = audit.listing(tx, world.organisation_id)
        assert audit.listing(tx, "another") == []
        assert len(audit.listing(tx, world.organisation_id, limit=1)) == 1
    assert [(each["action"], each["subject"], each["actor"]) for each in entries] == [
        (f"customer.{what}", first, "test") for what in ("deleted", "changed", "added")
    ]
    assert entries[1]["details"] == {"fields": {"email": ["jane@example.com", None]}}
    # Nothing here can change or remove an entry.
    assert {name for name in vars(audit) if name in ("update", "delete", "clear", "remove")} == set()


def test_a_run_that_was_cancelled_before_it_held_its_lanes_is_not_carried_out(world: World) -> None:
    crm = world.crms["crm"]
    crm.create({KEY: "k1", "name": "One"})
    world.sync()
    crm.edit("m000001", {"name": "Two"})
    with world.database.transaction() as tx:
        lease = lanes.take(tx, world.ids["crm"], "push", owner="another", seconds=60)
    assert lease

    def word(event: Mapping[str, Any]) -> None:
        assert event["event"] == "waiting"
        cancel_it(world, listing(world)[0]["id"])
        with world.database.transaction() as tx:
            lanes.give_back(tx, lease)

    order = Order(kind="sync", trigger="manual", actor="test")
    with pytest.raises(CancelledError):
        run_one(world.services, world.connection(), order, word)
    assert states(world) == ["cancelled", "done"]
    assert listing(world)[0]["reason"] == "cancelled by test"
    assert world.values("k1")["customer_name"] == "One"


def test_a_run_that_was_cancelled_at_its_very_end_stays_so_with_what_it_did(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.crms["crm"].create({KEY: "k1", "name": "One"})
    real = connections.set_columns

    def late(tx: Any, connection_id: str, **columns: Any) -> None:
        real(tx, connection_id, **columns)
        if columns.get("first_sync") == "done":
            tx.execute(update(table).where(table.c.state == "running").values(state="cancelled"))

    monkeypatch.setattr(connections, "set_columns", late)
    assert world.sync().state == "cancelled"
    (row,) = listing(world)
    assert (row["state"], row["counts"]["created_local"]) == ("cancelled", 1)


def test_a_run_that_ended_is_never_put_back_and_one_of_another_worker_never_closed(world: World) -> None:
    run = start(world)
    with world.database.transaction() as tx:
        assert not orders.begin(tx, run, "another")
        assert orders.begin(tx, run, "test")
        assert not orders.begin(tx, run, "test")
        orders.put_back(tx, run, owner="another")
        assert not orders.close(tx, run, "another", "failed", reason="x")
    assert states(world) == ["running"]
    cancel_it(world, run)
    with world.database.transaction() as tx:
        orders.put_back(tx, run)
        assert not orders.close(tx, run, "test", "done", reason=None, counts={"pulled": 1})
    (row,) = listing(world)
    assert (row["state"], row["reason"], row["counts"]) == ("cancelled", "cancelled by test", {"pulled": 1})


def test_a_worker_that_lost_its_lease_leaves_an_ordered_run_to_the_next(world: World) -> None:
    crm = world.crms["crm"]
    crm.page_size = 1
    refs = [crm.create({KEY: f"k{number}", "name": "One"}) for number in range(3)]
    world.sync()
    for ref in refs:
        crm.edit(ref, {"name": "Two"})
    run = place(world.database, world.connection(), Order(kind="sync", trigger="manual", actor="test"))

    def successor(_kind: str, _write: object) -> None:
        crm.fault = lambda _kind, _write: None
        with world.database.transaction() as tx:
            tx.execute(update(lanes_table).values(lease_no=lanes_table.c.lease_no + 1))
            tx.execute(update(table).where(table.c.id == run).values(owner="successor"))

    crm.fault = successor
    with pytest.raises(LeaseLostError):
        carry_out(world.services, world.connection(), world.events.append)
    row = listing(world)[0]
    assert (row["state"], row["owner"]) == ("running", "successor")
    with world.database.transaction() as tx:
        (job,) = rows(tx, select(jobs).where(jobs.c.kind == ORDER))
        assert job["state"] == "open"
        tx.execute(update(table).where(table.c.id == run).values(owner=None, state="queued"))
        tx.execute(update(jobs).values(not_before=jobs.c.created_at))
        tx.execute(update(lanes_table).values(owner=""))
    report = carry_out(world.services, world.connection(), world.events.append)
    assert report is not None
    assert (report.run, report.state, report.counts["updated_local"]) == (run, "done", 2)
    assert {each.row["customer_name"] for each in world.customers().values()} == {"Two"}
