"""Resyncs that are cut off, cancelled, or too much at once: who goes on with them, and what they leave."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import Unavailable
from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync import approve as approving
from sync.cycle import run
from sync.errors import NeedsApproval
from sync.selection import Selection
from sync.steps import Order
from sync.store import jobs, runs
from sync.store.jobs import Wanted
from sync.work import CancelledError
from tasks.jobs import drain
from tests.scenarios.test_maps import change_settings
from tests.scenarios.test_resync import (
    fill,
    names,
    open_jobs,
    rename_all_here_by_rule,
    resync,
    the_run,
    where,
)
from tests.world import World


def cut_off(world: World, selection: Selection) -> str:
    """What is left in the database of a resync whose process was killed."""
    connection = world.connection()
    with world.database.transaction() as tx:
        run_id = runs.start(
            tx,
            organisation_id=world.organisation_id,
            connection_id=connection.id,
            kind="resync",
            trigger="manual",
            actor="anna",
            owner="gone",
        )
        runs.save(tx, run_id, selection=selection.as_json())
        wanted = Wanted(connection.id, "resync", run_id, organisation_id=world.organisation_id)
        jobs.ask_for(tx, [wanted])
    return run_id


def test_a_resync_that_was_cut_off_is_finished_by_a_worker(world: World) -> None:
    crm = fill(world, 3)
    rename_all_here_by_rule(world, crm)
    first = cut_off(world, Selection(ids=("k1",)))
    second = cut_off(world, Selection(where=where({"field": "email", "eq": "k2@example.com"})))
    drain(world.services, world.events.append)
    assert names(crm) == ["Theirs", "C1", "C2"]
    assert open_jobs(world) == []
    assert [the_run(world, each)["state"] for each in (first, second)] == ["failed"] * 2
    assert "cut off" in the_run(world, first)["reason"]
    with world.database.reading() as tx:
        done = [row for row in runs.listing(tx, world.organisation_id) if row["trigger"] == "schedule"]
    assert [(row["kind"], row["state"], row["actor"]) for row in done] == [("resync", "done", "anna")] * 2
    assert "k2@example.com" not in str(open_jobs(world)) + str(world.events), "no value in keys and events"


def test_a_resync_of_a_stranger_that_was_cut_off_ends(world: World) -> None:
    fill(world, 1)
    cut_off(world, Selection(ids=("nobody",)))
    drain(world.services, world.events.append)
    assert open_jobs(world) == []


def test_a_resync_whose_crm_is_down_is_tried_again_by_a_worker_alone(world: World) -> None:
    crm = fill(world, 1)
    crm.edit("m000001", {"name": "Theirs"})
    crm.fault = lambda _kind, _write: "unavailable"
    with pytest.raises(Unavailable):
        resync(world, ids=("k0",))
    assert open_jobs(world) == [], "a person saw it fail"
    cut_off(world, Selection(ids=("k0",)))
    drain(world.services, world.events.append)
    assert [kind for kind, _ in open_jobs(world)] == ["resync"]


def test_a_cancelled_resync_stops_at_the_next_page_and_stays_so(world: World) -> None:
    crm = fill(world, 6, crm=MemoryCrm(page_size=2))
    for ref in crm.records:
        crm.edit(ref, {"name": "Theirs"})

    def cancel(event: Any) -> None:
        if event.get("event") == "page" and event["done"] == 2:
            with world.database.reading() as tx:
                at_work = runs.listing(tx, world.organisation_id)[0]["id"]
            approving.cancel(world.database, world.organisation_id, at_work, actor="test")

    order = Order(kind="resync", trigger="manual", actor="test", selection=Selection(everything=True))
    with pytest.raises(CancelledError):
        run(world.services, world.connection(), order, cancel)
    renamed = [each.row["customer_name"] == "Theirs" for each in world.customers().values()]
    assert sum(renamed) == 2, "what it had done stays done"
    assert open_jobs(world) == []


def test_a_resync_that_would_change_too_much_asks_and_is_released_as_one(world: World) -> None:
    crm = fill(world, 120)
    rename_all_here_by_rule(world, crm)
    change_settings(world, rules={"customer_name": "always_crm"})
    report = resync(world, everything=True)
    assert report.state == "needs_approval"
    assert open_jobs(world) == []
    released = approving.approve(
        world.services, world.organisation_id, report.run, actor="test", progress=world.events.append
    )
    assert (released.state, released.counts["updated_local"]) == ("done", 120)
    assert world.connection().state == "active"


def test_a_resync_does_not_take_the_place_of_a_first_sync(world: World) -> None:
    crm = world.connect()
    for key in ("k0", "k1"):
        crm.create({KEY: key, "name": key})
    with pytest.raises(NeedsApproval, match="never been synced"):
        resync(world, everything=True)
    assert resync(world, ids=("k0",)).counts["created_local"] == 1
    assert (world.connection().state, set(world.customers())) == ("new", {"k0"})
    assert world.sync(yes=False).state == "needs_approval"
