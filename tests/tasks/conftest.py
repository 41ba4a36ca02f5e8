from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
import redis
from pydantic import SecretStr

from cli import sandboxes
from connectors.registry import plugin
from connectors.sandbox.server import SandboxServer
from sync import connect
from sync.rules import parse_settings
from sync.services import Services
from sync.settings import Settings
from sync.store import connections, schedules
from sync.store.connections import StoredConnection
from sync.store.session import Database
from tasks import wiring
from tests import servers

CONCORD = str(Path(sys.executable).with_name("concord"))
KEY = "a-secret-key-of-these-tests-alone-long-enough"


def until(found: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait for something to become true, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@dataclass
class Crm:
    """A Salesforce sandbox in a thread of the test."""

    url: str
    credentials: Mapping[str, str]

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Turn a knob, or edit as a person."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}/_sandbox/{path}", data=data, method=method, headers=headers)
        with urlopen(request, timeout=10) as response:
            return json.loads(response.read() or b"null")

    def create(self, key: str, name: str = "A customer") -> None:
        """Make an account as a person does."""
        self.control("POST", "create", {"fields": {"External_ID__c": key, "Name": name}})


@pytest.fixture
def crm() -> Iterator[Crm]:
    """An empty Salesforce sandbox."""
    sandbox = sandboxes.build("salesforce", seed=1, empty=True)
    with SandboxServer(sandbox.app) as server:
        yield Crm(server.url, sandbox.credentials)
    sandbox.close()


@dataclass
class Production:
    """An installation with PostgreSQL and Redis, whose worker is a process of its own."""

    settings: Settings
    services: Services
    folder: Path
    organisation_id: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """What a child process is given."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
        assert self.settings.database_url
        assert self.settings.redis_url
        return {
            **kept,
            "CONCORD_DATABASE_URL": self.settings.database_url.get_secret_value(),
            "CONCORD_REDIS_URL": self.settings.redis_url.get_secret_value(),
            "CONCORD_REDIS_PREFIX": self.settings.redis_prefix,
            "CONCORD_SECRET_KEY": KEY,
        }

    def connect(self, crm: Crm, *, every: int = 3_600) -> StoredConnection:
        """Connect a sandbox."""
        found = plugin("salesforce")
        lines = [{"field": line.field, "crm": line.crm} for line in found.mapping]
        connect.add(
            self.services.database,
            wiring.open_seal(self.settings),
            self.organisation_id,
            name="crm",
            connector="salesforce",
            url=crm.url,
            credentials=crm.credentials,
            settings=parse_settings({"external_id": found.external_id, "map": lines}),
            actor="test",
            every=every,
        )
        return self.connection()

    def connection(self) -> StoredConnection:
        """The connection as it is now."""
        with self.services.database.reading() as tx:
            return connections.find(tx, self.organisation_id, "crm")

    def make_due(self) -> None:
        """Let its time come."""
        with self.services.database.transaction() as tx:
            schedules.put(tx, self.connection().id, "pull", 3_600)

    @contextmanager
    def process(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """A worker or ticker, stopped with SIGTERM at the end: it must end cleanly and soon."""
        log = self.folder / f"{command[0]}-{uuid4().hex[:6]}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [CONCORD, *command],
                env=self.environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        try:
            yield process
            if process.poll() is None:
                process.terminate()
                assert process.wait(timeout=60) == 0, log.read_text()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert "Traceback" not in log.read_text(), log.read_text()
        assert KEY not in log.read_text()


@pytest.fixture
def production(postgresql: Database, tmp_path: Path) -> Iterator[Production]:
    """An empty installation with a key prefix of its own in Redis."""
    prefix = f"concord-test-{uuid4().hex[:8]}:"
    settings = Settings(
        database_url=SecretStr(postgresql.url.set(drivername="postgresql").render_as_string(False)),
        redis_url=SecretStr(os.environ[servers.REDIS]),
        redis_prefix=prefix,
        secret_key=SecretStr(KEY),
    )
    with postgresql.transaction() as tx:
        organisation_id = connections.organisation(tx, "default")
    services = wiring.build(settings, database=postgresql)
    yield Production(settings, services, tmp_path, organisation_id)
    gc.unfreeze()  # what `wiring.build` froze for a short-lived process
    with redis.Redis.from_url(os.environ[servers.REDIS]) as client:
        if keys := list(client.scan_iter(f"{prefix}*")):
            client.delete(*keys)
