"""Incremental looks: the 10,000 cap, ties, the index's delay, and where a pass ends."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from connectors.errors import Misconfigured, Unavailable
from connectors.hubspot.changes import LONGEST_BACK, LOOK_BACK, MINUTE
from connectors.port import Cursor, FieldMapping
from tests.conformance.playground import customer, walk
from tests.connectors.hubspot_client.conftest import Start
from tests.connectors.hubspot_client.hub import Hub, Reply


def now() -> int:
    return int(time.time() * 1000)


def since(moment: int, *, trailed: int | None = None) -> Cursor:
    return {"since": moment, "trailed": now() if trailed is None else trailed}


def number(cursor: Cursor, name: str) -> int:
    value = cursor[name]
    assert isinstance(value, int)
    return value


def test_more_changes_than_a_query_can_show(start: Start) -> None:
    hub = start(population=[{"name": f"C{n}", "company_id": f"K{n}"} for n in range(10_450)])
    seen, _ = walk(hub.connector.list_changes, since(0))
    assert sorted(str(each.external_id) for each in seen) == sorted(f"K{n}" for n in range(10_450))
    assert len(hub.asked("/search")) <= 10_450 // 199 + 1
    assert not any("after" in each.body for each in hub.asked("/search"))


def test_ties_of_several_pages_among_other_changes(hub: Hub) -> None:
    cursor = hub.connector.list_changes(None).cursor
    before = [hub.create(customer(n)) for n in range(30)]
    hub.freeze()
    tied = [hub.create(customer(n)) for n in range(430)]
    hub.settings(freeze_clock=False)
    after = [hub.create(customer(n)) for n in range(30)]
    moved: list[str] = []

    def move() -> None:
        if len(moved) < 4:
            moved.append(tied[len(moved) * 100])
            hub.edit(moved[-1], {"customer_name": "Moved"})

    seen, _ = walk(hub.connector.list_changes, cursor, move)
    last = {each.ref: each for each in seen}
    assert last.keys() == {*before, *tied, *after}
    assert all(hub.connector.decode(last[ref])["customer_name"] == "Moved" for ref in moved)
    assert len(seen) <= 490 + len(moved)


def test_two_batches_to_a_page_are_shown_once(hub: Hub) -> None:
    cursor = hub.connector.list_changes(None).cursor
    refs = []
    for step in range(5):
        hub.settings(freeze_clock=True, clock_offset=step)
        refs += [hub.create(customer(n)) for n in range(100)]
    seen, _ = walk(hub.connector.list_changes, cursor)
    assert sorted(each.ref for each in seen) == sorted(refs)


def test_what_the_index_shows_late_is_seen(hub: Hub) -> None:
    cursor = hub.connector.list_changes(None).cursor
    hub.settings(index_delay=1000)
    late = hub.create(customer(1))
    seen, cursor = walk(hub.connector.list_changes, cursor)
    assert seen == []
    hub.settings(index_delay=0)
    seen, cursor = walk(hub.connector.list_changes, cursor)
    assert [each.ref for each in seen] == [late]


def test_what_the_index_shows_almost_an_hour_late_is_seen_by_the_trailing_pass(hub: Hub) -> None:
    hub.settings(clock_offset=-45 * 60)
    late = hub.create(customer(1))
    hub.settings(clock_offset=0)
    recent = hub.create(customer(2))
    quick = since(now() - LOOK_BACK, trailed=now() - 20 * MINUTE)
    seen, after_quick = walk(hub.connector.list_changes, quick)
    assert [each.ref for each in seen] == [recent]
    assert after_quick["trailed"] == quick["trailed"]
    due = since(now() - LOOK_BACK, trailed=now() - 40 * MINUTE)
    seen, after_due = walk(hub.connector.list_changes, due)
    assert {each.ref for each in seen} == {late, recent}
    assert number(after_due, "trailed") >= now() - MINUTE
    assert number(after_due, "since") >= number(due, "since")


@pytest.mark.parametrize("offset", [3600, -600])
def test_a_pass_ends_before_the_last_change_and_before_it_started(hub: Hub, offset: int) -> None:
    assert (LOOK_BACK, LONGEST_BACK) == (600_000, 21_600_000)
    hub.settings(clock_offset=offset)
    started, cursor = now(), since(now() - 60 * MINUTE)
    ref = hub.create(customer(1))
    seen, cursor = walk(hub.connector.list_changes, cursor)
    high = now() + min(offset, 0) * 1000
    assert [each.ref for each in seen] == [ref]
    assert started - 2000 + min(offset, 0) * 1000 - LOOK_BACK <= number(cursor, "since") <= high - LOOK_BACK


def test_a_quiet_account_keeps_its_place_for_hours_only(hub: Hub) -> None:
    old = since(now() - 60 * MINUTE)
    assert hub.connector.list_changes(old).cursor["since"] == old["since"]
    ancient = since(now() - 3 * LONGEST_BACK)
    assert number(hub.connector.list_changes(ancient).cursor, "since") >= now() - LONGEST_BACK - MINUTE


def test_the_first_cursor_is_that_of_hubspots_clock(hub: Hub) -> None:
    cursor = hub.connector.list_changes(None).cursor
    assert abs(number(cursor, "since") + LOOK_BACK - now()) < 5000
    listed = walk(hub.connector.list_all)[1]
    assert listed.keys() == cursor.keys()


def test_an_empty_page_that_is_not_the_last_is_no_end(hub: Hub) -> None:
    hub.create(customer(1))

    def emptied(path: str, reply: Reply) -> Reply:
        body = {"total": 7, "results": [], "paging": {"next": {"after": "200"}}}
        return reply.with_json(body) if path.endswith("/search") else reply

    hub.between.outward = emptied
    with pytest.raises(Unavailable):
        hub.connector.list_changes(since(0))


def test_a_listing_ends_with_the_time_of_its_start(start: Start) -> None:
    hub = start(population=[{"name": f"C{n}"} for n in range(250)])
    first = hub.connector.list_all()
    earlier = number(first.cursor, "started") - 5 * MINUTE
    for cursor in (
        {**first.cursor, "started": earlier},
        {**hub.connector.partitions(2)[0], "started": earlier},
    ):
        _, last = walk(hub.connector.list_all, cursor)
        assert last == since(earlier - LOOK_BACK, trailed=earlier)


def test_a_listing_in_circles_is_an_error(start: Start) -> None:
    hub = start(population=[{"name": f"C{n}"} for n in range(250)])
    first = hub.connector.list_all()

    def circling(_: str, reply: Reply) -> Reply:
        return reply.with_json({**reply.json, "paging": {"next": {"after": first.cursor["after"]}}})

    hub.between.outward = circling
    with pytest.raises(Unavailable):
        hub.connector.list_all(first.cursor)


UNKNOWN = (FieldMapping("customer_name", "name"), FieldMapping("custom_data.tier", "tier_of_old"))


def test_a_property_that_is_not_there_is_named(start: Start) -> None:
    hub = start(mapping=UNKNOWN)
    hub.control("POST", "create", {"fields": {"name": "C1"}})
    for _ in range(2):
        with pytest.raises(Misconfigured, match="tier_of_old"):
            hub.connector.list_all()
        with pytest.raises(Misconfigured, match="tier_of_old"):
            hub.connector.list_changes(since(0))


def test_properties_left_out_for_being_blank_cost_one_look_at_the_schema(hub: Hub) -> None:
    def without_nulls(_: str, reply: Reply) -> Reply:
        body = reply.json
        for each in body.get("results", []):
            shown = each.get("properties")
            if shown is not None:
                each["properties"] = {name: value for name, value in shown.items() if value is not None}
        return reply.with_json(body)

    hub.between.outward = without_nulls
    ref = hub.control("POST", "create", {"fields": {"name": "Bare"}})["id"]
    first, found = (walk(hub.connector.list_all)[0][0] for _ in range(2))
    assert first.ref == found.ref == ref
    assert set(hub.connector.decode(found).values()) == {"Bare", None}
    assert len(hub.asked("/properties/companies")) == 1


def test_a_map_too_wide_for_a_search(start: Start) -> None:
    names = [f"a_custom_property_of_some_length_{n}" for n in range(120)]
    mapping = [FieldMapping("customer_name", "name"), *(FieldMapping(f"custom_data.{n}", n) for n in names)]
    described = {"type": "string", "fieldType": "text", "groupName": "companyinformation"}
    hub = start(mapping=mapping, properties=[{"name": name, "label": name, **described} for name in names])
    cursor = hub.connector.list_changes(None).cursor
    refs = [hub.create({"customer_name": f"C{n}", f"custom_data.{names[n]}": "x"}) for n in range(110)]
    seen, _ = walk(hub.connector.list_changes, cursor)
    assert sorted(each.ref for each in seen) == sorted(refs)
    last = {each.ref: each for each in seen}
    assert hub.connector.decode(last[refs[7]])[f"custom_data.{names[7]}"] == "x"
    assert walk(hub.connector.list_all)[0] != []
    assert hub.connector.calls()["batch_read"] == 2


def test_ranges_of_ids_are_about_equal(start: Start) -> None:
    hub = start(population=[{"name": f"C{n}"} for n in range(1000)])
    sizes = [len(walk(hub.connector.list_all, each)[0]) for each in hub.connector.partitions(4)]
    assert sum(sizes) == 1000
    assert max(sizes) <= 260
    grown = hub.create(customer(1))
    last = hub.connector.partitions(3)[-1]
    assert grown in {each.ref for each in walk(hub.connector.list_all, last)[0]}


def test_stamps_with_and_without_milliseconds(hub: Hub) -> None:
    hub.settings(freeze_clock=True, clock_offset=0)
    cursor = hub.connector.list_changes(None).cursor

    def whole(_: str, reply: Reply) -> Reply:
        body = reply.json
        for each in body.get("results", []):
            each["properties"]["hs_lastmodifieddate"] = "2026-05-01T10:00:00Z"
        return reply.with_json(body)

    hub.create(customer(1))
    hub.between.outward = whole
    (found,) = walk(hub.connector.list_changes, cursor)[0]
    assert found.modified_at == datetime(2026, 5, 1, 10, tzinfo=UTC)
