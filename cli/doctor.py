"""`doctor`: everything that can be checked before it goes wrong, each finding with its cure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal
from urllib.parse import urlsplit

import redis

from cli.context import DONE, FAILED, AsJson, Organisation
from cli.output import Output
from cli.webhook import address_of
from connectors.errors import ConnectorError
from connectors.records import JSON
from connectors.transport import is_loopback
from sync.errors import ConcordError
from sync.services import Services
from sync.settings import Settings, load
from sync.store import connections, hooks, jobs, migrate, walls
from sync.store.connections import StoredConnection
from sync.store.session import Database
from tasks import wiring
from tasks.app import HARD_LIMIT, SOFT_LIMIT, VISIBILITY


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked."""

    level: Literal["ok", "warning", "error"]
    what: str
    found: str
    cure: str = ""


def doctor(organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Check settings, database, broker and every connection."""
    output = Output(as_json=as_json)
    findings = list(_look(load(), organisation))
    if as_json:
        body: list[JSON] = [asdict(each) for each in findings]
        output.json({"findings": body, "healthy": not any(each.level == "error" for each in findings)})
    else:
        marks = {"ok": "ok", "warning": "warning", "error": "ERROR"}
        rows = [(marks[each.level], each.what, f"{each.found} {each.cure}".strip()) for each in findings]
        output.table("", ("", "", ""), rows)
    return FAILED if any(each.level == "error" for each in findings) else DONE


def _look(settings: Settings, organisation: str) -> Iterator[Finding]:
    mode = "embedded (SQLite)" if settings.embedded else "production (PostgreSQL)"
    yield Finding("ok", "mode", mode)
    try:
        wiring.open_seal(settings)
        yield Finding("ok", "secret key", "set" if settings.secret_key else "kept in the data folder")
    except ConcordError as error:
        yield Finding("error", "secret key", error.reason, error.cure)
        return
    try:
        database = Database(settings.database())
        state = migrate.schema_state(database)
    except ConcordError as error:
        yield Finding("error", "database", error.reason, error.cure)
        return
    yield from _schema(state, embedded=settings.embedded)
    yield from _broker(settings)
    yield from _site(settings)
    try:
        if state is migrate.SchemaState.CURRENT or settings.embedded:
            migrate.upgrade(database)
            yield from _walls(database)
            yield from _connections(wiring.build(settings, database=database), settings, organisation)
    except ConcordError as error:
        yield Finding("error", "database", error.reason, error.cure)
    finally:
        database.close()


def _schema(state: migrate.SchemaState, *, embedded: bool) -> Iterator[Finding]:
    if state is migrate.SchemaState.CURRENT or (embedded and state is not migrate.SchemaState.NEWER):
        yield Finding("ok", "database", "reachable, schema current")
    elif state is migrate.SchemaState.NEWER:
        yield Finding("error", "database", "made by a newer Concord.", "Install that version.")
    else:
        yield Finding("error", "database", f"its schema is {state.value}.", "Run: concord db upgrade")


def _walls(database: Database) -> Iterator[Finding]:
    if database.dialect != "postgresql":
        return  # SQLite has no such walls
    with database.reading() as tx:
        found = walls.standing(tx)
    if found.holds:
        yield Finding("ok", "walls", "PostgreSQL itself keeps organisations apart")
        return
    level: Literal["warning", "error"] = "error" if found.blind else "warning"
    cure = f"Let an administrator of the database run in it: {found.statements}"
    yield Finding(level, "walls", found.reason, cure)


def _broker(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        level: Literal["ok", "warning"] = "ok" if settings.embedded else "warning"
        cure = "" if settings.embedded else "Set CONCORD_REDIS_URL for worker and tick."
        yield Finding(level, "broker", "none set", cure)
        return
    url = settings.redis_url.get_secret_value()
    parts = urlsplit(url)
    if not is_loopback(parts.hostname or "") and (parts.scheme != "rediss" or not parts.password):
        yield Finding(
            "warning", "broker", "Redis is reached without TLS or password.", "Use rediss:// with a password."
        )
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5) as client:
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "")
    except redis.RedisError as error:
        yield Finding(
            "error",
            "broker",
            f"Redis does not answer ({type(error).__name__}).",
            "Start it; nothing is lost.",
        )
        return
    if policy not in ("noeviction", ""):
        yield Finding(
            "warning",
            "broker",
            f"Redis may throw messages away ({policy}).",
            "Set maxmemory-policy noeviction.",
        )
    limits = f"time limits {SOFT_LIMIT}/{HARD_LIMIT} s below the visibility timeout of {VISIBILITY} s"
    yield Finding("ok", "broker", f"reachable; {limits}")


def _site(settings: Settings) -> Iterator[Finding]:
    if settings.public_url is None:
        found = "CONCORD_PUBLIC_URL is not set; webhooks are taken from this machine alone."
        yield Finding("ok", "webhooks", found, "Set it to where the CRMs find `concord serve`.")
        return
    parts = urlsplit(settings.public_url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        yield Finding(
            "warning",
            "webhooks",
            "CONCORD_PUBLIC_URL is plain http: what CRMs send, secrets in paths included, can be read.",
            "Put a proxy with TLS before `concord serve`, and set its https:// address.",
        )
    else:
        yield Finding("ok", "webhooks", f"taken at {settings.public_url}")


def _webhook(services: Services, settings: Settings, connection: StoredConnection) -> Iterator[Finding]:
    address = address_of(services.database, settings, connection)
    if address is not None and address.secret is None:
        yield Finding(
            "ok",
            f"connection {connection.name}",
            "no webhook secret: changes are found by looking, not announced.",
            f"Set it with: concord connections set {connection.name} --webhook-secret SECRET",
        )


def _connections(services: Services, settings: Settings, organisation: str) -> Iterator[Finding]:
    with services.database.transaction() as tx:
        organisation_id = connections.organisation(tx, organisation)
        found = connections.listing(tx, organisation_id)
        gone = jobs.dead(tx, organisation_id)
    if not found:
        yield Finding(
            "ok", "connections", "none yet", "Make one: concord connect salesforce|hubspot --name NAME"
        )
    for connection in found:
        yield from _connection(services, connection)
        yield from _webhook(services, settings, connection)
    for job in gone:
        reason = f"a {job['kind']} was given up after {job['attempts']} attempts ({job['last_error']})."
        yield Finding("warning", "jobs", reason, "Run: concord sync NAME")
    yield from _hooks(services.database, organisation_id)


def _hooks(database: Database, organisation_id: str) -> Iterator[Finding]:
    """The hooks that were paused because their address took nothing; who paused one knows of it."""
    with database.reading() as tx:
        found = [each for each in hooks.listing(tx, organisation_id) if each["reason"]]
    for hook in found:
        last = f" (last time: {hook['problem']})" if hook["problem"] else ""
        why = f"paused: {hook['reason']}{last}. Deliveries that wait: {hook['waiting']:,}."
        cure = (
            f"See whether it answers: concord hook test {hook['id']}; then: concord hook resume {hook['id']}"
        )
        yield Finding("warning", f"hook {hook['url']}", why, cure)


def _connection(services: Services, connection: StoredConnection) -> Iterator[Finding]:
    what = f"connection {connection.name}"
    try:
        connector = services.open_connector(connection)
        try:
            found = services.inspect(connection, connector)
        finally:
            connector.close()
    except (ConnectorError, ConcordError) as error:
        yield Finding("error", what, error.reason, error.cure)
        return
    state = connection.state.value
    reason = f" ({connection.row['state_reason']})" if connection.row["state_reason"] else ""
    yield Finding("ok", what, f"{found.account_name}; {state}{reason}")
    for each in found.problems:
        level: Literal["warning", "error"] = "error" if each["severity"] == "error" else "warning"
        yield Finding(level, what, each["message"], each["cure"])
