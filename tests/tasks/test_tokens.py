"""Thirty workers and a token that ends after every twenty calls: one login per expiry, no call lost.

Each worker is a thread with a database and a connector of its own, as a process of its own has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from connectors.hubspot import sandbox as hubspot
from connectors.port import Connector, Landed, Update
from connectors.registry import plugin
from connectors.salesforce import sandbox as salesforce
from connectors.sandbox.server import SandboxServer
from sync import connect
from sync.rules import parse_settings
from sync.store import connections
from sync.store.connections import StoredConnection
from sync.store.seal import Seal
from sync.store.session import Database
from tasks import wiring
from tests.connectors.tokens.watched import Watched
from tests.store.together import together

SEAL = Seal(["k" * 32])
CALLS_PER_TOKEN = 20


@dataclass
class Crm:
    """A sandbox whose tokens end early, and the writes that arrived there."""

    kind: str
    state: Any
    url: str
    watched: Watched
    credentials: Callable[[], Mapping[str, str]]
    accepted: Callable[[], int]

    def logins(self) -> int:
        return int(self.state.counts()["calls"]["token"])


@pytest.fixture(params=["salesforce", "hubspot"])
def crm(request: pytest.FixtureRequest) -> Iterator[Crm]:
    if request.param == "salesforce":
        org = salesforce.build(empty=True, settings={"token_calls": CALLS_PER_TOKEN})
        keys = {"client_id": org.client_id, "client_secret": org.client_secret}
        watched = Watched(org.app)
        with SandboxServer(watched) as server:
            yield Crm("salesforce", org.state, server.url, watched, lambda: keys, lambda: org.state.used)
        org.state.close()
        return
    account = hubspot.build(empty=True)
    account.state.configure({"oauth_calls": CALLS_PER_TOKEN, "rotate_refresh_token": True})
    watched = Watched(account.app)
    with SandboxServer(watched) as server:
        app = account.state.account.oauth
        yield Crm("hubspot", account.state, server.url, watched, lambda: account.oauth, lambda: app.spent)
    account.close()


def connected(database: Database, crm: Crm) -> StoredConnection:
    found = plugin(crm.kind)
    lines = [{"field": line.field, "crm": line.crm} for line in found.mapping]
    with database.transaction() as tx:
        organisation_id = connections.organisation(tx, "default")
    connect.add(
        database,
        SEAL,
        organisation_id,
        name="crm",
        connector=crm.kind,
        url=crm.url,
        credentials=crm.credentials(),
        settings=parse_settings({"external_id": found.external_id, "map": lines}),
        actor="test",
    )
    with database.reading() as tx:
        return connections.find(tx, organisation_id, "crm")


def edit(connector: Connector, ref: str, name: str) -> None:
    """Read a record and write it, as a push does."""
    found = connector.get_many([ref])[ref]
    before = {"customer_name": connector.decode(found)["customer_name"]}
    fields = {"customer_name": name}
    (receipt,) = connector.write(
        [Update(ref=ref, fields=fields, expected_version=found.version, before=before)]
    )
    assert isinstance(receipt, Landed), receipt
    assert receipt.stored is not None
    assert connector.decode(receipt.stored)["customer_name"] == name


@pytest.mark.parametrize(
    ("database", "workers", "rounds"), [("postgresql", 30, 5), ("sqlite", 8, 6)], indirect=["database"]
)
def test_one_login_per_expiry_and_no_call_fails(
    database: Database, crm: Crm, workers: int, rounds: int
) -> None:
    name = "Name" if crm.kind == "salesforce" else "name"
    connection = connected(database, crm)
    refs = [crm.state.person_create({name: "New"}, user="A. Person")["id"] for _ in range(workers)]
    url = database.url.render_as_string(hide_password=False)

    def work(number: int) -> None:
        own = Database(url)
        with closing(own), closing(wiring.open_connector(own, SEAL, connection)) as connector:
            for turn in range(rounds):
                edit(connector, refs[number], f"Worker {number} turn {turn}")

    together(workers, work)
    assert crm.accepted() > workers * rounds
    assert crm.logins() == math.ceil(crm.accepted() / CALLS_PER_TOKEN)
    assert [part for part in crm.watched.updates() if not part["httpHeaders"].get("If-Match")] == []
    with database.reading() as tx:
        row = connections.load(tx, connection.id).row
    ids = {"organisation_id": connection.organisation_id, "connection_id": connection.id}
    assert SEAL.open(row["credentials"], **ids) == crm.credentials()
