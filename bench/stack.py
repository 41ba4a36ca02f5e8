"""The distributed mode on this machine: sandboxes, databases, site, worker and tick, a process each."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import redis
import requests
from pydantic import SecretStr

from connectors.records import JSON
from connectors.registry import plugin
from sync import connect
from sync.cycle import run
from sync.rules import parse_settings
from sync.services import Services
from sync.settings import Settings
from sync.steps import Order
from sync.store import connections, migrate
from sync.store.session import Database
from tasks import wiring
from tests import servers

KEY = "a-secret-key-of-this-benchmark-alone-long-enough"
SECRET = "a-webhook-secret-of-this-benchmark"
BATCH = 200
NAMES = {
    "salesforce": {"name": "Name", "key": "External_ID__c", "phone": "Phone"},
    "hubspot": {"name": "name", "key": "company_id", "phone": "phone"},
}


@dataclass(frozen=True)
class Crm:
    """A sandbox process and its connection."""

    kind: str
    url: str
    credentials: Mapping[str, str]

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Play a person, or turn a knob."""
        answer = requests.request(method, f"{self.url}/_sandbox/{path}", json=body, timeout=120)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@dataclass(frozen=True)
class Stack:
    """What stands once `stack` has started it."""

    database: Database
    services: Services
    settings: Settings
    environment: Mapping[str, str]
    organisation_id: str
    folder: Path

    def connect(self, crm: Crm, *, every: int) -> str:
        """Connect a sandbox and sync it once; its id."""
        found = plugin(crm.kind)
        made = connect.add(
            self.database,
            wiring.open_seal(self.settings),
            self.organisation_id,
            name=crm.kind,
            connector=crm.kind,
            url=crm.url,
            credentials={**crm.credentials, wiring.WEBHOOK_SECRET: SECRET},
            settings=parse_settings(
                {
                    "external_id": found.external_id,
                    "map": [{"field": line.field, "crm": line.crm} for line in found.mapping],
                }
            ),
            actor="bench",
            every=every,
        )
        self.sync(made)
        return made

    def sync(self, connection_id: str) -> None:
        """Sync in this process."""
        with self.database.reading() as tx:
            connection = connections.load(tx, connection_id)
        order = Order(kind="sync", trigger="manual", actor="bench", yes=True)
        run(self.services, connection, order, lambda _event: None)

    @contextlib.contextmanager
    def process(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """A `concord` process, whose first line can be read."""
        log = (self.folder / f"{command[0]}-{uuid4().hex[:4]}.log").open("w")
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", *command],
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)
            log.close()


@dataclass(frozen=True)
class Used:
    """What processes use: bytes of memory, and seconds of processors since they began."""

    memory: int
    seconds: float


def family(pid: int) -> Used:
    """A process and those that it started, together."""
    first = psutil.Process(pid)
    members = [first, *first.children(recursive=True)]
    times = [each.cpu_times() for each in members]
    return Used(
        sum(each.memory_info().rss for each in members), sum(each.user + each.system for each in times)
    )


@contextlib.contextmanager
def sandbox(kind: str) -> Iterator[Crm]:
    """An empty sandbox."""
    command = [sys.executable, "-m", "cli", "sandbox", kind, "--empty", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        told: dict[str, str] = json.loads(process.stdout.readline())
        wanted = ("client_id", "client_secret", "token")
        keys: dict[str, str] = {name: told[name] for name in wanted if name in told}
        yield Crm(kind, told["url"], keys)
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def salesforce(crm: Crm) -> Iterator[requests.Session]:
    """A session with a Salesforce sandbox, with its token."""
    answer = requests.post(
        f"{crm.url}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(crm.credentials["client_id"], crm.credentials["client_secret"]),
        timeout=60,
    )
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield session


def account(number: int) -> dict[str, JSON]:
    """A customer with a name, a key and two ways to reach it."""
    return {
        "attributes": {"type": "Account"},
        "Name": f"Customer {number} Incorporated",
        "External_ID__c": f"CUS-{number:07d}",
        "Billing_Email__c": f"billing{number}@customer-{number}.example",
        "Phone": f"+1 212 555 {number % 10_000:04d}",
    }


def fill(crm: Crm, size: int, record: Callable[[int], dict[str, JSON]] = account) -> None:
    """Customers in a Salesforce sandbox, by its API."""
    with salesforce(crm) as session:
        for start in range(0, size, BATCH):
            records: list[JSON] = [record(each) for each in range(start, min(start + BATCH, size))]
            done = session.post(
                f"{crm.url}/services/data/v62.0/composite/sobjects",
                json={"allOrNone": False, "records": records},
                timeout=60,
            )
            assert all(row["success"] for row in done.json())


@contextlib.contextmanager
def stack() -> Iterator[Stack]:
    """PostgreSQL and Redis with nothing in them, and what every process is told."""
    with contextlib.ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        servers.start(closing)
        url = closing.enter_context(servers.own_database("concord_bench"))
        prefix = f"concord-bench-{uuid4().hex[:8]}:"
        closing.callback(_forget, prefix)
        settings = Settings(
            data=folder,
            database_url=SecretStr(url),
            redis_url=SecretStr(os.environ[servers.REDIS]),
            redis_prefix=prefix,
            secret_key=SecretStr(KEY),
        )
        database = Database(url)
        closing.callback(database.close)
        migrate.upgrade(database)
        with database.transaction() as tx:
            organisation_id = connections.organisation(tx, "default")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
        environment = {
            **kept,
            "CONCORD_DATABASE_URL": url,
            "CONCORD_REDIS_URL": os.environ[servers.REDIS],
            "CONCORD_REDIS_PREFIX": prefix,
            "CONCORD_SECRET_KEY": KEY,
        }
        services = wiring.build(settings, database=database)
        yield Stack(database, services, settings, environment, organisation_id, folder)


def _forget(prefix: str) -> None:
    with redis.Redis.from_url(os.environ[servers.REDIS]) as client:
        if keys := list(client.scan_iter(f"{prefix}*")):
            client.delete(*keys)


def share(values: list[float], part: float) -> float:
    """The value that a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
