"""An installation whose connections lead to sandboxes over HTTP, and whose retries do not sleep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select, update

from cli import sandboxes
from connectors.hubspot.client import HubSpotConnector
from connectors.port import Connector, ConnectorConfig
from connectors.registry import plugin
from connectors.salesforce.client import SalesforceConnector
from connectors.sandbox.server import SandboxServer
from connectors.transport import Retries
from sync import connect
from sync.cycle import run
from sync.rules import parse_settings
from sync.services import Services
from sync.settings import Settings
from sync.steps import Order
from sync.store import connections, schedules
from sync.store.connections import StoredConnection
from sync.store.query import now, rows
from sync.store.schema import customers
from sync.store.session import Database
from sync.store.worktables import jobs
from tasks import wiring
from tasks.jobs import drain
from tasks.schedule import tick
from tests.tasks.conftest import KEY, Crm

NAMES = {
    "salesforce": ("Name", "External_ID__c", "Phone"),
    "hubspot": ("name", "company_id", "phone"),
}


@dataclass
class Place:
    """Connections to sandboxes over HTTP, on PostgreSQL; their retries do not sleep."""

    services: Services
    settings: Settings
    stack: ExitStack
    credentials: dict[str, Mapping[str, str]]

    def connect(self, kind: str, organisation: str = "default") -> Crm:
        """Serve a sandbox, connect it and sync it once."""
        sandbox = sandboxes.build(kind, seed=1, empty=True)
        self.stack.callback(sandbox.close)
        server = self.stack.enter_context(SandboxServer(sandbox.app))
        crm = Crm(server.url, sandbox.credentials)
        self.credentials[crm.url] = sandbox.credentials
        found, database = plugin(kind), self.services.database
        with database.transaction() as tx:
            organisation_id = connections.organisation(tx, organisation)
        made = connect.add(
            database,
            wiring.open_seal(self.settings),
            organisation_id,
            name=kind,
            connector=kind,
            url=crm.url,
            credentials=crm.credentials,
            settings=parse_settings(
                {
                    "external_id": found.external_id,
                    "map": [{"field": line.field, "crm": line.crm} for line in found.mapping],
                }
            ),
            actor="test",
            every=3_600,
        )
        order = Order(kind="sync", trigger="manual", actor="test", yes=True)
        run(self.services, self.connection(made), order, lambda _event: None)
        crm.credentials = {"id": made, "kind": kind}
        return crm

    def connection(self, made: str) -> StoredConnection:
        with self.services.database.reading() as tx:
            return connections.load(tx, made)

    def create(self, crm: Crm, key: str, **more: str) -> None:
        name, external, _ = NAMES[crm.credentials["kind"]]
        crm.control("POST", "create", {"fields": {name: f"Customer {key}", external: key, **more}})

    def make_due(self, *crms: Crm) -> None:
        """Let a look at these CRMs be due, whatever was put off."""
        with self.services.database.transaction() as tx:
            for crm in crms:
                schedules.put(tx, crm.credentials["id"], "pull", 3_600)
            tx.execute(update(jobs).where(jobs.c.state == "open").values(not_before=now(tx)))
        tick(self.services)

    def known(self) -> set[str]:
        """External ids of the customers here."""
        with self.services.database.reading() as tx:
            return {row["external_id"] for row in rows(tx, select(customers.c.external_id))}

    def jobs_of(self, crm: Crm) -> list[Any]:
        mine = jobs.c.connection_id == crm.credentials["id"]
        with self.services.database.reading() as tx:
            return rows(tx, select(jobs).where(mine, jobs.c.state != "done"))

    def tell(self, owner: str = "a") -> list[Mapping[str, Any]]:
        """One wake-up of a worker, and all that it tells."""
        told: list[Mapping[str, Any]] = []
        drain(replace(self.services, owner=owner), told.append)
        return told

    def drain(self, owner: str = "a") -> list[tuple[str, str]]:
        """One wake-up of a worker; the runs that it made, as (connection, kind)."""
        ended = [event for event in self.tell(owner) if event["event"] in ("run", "failed")]
        return [(event["connection"], event["kind"]) for event in ended]


@contextmanager
def placed(database: Database) -> Iterator[Place]:
    """An installation without connections."""
    settings = Settings(
        database_url=SecretStr(database.url.render_as_string(False)), secret_key=SecretStr(KEY)
    )
    credentials: dict[str, Mapping[str, str]] = {}

    def build(
        connection: StoredConnection, *, person: bool = True, patience: float | None = None
    ) -> Connector:
        config = ConnectorConfig(
            url=str(connection.row["url"]),
            credentials=credentials[connection.row["url"]],
            external_id=connection.settings.external_id,
            mapping=connection.settings.mapping(),
        )
        retries = Retries(sleep=lambda _seconds: None, patience=1.0)
        made = HubSpotConnector if connection.row["connector"] == "hubspot" else SalesforceConnector
        return made(config, retries=retries)

    services = Services(
        database=database, open_connector=build, inspect=wiring.inspect, owner="a", dead=lambda _owners: []
    )
    with ExitStack() as stack:
        yield Place(services, settings, stack, credentials)
