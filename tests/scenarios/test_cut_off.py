"""Listings that are cut off go on where they were, and find what whole ones find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from connectors.errors import Unavailable
from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from connectors.port import Presence
from sync.cycle import run
from sync.selection import Selection
from sync.steps import Order
from sync.store import connections, jobs, runs
from sync.store.jobs import Wanted
from sync.store.query import rows
from sync.store.worktables import jobs as jobs_table
from tasks.jobs import drain
from tests.scenarios.test_maps import change_settings
from tests.world import World

COUNT = 40
PAGE = 8


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    """Forty customers in sync, in five pages."""
    crm = world.connect(crm=MemoryCrm(page_size=PAGE))
    for number in range(COUNT):
        crm.create({KEY: f"k{number:02d}", "name": f"Customer {number}"})
    world.sync()
    return crm


def cut_after(crm: MemoryCrm, pages: int) -> None:
    """The CRM goes down after so many pages of a listing."""
    left = {"pages": pages}

    def fault(kind: str, _write: object) -> str | None:
        if kind != "list_all":
            return None
        left["pages"] -= 1
        return "unavailable" if left["pages"] < 0 else None

    crm.fault = fault


def mend(crm: MemoryCrm) -> None:
    crm.fault = lambda _kind, _write: None


def ask(world: World, kind: str) -> None:
    connection_id = world.ids["crm"]
    with world.database.transaction() as tx:
        wanted = Wanted(connection_id, kind, organisation_id=world.organisation_id)
        jobs.ask_for(tx, [wanted])
        tx.execute(jobs_table.update().values(not_before=jobs_table.c.created_at))  # whatever was put off


def worker(world: World, kind: str) -> Any:
    ask(world, kind)
    order = Order(kind=kind, trigger="schedule", actor="concord", full=kind == "full")
    return run(world.services, world.connection(), order, world.events.append)


def open_jobs(world: World) -> set[str]:
    with world.database.reading() as tx:
        return {row["kind"] for row in rows(tx, select(jobs_table).where(jobs_table.c.state == "open"))}


def quietly(crm: MemoryCrm, ref: str, **changes: Any) -> None:
    """Something becomes of a record that the CRM's feed of changes will never tell."""
    crm.records[ref] = replace(crm.records[ref], **changes)


def hide(crm: MemoryCrm, ref: str, name: str) -> None:
    quietly(crm, ref, values={**crm.records[ref].values, "name": name})


@pytest.mark.parametrize("kind", ["full", "pull"], ids=["by another compare", "by a look at the changes"])
def test_a_compare_that_was_cut_off_counts_all_drift_and_finds_what_is_missing(
    world: World, crm: MemoryCrm, kind: str
) -> None:
    hide(crm, "m000001", "First page")
    hide(crm, "m000034", "Last page")
    quietly(crm, "m000003", presence=Presence.DELETED)
    quietly(crm, "m000035", presence=Presence.DELETED)
    cut_after(crm, 2)
    with pytest.raises(Unavailable):
        worker(world, "full")
    assert world.connection().row["compared_at"] is None
    assert world.queue() == [], "what is missing can be told by a whole listing alone"
    mend(crm)
    crm.edit("m000021", {"name": "Told"})
    crm.delete("m000002")
    before = dict(crm.calls)
    worker(world, kind)
    assert crm.calls["list_all"] - before["list_all"] == 3, "the pages that are left"
    row = world.connection().row
    assert (row["listing"], row["drift"]) == (None, 4)
    assert row["compared_at"] is not None
    assert {world.values(key)["customer_name"] for key in ("k00", "k20", "k33")} == {
        "First page",
        "Last page",
        "Told",
    }
    assert sorted(each.row["ref"] for each in world.queue("remote_deleted")) == [
        "m000002",
        "m000003",
        "m000035",
    ]
    assert "full" not in open_jobs(world), "nobody compares once more for the one that was cut off"


def test_most_of_a_listing_gone_halts_also_where_it_was_cut_off(world: World, crm: MemoryCrm) -> None:
    cut_after(crm, 3)
    with pytest.raises(Unavailable):
        worker(world, "full")
    mend(crm)
    for number in range(1, 7):
        quietly(crm, f"m{number:06d}", presence=Presence.DELETED)
    assert worker(world, "pull").state == "needs_approval"
    assert world.connection().state == "halted"
    assert world.queue() == []


def test_a_listing_that_is_wanted_anew_is_a_whole_one(world: World, crm: MemoryCrm) -> None:
    quietly(crm, "m000003", presence=Presence.DELETED)
    with world.database.transaction() as tx:
        connections.set_columns(tx, world.ids["crm"], listing={})
    reads = crm.calls.get("get_many", 0)
    worker(world, "pull")
    assert world.kinds() == ["remote_deleted"]
    assert crm.calls["get_many"] - reads == 1, "only what was not listed is read"
    assert world.connection().row["compared_at"] is None


def test_a_first_listing_that_was_cut_off_reads_no_record_twice(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(page_size=PAGE))
    for number in range(COUNT):
        crm.create({KEY: f"k{number:02d}", "name": f"Customer {number}"})
    cut_after(crm, 2)
    with pytest.raises(Unavailable):
        world.sync()
    mend(crm)
    world.sync()
    assert len(world.customers()) == COUNT
    assert crm.calls.get("get_many", 0) == 0


def resync_cut_off(world: World, crm: MemoryCrm, pages: int) -> str:
    """A resync of everything, asked for by a person whose process is killed after so many pages."""

    class KilledError(BaseException):
        pass

    def watch(event: Any) -> None:
        if event.get("event") == "page" and event["done"] == pages * PAGE:
            raise KilledError

    order = Order(kind="resync", trigger="manual", actor="anna", selection=Selection(everything=True))
    run_now: Callable[[], Any] = lambda: run(world.services, world.connection(), order, watch)  # noqa: E731
    with pytest.raises(KilledError):
        run_now()
    with world.database.transaction() as tx:
        latest, *_ = runs.listing(tx, world.organisation_id, limit=1)
        # A process that is killed closes nothing, and leaves its job.
        runs.save(tx, latest["id"], state="running", finished_at=None)
        wanted = Wanted(world.ids["crm"], "resync", latest["id"], organisation_id=world.organisation_id)
        jobs.ask_for(tx, [wanted])
    return str(latest["id"])


def test_a_resync_of_everything_goes_on_where_it_was_cut_off(world: World, crm: MemoryCrm) -> None:
    change_settings(world, rules={"customer_name": "always_local"})
    for ref in sorted(crm.records):
        crm.edit(ref, {"name": "Theirs"})
    world.sync()
    quietly(crm, "m000003", presence=Presence.DELETED)
    origin = resync_cut_off(world, crm, 2)
    cut_after(crm, 1)
    drain(world.services, world.events.append)  # a worker goes on, and is cut off in its turn
    mend(crm)
    with world.database.transaction() as tx:
        tx.execute(
            jobs_table.update().where(jobs_table.c.state == "open").values(not_before=jobs_table.c.created_at)
        )
    calls = crm.calls["list_all"]
    drain(world.services, world.events.append)
    assert crm.calls["list_all"] - calls == 2, "the last two pages"
    there = [record.values["name"] for record in crm.records.values() if record.ref != "m000003"]
    assert "Theirs" not in there
    assert world.kinds() == ["remote_deleted"]
    with world.database.reading() as tx:
        assert runs.find(tx, world.organisation_id, origin)["selection"] == {"all": True}


def test_under_a_newer_map_a_resync_of_everything_begins_anew(world: World, crm: MemoryCrm) -> None:
    resync_cut_off(world, crm, 2)
    change_settings(world, rules={"customer_name": "always_local"})
    calls = crm.calls["list_all"]
    drain(world.services, world.events.append)
    assert crm.calls["list_all"] - calls == COUNT // PAGE
    assert {link.row["map_version"] for link in world.links().values()} == {world.connection().map_version}
