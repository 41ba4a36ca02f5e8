"""Resync of a list, of what meets a filter, of everything; its job, its progress, its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from connectors.memory import KEY, MemoryConnector
from connectors.memory_crm import MemoryCrm
from connectors.port import Cursor, Page
from sync import work as work_module
from sync.cycle import run
from sync.errors import NotFoundError
from sync.scoping import parse_lines
from sync.selection import Selection
from sync.steps import Order
from sync.store import runs
from sync.store.query import rows
from sync.store.worktables import jobs as jobs_table
from tests.scenarios.test_maps import change_settings
from tests.scenarios.test_statements import statements
from tests.world import World

MAPPED = ["email", "customer_name", "address.country_code"]


def resync(world: World, **selection: Any) -> Any:
    order = {name: selection.pop(name) for name in ("dry",) if name in selection}
    return world.sync(kind="resync", selection=Selection(**selection), **order)


def where(*conditions: Any) -> Any:
    return parse_lines(list(conditions), MAPPED, what="The filter")


def fill(world: World, count: int, **settings: Any) -> MemoryCrm:
    crm = world.connect(**settings)
    for number in range(count):
        crm.create({KEY: f"k{number}", "name": f"C{number}", "email": f"k{number}@example.com"})
    world.sync()
    return crm


def open_jobs(world: World) -> list[tuple[str, str]]:
    with world.database.reading() as tx:
        found = rows(tx, select(jobs_table).where(jobs_table.c.state == "open"))
    return [(row["kind"], row["key"]) for row in found]


def the_run(world: World, run_id: str) -> Any:
    with world.database.reading() as tx:
        return runs.find(tx, world.organisation_id, run_id)


def rename_all_here_by_rule(world: World, crm: MemoryCrm) -> None:
    """The CRM's names win from now on, once the links are resynced."""
    change_settings(world, rules={"customer_name": "always_local"})
    for ref in sorted(crm.records):
        crm.edit(ref, {"name": "Theirs"})
    world.sync()


def names(crm: MemoryCrm) -> list[Any]:
    return [record.values["name"] for record in crm.records.values()]


def test_a_record_that_only_the_crm_knows_is_named_by_its_ref(world: World) -> None:
    crm = fill(world, 1)
    ref = crm.create({KEY: "new", "name": "New"})
    report = resync(world, refs=(ref,))
    assert report.counts["created_local"] == 1
    with pytest.raises(NotFoundError, match="m999999"):
        resync(world, refs=("m999999",))


def test_a_long_list_is_done_only_if_all_of_it_is_known(world: World) -> None:
    crm = fill(world, 3, crm=MemoryCrm(page_size=2))
    for ref in crm.records:
        crm.edit(ref, {"name": "Theirs"})
    ids = (*(f"k{number}" for number in range(3)), *(f"none{number}" for number in range(600)))
    with pytest.raises(NotFoundError, match=r"none0, .* and 580 more; nothing was done"):
        resync(world, ids=ids)
    assert world.values("k0")["customer_name"] == "C0"
    assert open_jobs(world) == [], "a person was told: nothing is tried again by itself"
    report = resync(world, ids=ids, skip_unknown=True)
    assert report.counts["updated_local"] == 3
    assert len(report.counts["unknown"]) == 600
    kept = the_run(world, report.run)
    assert kept["selection"]["skip_unknown"] is True
    assert len(kept["selection"]["ids"]) == 603
    assert kept["progress"]["done"] >= 3


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"field": "email", "in": ["K1@example.com", "k3@example.com"]}, 2),
        ({"field": "external_id", "eq": "k2"}, 1),
        ({"field": "email", "blank": True}, 0),
    ],
)
def test_a_filter_chooses_records(world: World, condition: Any, expected: int) -> None:
    crm = fill(world, 5, crm=MemoryCrm(page_size=2))
    rename_all_here_by_rule(world, crm)
    assert names(crm) == ["Theirs"] * 5
    preview = resync(world, where=where(condition), dry=True)
    assert preview.counts["updated_remote"] == expected
    assert names(crm) == ["Theirs"] * 5
    report = resync(world, where=where(condition))
    assert report.counts["updated_remote"] == expected
    assert names(crm).count("Theirs") == 5 - expected


def test_a_filter_is_held_against_both_sides(world: World) -> None:
    crm = fill(world, 4)
    crm.edit("m000001", {"email": "only-there@example.com"})
    world.change("k1", "email=only-here@example.com")
    crm.create({KEY: "new-there", "name": "N", "email": "only-there2@example.com"})
    world.add("new-here", email="only-here2@example.com")
    report = resync(world, where=where({"field": "email", "starts": "only-"}))
    counts = report.counts
    assert (counts["updated_local"], counts["updated_remote"]) == (1, 1)
    assert (counts["created_local"], counts["created_remote"]) == (1, 1)
    assert world.sync().counts["writes"] == 0


def test_everything_is_brought_to_the_present_rules(world: World) -> None:
    crm = fill(world, 5, crm=MemoryCrm(page_size=2))
    rename_all_here_by_rule(world, crm)
    world.add("new-here")
    preview = resync(world, everything=True, dry=True)
    assert (preview.counts["updated_remote"], preview.counts["created_remote"]) == (5, 1)
    report = resync(world, everything=True)
    assert (report.counts["updated_remote"], report.counts["created_remote"]) == (5, 1)
    assert "Theirs" not in names(crm)
    assert resync(world, everything=True).counts["writes"] == 0
    progress = the_run(world, report.run)["progress"]
    assert progress["done"] == progress["of"]


def test_a_record_out_of_scope_is_not_moved_by_a_resync_nor_later_without_one(world: World) -> None:
    crm = fill(world, 2, scope=[{"field": "email", "present": True}])
    rename_all_here_by_rule(world, crm)
    crm.edit("m000001", {"email": None})
    report = resync(world, everything=True)
    assert (report.counts["updated_remote"], report.counts["out_of_scope"]) == (1, 1)
    crm.edit("m000001", {"email": "k0@example.com"})
    world.sync()
    assert names(crm) == ["Theirs", "C1"], "its rules are still the old ones"
    resync(world, ids=("k0",))
    assert names(crm) == ["C0", "C1"]


@pytest.mark.parametrize("dry", [False, True])
def test_how_far_a_run_is_can_be_read_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch, dry: bool
) -> None:
    monkeypatch.setattr(work_module, "TELL_SECONDS", 0.0)
    fill(world, 6, crm=MemoryCrm(page_size=2))
    seen = []

    def look(_event: Any) -> None:
        with world.database.reading() as tx:
            row = runs.listing(tx, world.organisation_id)[0]
        seen.append(row["progress"])
        assert open_jobs(world) == ([] if dry else [("resync", row["id"])]), (
            "what is left if it is killed now"
        )

    order = Order(
        kind="resync", trigger="manual", actor="test", dry=dry, selection=Selection(everything=True)
    )
    run(world.services, world.connection(), order, look)
    assert seen[-1] == {"done": 4, "of": 6}
    assert [each["done"] for each in seen if each] == sorted(each["done"] for each in seen if each)


def test_a_list_costs_the_same_statements_however_long_a_page_is(world: World) -> None:
    crm = fill(world, 90)
    counts = []
    for size in (2, 45):
        for ref in sorted(crm.records)[:size]:
            crm.edit(ref, {"phone": f"+1 217 555 01{size:02d}"})
        ids = tuple(f"k{number}" for number in range(size))
        counts.append(statements(world, lambda ids=ids: resync(world, ids=ids)))  # type: ignore[misc]
    assert counts[0] == counts[1]


def test_a_resync_of_everything_takes_nothing_back_from_an_index_that_is_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = fill(world, 2)
    before = crm.records["m000001"]
    world.change("k0", "email=new@example.com")
    world.settle()
    listed = MemoryConnector.list_all

    def behind(self: MemoryConnector, cursor: Cursor | None = None) -> Page:
        page = listed(self, cursor)
        return replace(
            page,
            observations=[self._observe(before) if o.ref == before.ref else o for o in page.observations],
        )

    monkeypatch.setattr(MemoryConnector, "list_all", behind)
    version = world.customers()["k0"].row["version"]
    resync(world, everything=True)
    assert world.values("k0")["email"] == "new@example.com"
    assert world.customers()["k0"].row["version"] == version
