"""Concord on this machine, whole: PostgreSQL, Redis, two sandboxes, site, tick and workers."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bench.torture.whole.api import Api
from bench.torture.whole.crm import Sandbox
from bench.torture.whole.processes import Running, start
from bench.torture.whole.proxy import Proxy, proxies
from bench.torture.whole.servers import PostgreSql, Redis, free_port, servers

KEY = "a-secret-key-of-the-programme-alone-long-enough"
SECRET = "a-webhook-secret-of-the-programme"
KINDS = ("salesforce", "hubspot")
TICK = 0.5
POLL = 0.05
ATTEMPTS = 3

_WAITING = """
SELECT (SELECT count(*) FROM intents)
  + (SELECT count(*) FROM links WHERE dirty_at IS NOT NULL AND state IN ('active', 'held'))
  + (SELECT count(*) FROM jobs WHERE state = 'open' AND kind NOT IN ('pull', 'full'))
"""
_NEXT_DAY = (
    "UPDATE runs SET started_at = started_at - interval '2 days' WHERE started_at > now() - interval '1 day'"
)
_SOONER = "UPDATE jobs SET not_before = now() WHERE state = 'open' AND not_before > now()"

_STANDING = """
SELECT json_build_object('connections', (SELECT json_object_agg(name, state) FROM connections),
  'jobs', (SELECT json_agg(row_to_json(j)) FROM
    (SELECT c.name, j.kind, asked, attempts, lost, last_error,
       round(extract(epoch FROM not_before - now())) AS due_in
       FROM jobs j JOIN connections c ON c.id = j.connection_id WHERE j.state = 'open') j),
  'lanes', (SELECT json_agg(row_to_json(l)) FROM
    (SELECT c.name, lane, owner, round(extract(epoch FROM lease_until - now())) AS lease
       FROM lanes JOIN connections c ON c.id = connection_id) l))::text
"""


class StuckError(Exception):
    """Something that was waited for did not come."""


@dataclass(slots=True)
class Installation:
    """Everything that was started.

    Args:
        lanes: the proxies between Concord and the servers that it talks to, by name; none unless asked for.
    """

    database: PostgreSql
    broker: Redis
    folder: Path
    environment: dict[str, str]
    lanes: Mapping[str, Proxy]
    port: int
    crms: dict[str, Sandbox] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    api: Api = field(default_factory=lambda: Api("", ""))
    started: int = 0

    def run(self, *words: str, **more: str) -> Running:
        """Start `concord` with some words; `more`: variables of its own."""
        self.started += 1
        log = self.folder / f"{self.started}-{words[0]}.log"
        return start(words, {**self.environment, **more}, log)

    def tell(self, *words: str, **more: str) -> tuple[int | None, str]:
        """A command of a person, to its end: exit code and output. It is tried again if it fails."""
        code, said = None, ""
        for _ in range(ATTEMPTS):
            command = self.run(*words, **more)
            code, said = command.wait(), command.said()
            if code == 0:
                break
        return code, said

    def begin(self, name: str, **more: str) -> Running:
        """Start one of the lasting processes: `serve`, `tick`, `worker`, or `worker 2` and so on."""
        words = {
            "serve": ("serve", "--port", str(self.port), "--processes", "1", "--json"),
            "tick": ("tick", "--every", str(TICK)),
        }.get(name, ("worker", "--concurrency", "1"))
        self.running[name] = self.run(*words, **more)
        if name == "serve":
            self.running[name].first_line()
        return self.running[name]

    def end(self, name: str) -> None:
        """Kill a process with its children, if it runs."""
        if (found := self.running.pop(name, None)) is not None:
            found.kill()

    def waiting(self) -> int:
        """How much is known to be left to do. It is no figure: it says when to look."""
        return int(self._query(_WAITING))

    def standing(self) -> str:
        """Who is at what, and since when each process said what: for whoever asks why it does not go on."""
        told = [
            f"{name}: {each.said()[-600:]}" if each.alive else f"{name} is dead: {each.said()[-4_000:]}"
            for name, each in self.running.items()
        ]
        return "\n".join((str(self._query(_STANDING)), *told))

    def sooner(self) -> None:
        """Whatever was put off is due now."""
        with psycopg.connect(self.database.url(), autocommit=True) as connection:
            connection.execute(_SOONER)

    def next_day(self) -> None:
        """A day passes for the brake, which would stop what nobody would edit in one day."""
        with psycopg.connect(self.database.url(), autocommit=True) as connection:
            connection.execute(_NEXT_DAY)

    def _query(self, statement: str) -> Any:
        with psycopg.connect(self.database.url(), autocommit=True) as connection:
            row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return row[0]

    def until(self, found: Callable[[], Any], seconds: float, what: str) -> float:
        """Wait for something; the seconds that it took.

        Raises:
            StuckError: it did not come in time.
        """
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            if found():
                return time.monotonic() - begun
            time.sleep(POLL)
        raise StuckError(f"{what}: not within {seconds:g} s")

    def quiet(self, seconds: float) -> float:
        """Wait until nothing is left to do; the seconds that it took."""
        return self.until(lambda: self.waiting() == 0, seconds, "quiet")

    def sync(self, name: str, *, full: bool = False) -> None:
        """A person's sync, to its end."""
        code, said = self.tell("sync", name, "--yes", *(["--full"] if full else []), "--json")
        if code not in (0, 4):
            raise StuckError(f"sync {name} ended with {code}: {said[-1_000:]}")

    def connect(self, name: str, *, every: int) -> None:
        """Connect a sandbox, by way of its proxy if there is one, and let it announce what happens in it."""
        crm = self.crms[name]
        port = int(crm.url.rsplit(":", 1)[1])
        given = [
            word for each, value in crm.credentials.items() for word in (f"--{each.replace('_', '-')}", value)
        ]
        url = f"http://127.0.0.1:{self.through(name, port)}"
        _must(self.tell("connect", crm.kind, "--name", name, "--url", url, *given, "--every", str(every)))
        _must(self.tell("connections", "set", name, "--webhook-secret", SECRET))
        target = f"http://127.0.0.1:{self.port}/webhooks/{crm.kind}/{name}"
        crm.control(
            "PUT",
            "settings",
            {"webhooks": {"target": target, "secret": SECRET, "retry_ms": 300, "retries": 50}},
        )

    def through(self, name: str, port: int) -> int:
        """The port under which Concord finds a server."""
        if name not in self.lanes:
            return port
        self.lanes[name].lead_to(port)
        return self.lanes[name].port


def customer_key(number: int) -> str:
    """The key of a customer."""
    return f"CUS-{number:05d}"


@contextlib.contextmanager
def installed(
    *,
    kinds: Sequence[str] = KINDS,
    every: int = 3,
    lease: float = 120.0,
    workers: int = 1,
    proxied: Sequence[str] = (),
    seed: int = 1,
    small: bool = False,
) -> Iterator[Installation]:
    """An installation at work, whose CRMs are connected and empty.

    Args:
        kinds: of the CRMs.
        every: seconds between two looks at a CRM.
        lease: seconds.
        workers: processes that do the work.
        proxied: names of servers before which a proxy stands: `redis`, `postgresql`, or a CRM.
        seed: of the sandboxes, and so of their faults.
        small: the database has a disk that can be filled, where one can be had.
    """
    with contextlib.ExitStack() as closing:
        database, broker, folder = closing.enter_context(servers(small=small))
        lanes = closing.enter_context(proxies(proxied, seed))
        port = free_port()
        installation = Installation(database, broker, folder, {}, lanes, port)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
        direct = {
            **kept,
            "CONCORD_DATABASE_URL": database.url(),
            "CONCORD_REDIS_URL": broker.url(),
            "CONCORD_SECRET_KEY": KEY,
            "CONCORD_LEASE_SECONDS": str(lease),
            "CONCORD_API_RATE": "10000",
        }
        installation.environment = direct
        closing.callback(_end_all, installation)
        _must(installation.tell("db", "upgrade"))
        said = _must(
            installation.tell("api-key", "create", "--organisation", "default", "--scope", "admin", "--json")
        )
        key = json.loads(said[said.index("{") :])["key"]
        installation.environment = {
            **direct,
            "CONCORD_DATABASE_URL": database.url(port=installation.through("postgresql", database.port)),
            "CONCORD_REDIS_URL": broker.url(port=installation.through("redis", broker.port)),
        }
        for kind in kinds:
            process = installation.run("sandbox", kind, "--empty", "--seed", str(seed), "--json")
            installation.running[f"sandbox {kind}"] = process
            told = json.loads(process.first_line())
            names = ("client_id", "client_secret", "token")
            installation.crms[kind] = Sandbox(
                kind, told["url"], {each: told[each] for each in names if each in told}
            )
        installation.api = Api(f"http://127.0.0.1:{port}", key)
        installation.begin("serve")
        for kind in kinds:
            installation.connect(kind, every=every)
        for number in range(workers):
            installation.begin("worker" if number == 0 else f"worker {number + 1}")
        installation.begin("tick")
        yield installation


def _must(ended: tuple[int | None, str]) -> str:
    code, said = ended
    if code != 0:
        raise StuckError(f"it ended with {code}: {said[-2_000:]}")
    return said


def _end_all(installation: Installation) -> None:
    for each in [*installation.running.values()]:
        each.signal(18)  # SIGCONT: who is frozen could not be joined
        each.kill()
