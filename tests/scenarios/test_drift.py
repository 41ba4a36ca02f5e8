"""The full compare finds what a CRM never told, takes it in, and says how much that was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.memory import KEY
from connectors.port import Presence
from sync.cycle import run
from sync.report import Report
from sync.steps import Order
from sync.store import jobs
from sync.store.session import Database
from tests.scenarios.lagging import HOUR, Lagging, lagging, phone
from tests.world import World


@pytest.fixture(params=["salesforce", "hubspot"])
def crm(request: pytest.FixtureRequest, sqlite: Database) -> Iterator[Lagging]:
    """Five customers in sync, made hours ago."""
    with lagging(request.param, sqlite) as made:
        made.set_skew(-5 * HOUR)
        for number in range(5):
            made.create(f"k{number}")
        made.set_skew(0)
        made.sync()
        yield made


def compare(made: Lagging | World, connection: Any) -> Report:
    with made.database.transaction() as tx:
        jobs.ask(tx, organisation_id=made.organisation_id, connection_id=connection.id, kind="full")
    order = Order(kind="full", trigger="schedule", actor="concord", full=True)
    return run(made.services, connection, order, lambda _event: None)


def test_a_change_that_the_feed_hides_is_found_and_counted(crm: Lagging) -> None:
    crm.set_skew(-3 * HOUR)  # it was made then, and came to light only now
    crm.edit("k1", 7)
    crm.set_skew(0)
    crm.sync()
    assert crm.here()["k1"][0] != phone(7), "no feed tells of it"
    report = compare(crm, crm.connection())
    assert report.counts["drift"] == 1
    assert crm.here() == crm.there()
    row = crm.connection().row
    assert (row["drift"], row["compared_at"] is not None) == (1, True)
    assert compare(crm, crm.connection()).counts["drift"] == 0
    assert crm.connection().row["drift"] == 0


def test_what_the_feed_tells_is_no_drift(crm: Lagging) -> None:
    crm.edit("k1", 7)
    crm.create("k9")
    crm.state.person_delete(crm.refs["k2"], user="Jane")
    crm.change("k3", "k3@example.com")
    report = compare(crm, crm.connection())
    assert report.counts["drift"] == 0
    assert crm.here()["k1"][0] == phone(7)
    crm.sync()
    assert compare(crm, crm.connection()).counts["drift"] == 0


def test_records_that_vanish_without_a_word_are_drift(world: World) -> None:
    crm = world.connect()
    refs = [crm.create({KEY: f"k{number}", "name": f"C{number}"}) for number in range(20)]
    world.sync()
    assert world.connection().row["drift"] is None, "nothing was compared yet"
    crm.records[refs[0]] = replace(crm.records[refs[0]], presence=Presence.DELETED)
    world.sync()
    assert compare(world, world.connection()).counts["drift"] == 1
    assert world.kinds() == ["remote_deleted"]
    assert compare(world, world.connection()).counts["drift"] == 0


def test_a_first_listing_compares_nothing(world: World) -> None:
    crm = world.connect()
    crm.create({KEY: "k1", "name": "One"})
    assert world.sync(kind="full", full=True).counts["drift"] == 0
    assert world.connection().row["compared_at"] is None
