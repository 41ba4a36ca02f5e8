"""What a CRM shows late, out of order, under one stamp or by a wrong clock: seen all the same, and once."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from sync.store.session import Database
from tests.scenarios.lagging import AT_ONCE, HOUR, MINUTE, Lagging, lagging, phone

LATEST = {"salesforce": 5 * MINUTE, "hubspot": HOUR}
SKEW = 10 * MINUTE


@pytest.fixture(params=["salesforce", "hubspot"])
def crm(request: pytest.FixtureRequest, sqlite: Database) -> Iterator[Lagging]:
    """Thirty customers in sync for an hour."""
    with lagging(request.param, sqlite) as world:
        in_sync(world, 30)
        yield world


def in_sync(crm: Lagging, count: int) -> None:
    for number in range(count):
        crm.create(f"k{number}")
    crm.sync()
    crm.pass_time(HOUR)
    crm.sync()
    assert len(crm.here()) == count
    crm.calls()


def come_to_rest(crm: Lagging) -> None:
    """Let all that is late come to light, and look until nothing is news."""
    for _ in range(4):
        crm.pass_time(LATEST[crm.kind] / 2)
        crm.sync()
    assert crm.here() == crm.there()
    assert crm.sync().counts["writes"] == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_what_becomes_visible_late_and_out_of_order_is_never_missed(crm: Lagging, seed: int) -> None:
    random = Random(seed)
    edits, changes = 0, dict[str, str]()
    for step in range(24):
        crm.pass_time(random.uniform(0.2, 4) * MINUTE)
        for _ in range(random.randrange(4)):
            late = random.choice([AT_ONCE, random.uniform(1, LATEST[crm.kind]), LATEST[crm.kind]])
            edits += 1
            crm.edit(f"k{random.randrange(30)}", edits, late=late)
        if step % 6 == 1:
            changes[f"k{step}"] = f"k{step}@example.com"
            crm.change(f"k{step}", changes[f"k{step}"])
        if step % 3 == 1:
            crm.lag(random.choice([AT_ONCE, LATEST[crm.kind]]))
            crm.sync()
            # A listing that is behind shows our own writes undone: that is nobody's edit.
            here = crm.here()
            assert {key: here[key][1] for key in changes} == changes
    come_to_rest(crm)
    there = crm.there()
    assert {key: there[key][1] for key in changes} == changes
    assert crm.written() == len(changes)
    assert sum(crm.calls().values()) <= 8 * 13, "some calls a pass, however much is late"


def test_five_hundred_records_with_one_stamp_half_of_them_late(crm: Lagging) -> None:
    crm.pass_time(MINUTE)
    crm.state.configure({"freeze_clock": True})
    for number in range(500):
        crm.create(f"t{number}", late=AT_ONCE if number % 2 else LATEST[crm.kind])
    crm.state.configure({"freeze_clock": False})
    crm.pass_time(MINUTE)
    crm.sync()
    assert len(crm.here()) == 30 + 250
    crm.pass_time(LATEST[crm.kind])
    for number in range(5):
        crm.edit(f"k{number}", 1)
    crm.calls()
    crm.sync()
    assert crm.here() == crm.there()
    assert sum(crm.calls().values()) <= 10
    assert crm.sync().counts["writes"] == 0
    assert crm.written() == 0


@pytest.mark.parametrize("machine", [-SKEW, 0.0, SKEW])
def test_clocks_that_go_wrong_by_ten_minutes_hide_nothing(crm: Lagging, machine: float) -> None:
    crm.machine_skew = machine
    for number, skew in enumerate([SKEW, 0.0, -SKEW, 0.0]):
        crm.pass_time(1.5 * MINUTE)
        crm.edit("k0", number)
        crm.sync()
        crm.set_skew(skew)
        crm.pass_time(2)
        crm.edit("k1", number)
        crm.sync()
        assert crm.here() == crm.there()
    assert crm.sync().counts["writes"] == 0
    assert crm.written() == 0


def test_an_hour_late_and_stamped_by_a_clock_that_is_behind_as_well(sqlite: Database) -> None:
    with lagging("hubspot", sqlite) as crm:
        in_sync(crm, 3)
        crm.pass_time(MINUTE)
        crm.set_skew(-SKEW)
        crm.edit("k1", 1, late=HOUR)
        for number, minutes in enumerate([29.5, 30.1, 30.1, 30.1]):
            crm.pass_time(minutes * MINUTE)
            crm.edit("k2", number)
            crm.sync()
        assert crm.here() == crm.there()


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("kind", ["salesforce", "hubspot"])
def test_records_that_change_while_a_listing_pages(kind: str, full: bool, sqlite: Database) -> None:
    settings: dict[str, Any] = {"page_rows": 60} if kind == "salesforce" else {}
    with lagging(kind, sqlite, **settings) as crm:
        in_sync(crm, 250)
        for number in range(250):
            crm.edit(f"k{number}", 1)
        turns = []

        def move(page: int) -> None:
            if page <= 3:
                turns.append(page)
                for key in (f"k{page}", f"k{100 + page}", f"k{240 + page}"):
                    crm.edit(key, 10 + page)
                crm.create(f"new{page}")
                crm.delete(f"k{90 + page}")

        crm.between = move
        crm.sync(full=full)
        assert len(turns) >= 2
        crm.between = lambda _page: None
        crm.sync()
        assert crm.living() == crm.there()
        assert crm.sync().counts["writes"] == 0
        assert crm.written() == 0


@pytest.mark.parametrize("same_stamp", [False, True])
def test_a_write_of_ours_that_the_listing_does_not_show_yet_is_nobodys_edit(
    crm: Lagging, same_stamp: bool
) -> None:
    crm.pass_time(MINUTE)
    crm.state.configure({"freeze_clock": same_stamp})
    crm.edit("k3", 1, late=0)
    crm.sync()
    crm.lag(LATEST[crm.kind])
    if not same_stamp:
        crm.pass_time(1)
    crm.change("k3", "k3@example.com")
    for _ in range(3):
        crm.sync()
        assert crm.here()["k3"] == crm.there()["k3"] == (phone(1), "k3@example.com")
    crm.state.configure({"freeze_clock": False})
    come_to_rest(crm)
    assert crm.written() == 1


def test_a_deleted_record_that_the_listing_still_shows_stays_deleted(crm: Lagging) -> None:
    crm.pass_time(MINUTE)
    crm.edit("k3", 1)
    crm.sync()
    crm.lag(LATEST[crm.kind])
    crm.delete("k3")
    crm.sync()
    # HubSpot's recycle bin shows it at once; Salesforce has not committed it yet.
    at_once = [crm.refs["k3"]] if crm.kind == "hubspot" else []
    for _ in range(2):
        assert crm.frozen() == at_once
        assert crm.sync().counts["held"] == {}
    crm.pass_time(LATEST[crm.kind] + 1)
    crm.sync()
    assert crm.frozen() == [crm.refs["k3"]]
    crm.lag(AT_ONCE)
    crm.undelete("k3")
    crm.pass_time(MINUTE)
    crm.sync()
    assert crm.frozen() == []


def test_later_than_any_pass_looks_back_is_found_by_the_full_compare(crm: Lagging) -> None:
    late = 4 * LATEST[crm.kind]
    crm.edit("k3", 7, late=late)
    for number in range(8):
        crm.pass_time(late / 6)
        crm.edit("k4", number)
        crm.sync()
    assert crm.here()["k3"][0] == phone(0)
    crm.sync(full=True)
    assert crm.here() == crm.there()
    assert crm.written() == 0
