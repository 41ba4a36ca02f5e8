"""A site that is served over HTTP, on PostgreSQL and SQLite, with connections that have webhook secrets."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
import requests
from pydantic import SecretStr
from sqlalchemy import select

from connectors.registry import plugin
from sync import connect
from sync.rules import parse_settings
from sync.services import Services
from sync.settings import Settings
from sync.store import connections
from sync.store.connections import ConnectionState, StoredConnection
from sync.store.session import Database
from sync.store.worktables import inbox, jobs
from tasks import wiring
from web.build import build_site
from web.server import WebServer, listen, url_of
from web.site import Site

PUBLIC_URL = "https://concord.example.com"
TOKEN = "a-token-of-these-tests-alone-0123456789"
SECRET = "a-webhook-secret-of-these-tests"
KEY = "a-secret-key-of-these-tests-alone-long-enough"


@dataclass
class Served:
    """A site at `url`; the CRMs find it at `PUBLIC_URL`. `wakes` grows with each wake-up."""

    url: str
    site: Site
    settings: Settings
    services: Services
    organisation_id: str
    wakes: list[None]
    http: requests.Session = field(default_factory=requests.Session)

    @property
    def database(self) -> Database:
        return self.services.database

    def connect(
        self,
        name: str = "crm",
        connector: str = "hubspot",
        *,
        secret: str = SECRET,
        account_id: str | None = None,
        state: ConnectionState = ConnectionState.ACTIVE,
        url: str = "http://127.0.0.1:9",
        credentials: Mapping[str, str] | None = None,
    ) -> StoredConnection:
        """Add a connection, with a webhook secret unless it is empty."""
        found = plugin(connector)
        lines = [{"field": line.field, "crm": line.crm} for line in found.mapping]
        connection_id = connect.add(
            self.database,
            wiring.open_seal(self.settings),
            self.organisation_id,
            name=name,
            connector=connector,
            url=url,
            credentials={
                **(credentials or {"token": "t"}),
                **({wiring.WEBHOOK_SECRET: secret} if secret else {}),
            },
            settings=parse_settings({"external_id": found.external_id, "map": lines}),
            actor="test",
        )
        with self.database.transaction() as tx:
            connections.set_columns(tx, connection_id, state=state.value, account_id=account_id)
            return connections.load(tx, connection_id)

    def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str | bytes] | None = None,
        *,
        method: str = "POST",
    ) -> requests.Response:
        """Send raw bytes; no redirect is followed."""
        return self.http.request(
            method, self.url + path, data=body, headers=headers, timeout=20, allow_redirects=False
        )

    def get(self, path: str, *, token: str | None = None, method: str = "GET") -> requests.Response:
        """Ask, with a token if there is one."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.http.request(method, self.url + path, headers=headers, timeout=20, allow_redirects=False)

    def hints(self) -> dict[str, str]:
        """Event → ref of all that is in the inbox."""
        with self.database.reading() as tx:
            return {row.event: row.ref for row in tx.execute(select(inbox.c.event, inbox.c.ref))}

    def jobs(self) -> list[str]:
        """The refs that are to be fetched, sorted."""
        statement = select(jobs.c.key).where(jobs.c.kind == "fetch", jobs.c.state == "open")
        with self.database.reading() as tx:
            return sorted(tx.execute(statement).scalars())


def serve(
    database: Database,
    *,
    token: str | None = TOKEN,
    public_url: str | None = PUBLIC_URL,
    tour: bool = False,
    **limits: int,
) -> Iterator[Served]:
    """Serve an empty installation until the generator is closed; without `public_url` CRMs find it here."""
    settings = Settings(
        database_url=SecretStr(database.url.set(drivername=database.dialect).render_as_string(False)),
        secret_key=SecretStr(KEY),
        public_url=public_url,
        web_token=SecretStr(token) if token else None,
    )
    services = wiring.build(settings, database=database)
    with database.transaction() as tx:
        organisation_id = connections.organisation(tx, "default")
    wakes: list[None] = []
    listener = listen("127.0.0.1", 0)
    site = build_site(settings, services, wake=lambda: wakes.append(None), url=url_of(listener), tour=tour)
    with WebServer(site, listener, **limits) as server, requests.Session() as http:
        yield Served(server.url, site, settings, services, organisation_id, wakes, http)
    gc.unfreeze()  # what `wiring.build` froze for a short-lived process


@pytest.fixture
def served(database: Database) -> Iterator[Served]:
    """An empty installation, on both databases one after the other."""
    yield from serve(database)


@pytest.fixture
def served_postgresql(postgresql: Database) -> Iterator[Served]:
    """An empty installation on PostgreSQL alone."""
    yield from serve(postgresql)
