"""Organisations and connections: made once, kept apart, versioned, and removed with what hangs on them."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from connectors.memory import KEY
from sync.clock import new_id
from sync.errors import BadInput, NotFoundError
from sync.rules import parse_settings
from sync.store import connections, jobs, schedules
from sync.store.schema import metadata
from tests.store.together import together
from tests.world import World


def test_an_organisation_is_made_once_at_its_first_use(world: World) -> None:
    for name in ("fresh", "second", "third"):

        def use(_number: int, name: str = name) -> str:
            with world.database.transaction() as tx:
                return connections.organisation(tx, name)

        assert len(set(together(6, use))) == 1


def test_names_are_unique_in_an_organisation_and_free_in_another(world: World) -> None:
    with pytest.raises(BadInput, match="crm already"):
        world.connect()
    with world.database.transaction() as tx:
        other = connections.organisation(tx, "other")
        assert connections.listing(tx, other) == []
        with pytest.raises(NotFoundError, match="none yet"):
            connections.find(tx, other, "crm")
        connections.add(
            tx,
            connection_id=new_id(),
            organisation_id=other,
            name="crm",
            connector="memory",
            url="memory://",
            sealed="",
            settings=parse_settings({"external_id": KEY, "map": [{"field": "customer_name", "crm": "name"}]}),
        )
        assert len(connections.listing(tx)) == 2


def test_only_map_and_rules_make_a_new_version(world: World) -> None:
    def put(**settings: object) -> int:
        with world.database.transaction() as tx:
            present = connections.load(tx, world.ids["crm"], lock=True)
            body = {**present.settings.model_dump(mode="json"), **settings}
            return connections.change_settings(tx, present, parse_settings(body))

    assert put(first_link="prefer_crm") == 1
    assert put(rules={"email": "always_crm"}) == 2
    assert put(rules={"email": "always_crm"}) == 2
    connection = world.connection()
    assert connection.paused(1) == {"email"}
    assert connection.paused(2) == frozenset()


def test_a_change_of_settings_holds_up_nobody_who_asks_for_work(world: World) -> None:
    """A tick holds the slot that the change wants next, and refers to the row that the change has locked."""
    if world.database.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    mine, crm = world.organisation_id, world.ids["crm"]
    with world.database.transaction() as changing, world.database.transaction() as ticking:
        connections.load(changing, crm, lock=True)
        ticking.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
        jobs.ask(ticking, kind="pull", organisation_id=mine, connection_id=crm)


def test_a_connection_goes_with_all_that_hangs_on_it_and_customers_stay(world: World) -> None:
    crm = world.connect("gone")
    crm.create({KEY: "k1", "name": "One"})
    crm.create({"name": "Without a key"})
    world.sync("gone")
    connection_id = world.ids["gone"]
    hanging = [table for table in metadata.sorted_tables if "connection_id" in table.c]
    with world.database.transaction() as tx:
        jobs.ask(tx, organisation_id=world.organisation_id, connection_id=connection_id, kind="pull")
        schedules.put(tx, connection_id, "pull", 60)

    def left() -> set[str]:
        with world.database.reading() as tx:
            counts = {
                table.name: tx.execute(
                    select(func.count()).where(table.c.connection_id == connection_id)
                ).scalar_one()
                for table in hanging
            }
        return {name for name, count in counts.items() if count}

    assert {"links", "conflicts", "jobs", "schedules", "runs", "lanes", "changes", "sightings"} <= left()
    with world.database.transaction() as tx:
        connections.remove(tx, connection_id)
    assert left() == set()
    assert list(world.customers()) == ["k1"]
