"""What the API asks of the use-cases goes within one organisation, by PostgreSQL's own walls."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError

from connectors.memory import KEY
from sync import approve, connect
from sync.customers import find
from sync.errors import NotFoundError
from sync.loading import LoadReport, load
from sync.selection import Selection
from sync.store import audit, conflicts, connections, jobs, migrate, runs, walls
from sync.store.query import rows
from sync.store.schema import customers as table
from sync.store.session import Database
from tests import servers
from tests.store.owners import cured, owned_database
from tests.world import World

KEYS = ("k0", "k1", "k2")


@pytest.fixture(params=["superuser", "owner"])
def neighbours(request: pytest.FixtureRequest, worker_id: str) -> Iterator[tuple[World, str]]:
    """A world whose use-cases run within its organisation, and another organisation with the same keys."""
    name = f"concord_within_{worker_id}"
    made = servers.own_database(name) if request.param == "superuser" else owned_database(name)
    with made as url:
        database = Database(url)
        migrate.upgrade(database)
        if request.param == "owner":
            cured(url, database)
        world = World(database)
        other = World(database)
        with database.transaction() as tx:
            other.organisation_id = connections.organisation(tx, "other")
        fill(database, other.organisation_id, "Foreign")
        crm = other.connect()
        crm.create(
            {"name": "Foreign", "email": "foreign@example.com"}
        )  # without a key: it waits in the queue
        other.sync()
        assert other.queue()
        world.database = database.within(world.organisation_id)
        with world.database.reading() as tx:
            assert walls.raised(tx)
        yield world, other.organisation_id
        database.close()


@pytest.fixture
def inside(neighbours: tuple[World, str]) -> World:
    """The world alone."""
    return neighbours[0]


def fill(database: Database, organisation_id: str, name: str) -> LoadReport:
    lines = [json.dumps({"external_id": key, "customer_name": name}).encode() for key in KEYS]
    return load(database, organisation_id, lines, actor="test", progress=lambda _report: None)


def test_customers_are_added_changed_deleted_and_loaded(inside: World) -> None:
    numbers = [{"country_code": "AUS", "tax_code": "GST", "tax_id": "51824753556"}]
    inside.add("k0", email="a@example.com", tax_info=numbers)
    inside.change("k0", "email=b@example.com")
    report = fill(inside.database, inside.organisation_id, "Own")
    assert (report.created, report.updated, report.rejected) == (2, 1, [])
    inside.delete("k1")
    assert sorted(inside.customers()) == ["k0", "k2"]
    with inside.database.reading() as tx:
        assert {row["customer_name"] for row in rows(tx, select(table))} == {"Own"}
        assert len(audit.listing(tx, inside.organisation_id)) == 4


def test_a_plan_is_approved_a_row_is_decided_and_records_are_asked_for(inside: World) -> None:
    crm = inside.connect()
    refs = [crm.create({KEY: key, "name": key, "email": f"{key}@example.com"}) for key in KEYS]
    planned = inside.sync(yes=False)
    assert planned.state == "needs_approval"
    approve.approve(
        inside.services, inside.organisation_id, planned.run, actor="test", progress=lambda _event: None
    )
    with inside.database.transaction() as tx:
        assert runs.find(tx, inside.organisation_id, planned.run)["state"] == "done"
        assert runs.changes_of(tx, planned.run) or runs.listing(tx, inside.organisation_id)
        (listed,) = connections.listing(tx, inside.organisation_id)
        assert listed.state.value == "active"
    for key, ref in zip(KEYS, refs, strict=True):
        crm.edit(ref, {"name": f"theirs {key}"})
        inside.change(key, f"customer_name=ours {key}")
    inside.sync()
    with inside.database.reading() as tx:
        assert conflicts.count_open(tx) == {"field_conflict": 3}
    inside.resolve(inside.queue()[0], take="theirs")
    assert {each.result for each in inside.resolve_all("ours", preview=True)} == {"would be resolved"}
    assert {each.result for each in inside.resolve_all("ours")} == {"resolved"}
    inside.sync()
    assert inside.queue() == []
    inside.sync(kind="resync", selection=Selection(ids=("k1",)))
    waiting = inside.sync(kind="resync", selection=Selection(everything=True), dry=True)
    assert waiting.state == "done"


def test_connections_are_paused_changed_and_removed(inside: World) -> None:
    inside.connect().create({KEY: "k0", "name": "Own"})
    inside.sync()
    connect.pause(inside.database, inside.connection(), actor="test")
    connect.resume(inside.database, inside.connection(), actor="test")
    with inside.database.reading() as tx:
        assert jobs.dead(tx, inside.organisation_id) == []
    connect.remove(inside.database, inside.connection(), actor="test")
    assert sorted(inside.customers()) == ["k0"]


def test_the_wrong_organisation_is_as_if_it_were_not_there(neighbours: tuple[World, str]) -> None:
    """A use-case that is given, or makes up, another's id finds nothing and can write nothing."""
    inside, other = neighbours
    with inside.database.reading() as tx:
        assert connections.listing(tx, other) == []
        assert conflicts.listing(tx, other) == []
        assert runs.listing(tx, other) == []
        assert audit.listing(tx, other) == []
        with pytest.raises(NotFoundError):
            find(tx, other, "k0")
    with pytest.raises(ProgrammingError, match="row-level security"):
        fill(inside.database, other, "Written")
