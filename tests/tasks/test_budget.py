"""The calls of a day: never one too many, however many workers; a reserve for people; what waits says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from cli import sandboxes
from connectors.errors import QuotaExhausted
from connectors.port import Connector, ConnectorConfig
from connectors.registry import plugin
from connectors.sandbox.server import SandboxServer
from sync.allowance import LARGEST_BLOCK, DailyCalls, daily_calls
from sync.clock import new_id
from sync.cycle import run
from sync.rules import parse_settings
from sync.services import Services
from sync.steps import Order
from sync.store import connections, jobs, quota, runs
from sync.store.connections import ConnectionState, StoredConnection
from sync.store.query import now, rows
from sync.store.session import Database
from sync.store.worktables import budgets
from tasks import wiring
from tasks.jobs import drain
from tests.store.together import together
from tests.tasks.conftest import Crm

WORKERS = 8
LIMIT = 200


@dataclass
class Limited:
    """A CRM over HTTP, and a connection to it that may make so many calls a day."""

    kind: str
    database: Database
    sandbox: Any
    url: str
    ids: tuple[str, str] = ("", "")

    def connect(self, **settings: Any) -> None:
        found = plugin(self.kind)
        lines = [{"field": line.field, "crm": line.crm} for line in found.mapping]
        with self.database.transaction() as tx:
            self.ids = (connections.organisation(tx, "default"), new_id())
            connections.add(
                tx,
                connection_id=self.ids[1],
                organisation_id=self.ids[0],
                name="crm",
                connector=self.kind,
                url=self.url,
                sealed="",
                settings=parse_settings({"external_id": found.external_id, "map": lines, **settings}),
            )

    def connection(self) -> StoredConnection:
        with self.database.reading() as tx:
            return connections.load(tx, self.ids[1])

    def open(
        self,
        connection: StoredConnection,
        *,
        person: bool = True,
        patience: float | None = None,
        database: Database | None = None,
    ) -> Connector:
        allowance = daily_calls(database or self.database, connection.id, connection.settings, person=person)
        config = ConnectorConfig(
            url=self.url,
            credentials=self.sandbox.credentials,
            external_id=connection.settings.external_id,
            mapping=connection.settings.mapping(),
            allowance=allowance,
        )
        return plugin(self.kind).build(config)

    @property
    def services(self) -> Services:
        return Services(self.database, self.open, wiring.inspect, "test", lambda _owners: [])

    def calls(self) -> int:
        """Calls of any kind that the CRM has counted, logins among them."""
        return sum(Crm(self.url, {}).control("GET", "stats")["calls"].values())

    def handed_out(self) -> int:
        with self.database.reading() as tx:
            return sum(row["handed_out"] for row in rows(tx, select(budgets)))


@pytest.fixture(params=["salesforce", "hubspot"])
def limited(request: pytest.FixtureRequest, postgresql: Database) -> Iterator[Limited]:
    """A CRM without records."""
    sandbox = sandboxes.build(request.param, seed=1, empty=True)
    with SandboxServer(sandbox.app) as server:
        yield Limited(request.param, postgresql, sandbox, server.url)
    sandbox.close()


def spend(connector: Connector) -> int:
    """Read until the calls are used up; returns how often."""
    number = 0
    try:
        while number < 2 * LIMIT:
            connector.find_by_external_id([f"none{number}"])
            number += 1
    except QuotaExhausted:
        return number
    finally:
        connector.close()
    raise AssertionError("nothing stopped it")


def each_alone(limited: Limited, work: Callable[[Connector], int], *, person: bool) -> list[int]:
    """Workers at once, with databases of their own."""
    connection = limited.connection()

    def worker(_number: int) -> int:
        database = Database(limited.database.url.render_as_string(hide_password=False))
        try:
            return work(limited.open(connection, person=person, database=database))
        finally:
            database.close()

    return together(WORKERS, worker)


def test_the_limit_is_reached_and_never_passed_by_many_workers(limited: Limited) -> None:
    limited.connect(daily_calls=LIMIT, reserve=0.1)
    each_alone(limited, spend, person=False)
    block = LIMIT // 20
    most = LIMIT - LIMIT // 10
    assert most - WORKERS * block < limited.calls() <= most
    assert limited.handed_out() == limited.calls(), "what was not used was given back"
    each_alone(limited, spend, person=True)
    assert LIMIT - WORKERS * block < limited.calls() <= LIMIT
    assert limited.handed_out() == limited.calls()


def test_work_without_calls_waits_for_the_next_day_and_says_so(limited: Limited) -> None:
    limited.connect(daily_calls=30, reserve=0.5, timezone="Asia/Kolkata")
    with limited.database.transaction() as tx:
        connections.set_columns(tx, limited.ids[1], first_sync="done")
        connections.set_state(tx, limited.ids[1], ConnectionState.ACTIVE)
        jobs.ask(tx, organisation_id=limited.ids[0], connection_id=limited.ids[1], kind="pull")
        at = now(tx)
    spend(limited.open(limited.connection(), person=False))
    assert limited.calls() == 15
    drain(limited.services, lambda _event: None)
    assert limited.calls() == 15, "not one call more"
    with limited.database.reading() as tx:
        (latest,) = runs.listing(tx, limited.ids[0])
        until = quota.waiting_until(tx)[limited.ids[1]]
        assert jobs.due(tx) == []
    assert latest["state"] == "waiting"
    assert f"waiting until {until:%Y-%m-%d %H:%M} UTC" in latest["reason"]
    assert (until + timedelta(hours=5, minutes=30)).strftime("%H:%M") == "00:00"
    assert at < until <= at + timedelta(days=1)

    # What is asked for meanwhile waits, too; a person may go on.
    with limited.database.transaction() as tx:
        jobs.ask(tx, organisation_id=limited.ids[0], connection_id=limited.ids[1], kind="push")
    assert drain(limited.services, lambda _event: None) == 0
    order = Order(kind="sync", trigger="manual", actor="jane", yes=True)
    run(limited.services, limited.connection(), order, lambda _event: None)
    assert 15 < limited.calls() <= 30


def test_a_new_day_brings_new_calls(limited: Limited) -> None:
    limited.connect(daily_calls=10)
    spend(limited.open(limited.connection()))
    assert limited.calls() == 10
    with limited.database.transaction() as tx:
        yesterday = (now(tx) - timedelta(days=1)).date().isoformat()
        tx.execute(update(budgets).values(day=yesterday))
    spend(limited.open(limited.connection()))
    assert limited.calls() == 20


def test_a_block_is_not_carried_into_the_next_day(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rest belongs to the day that it was handed out on."""
    clock = [0.0]
    monkeypatch.setattr("sync.allowance.time.monotonic", lambda: clock[0])
    identity = _bare(database)
    settings = parse_settings(
        {"external_id": "key", "map": [{"field": "customer_name", "crm": "n"}], "daily_calls": 100}
    )
    allowance = daily_calls(database, identity, settings, person=True)
    assert allowance
    allowance.take()
    with database.transaction() as tx:
        at = now(tx)
        tx.execute(update(budgets).values(day="2020-01-01"))
    clock[0] = (
        datetime.combine(at.date() + timedelta(days=1), datetime.min.time(), UTC) - at
    ).total_seconds() + 1
    allowance.take()
    with database.reading() as tx:
        found = {row["day"]: row["handed_out"] for row in rows(tx, select(budgets))}
    assert found == {"2020-01-01": 5, at.date().isoformat(): 5}


def _bare(database: Database) -> str:
    settings = parse_settings({"external_id": "key", "map": [{"field": "customer_name", "crm": "n"}]})
    with database.transaction() as tx:
        made = new_id()
        connections.add(
            tx,
            connection_id=made,
            organisation_id=connections.organisation(tx, "default"),
            name="crm",
            connector="memory",
            url="memory://",
            sealed="",
            settings=settings,
        )
    return made


@pytest.mark.parametrize(
    ("limit", "reserve", "person", "most"),
    [
        (1, 0.1, True, 1),
        (1, 0.1, False, 0),
        (9, 0.1, False, 8),
        (1_000_000, 0.1, False, 900_000),
        (7, 0, False, 7),
    ],
)
def test_the_reserve_is_kept_to_the_call(
    database: Database, limit: int, reserve: float, person: bool, most: int
) -> None:
    identity = _bare(database)
    settings = parse_settings(
        {
            "external_id": "key",
            "map": [{"field": "customer_name", "crm": "n"}],
            "daily_calls": limit,
            "reserve": reserve,
        }
    )
    allowance = daily_calls(database, identity, settings, person=person)
    assert isinstance(allowance, DailyCalls)
    made = min(most, 3 * LARGEST_BLOCK)
    for _ in range(made):
        allowance.take()
    if most <= made:
        with pytest.raises(QuotaExhausted):
            allowance.take()
    allowance.give_back()
    allowance.give_back()
    with database.reading() as tx:
        assert sum(row["handed_out"] for row in rows(tx, select(budgets))) == made


def test_without_a_limit_nothing_is_counted(database: Database) -> None:
    settings = parse_settings({"external_id": "key", "map": [{"field": "customer_name", "crm": "n"}]})
    assert daily_calls(database, _bare(database), settings, person=False) is None
