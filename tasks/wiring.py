"""The only place where things are built: settings → database, seal, connectors → services."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path

from celery.exceptions import SoftTimeLimitExceeded

from connectors.bearer import OwnTokens
from connectors.capture import Capture
from connectors.errors import Misconfigured
from connectors.file import Files
from connectors.fit import check_fit
from connectors.port import Connector, ConnectorConfig
from connectors.records import JSON
from connectors.registry import capture, plugin
from connectors.webhook import Webhook, WebhookConfig
from sync.allowance import daily_calls
from sync.deliver import Outgoing
from sync.errors import ConfigurationError
from sync.services import Inspection, Services
from sync.settings import Settings
from sync.store import migrate
from sync.store.connections import FILES, StoredConnection
from sync.store.query import Row
from sync.store.seal import Seal
from sync.store.session import Database
from sync.tokens import StoredTokens
from tasks.post import post

PATIENCE = 20.0
"""Seconds in which a worker tries a call again: its job is tried again anyway, and others wait for it."""

WEBHOOK_SECRET = "webhook_secret"  # noqa: S105 - the name under which it stands among the credentials


def open_database(settings: Settings) -> Database:
    """The database, with its schema brought up to date by itself where it is embedded.

    Raises:
        StoreError: it cannot be used, or its schema is older or newer than this code.
    """
    database = Database(settings.database())
    if settings.embedded:
        migrate.upgrade(database)
    else:
        migrate.require_current(database)
    return database


def _spare_the_collector() -> None:
    """Keep the garbage collector from walking over all modules and tables for every few hundred records.

    What is loaded by now stays for good; pages of records come and go without cycles. It is never switched
    off: answers of HTTP clients are cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def open_seal(settings: Settings) -> Seal:
    """What credentials are sealed and opened with."""
    return Seal(settings.secret_keys(), again=settings.secret_keys if settings.key_file else None)


def build(settings: Settings, *, database: Database | None = None) -> Services:
    """Everything that use-cases need, from the settings."""
    seal = open_seal(settings)
    _spare_the_collector()
    database = database or open_database(settings)
    return Services(
        database=database,
        open_connector=partial(open_connector, database, seal),
        inspect=inspect,
        owner=owner(),
        dead=dead_owners,
        lease_seconds=settings.lease_seconds,
        keep=settings.keep(),
        out_of_time=(SoftTimeLimitExceeded,),
    )


def build_outgoing(settings: Settings, database: Database, *, public_url: str | None = None) -> Outgoing:
    """What it takes to tell others; `public_url` stands for a setting that is not there."""
    url = settings.public_url or public_url
    return Outgoing(database, open_seal(settings), post, url.rstrip("/") if url else None)


def open_connector(
    database: Database,
    seal: Seal,
    connection: StoredConnection,
    *,
    person: bool = True,
    patience: float | None = None,
) -> Connector:
    """A connector of a connection, with its credentials opened.

    Its token is that of all workers, and so are the calls of the day; some are kept for people.
    """
    if connection.row["connector"] == FILES:
        return Files()
    config = _config(database, seal, connection)
    return plugin(str(connection.row["connector"])).build(
        replace(
            config,
            allowance=daily_calls(database, connection.id, connection.settings, person=person),
            patience=patience if person or patience is not None else PATIENCE,
        )
    )


def try_out(
    connection: StoredConnection, url: str, credentials: Mapping[str, str], *, patience: float
) -> Mapping[str, str]:
    """Ask a CRM to describe itself under credentials that are not in force.

    Args:
        connection: whose they are to be.
        url: of the CRM.
        credentials: to be tried.
        patience: seconds in which a call that fails for a moment is tried again.

    Returns:
        The credentials, with those that replace what the login used up.

    Raises:
        ConnectorError: it does not let them in, or does not answer.
    """
    own = OwnTokens(credentials)
    config = ConnectorConfig(
        url=url,
        credentials=credentials,
        external_id=connection.settings.external_id,
        mapping=connection.settings.mapping(),
        options=connection.settings.options,
        tokens=own,
        patience=patience,
    )
    connector = plugin(str(connection.row["connector"])).build(config)
    try:
        inspect(connection, connector)
    finally:
        connector.close()
    return own.credentials


def open_capture(
    database: Database, seal: Seal, connection: StoredConnection, *, options: Mapping[str, JSON]
) -> Capture:
    """A listener to the changes of a connection's account; `options` go before those of the connection.

    Raises:
        Misconfigured: its connector has none, or the account is not known yet.
    """
    account_id = connection.row["account_id"]
    if not account_id:
        raise Misconfigured(
            f"The account of {connection.name} is not known yet.",
            cure=f"Sync it first: concord sync {connection.name}",
        )
    config = _config(database, seal, connection)
    config = replace(config, options={**config.options, **options})
    return capture(str(connection.row["connector"]), config, str(account_id))


def _config(database: Database, seal: Seal, connection: StoredConnection) -> ConnectorConfig:
    return ConnectorConfig(
        url=str(connection.row["url"]),
        credentials=seal.open(
            connection.row["credentials"],
            organisation_id=connection.organisation_id,
            connection_id=connection.id,
        ),
        external_id=connection.settings.external_id,
        mapping=connection.settings.mapping(),
        options=connection.settings.options,
        tokens=StoredTokens(database, seal, connection),
    )


def open_webhook(seal: Seal, row: Row) -> Webhook | None:
    """A reader of what the CRM of a connection sends by itself; None if it has no secret to tell it by.

    Args:
        seal: what the secret is opened with.
        row: as `connections.addressed` gives it.
    """
    make = plugin(str(row["connector"])).webhook
    secret = seal.open(
        row["credentials"], organisation_id=row["organisation_id"], connection_id=row["id"]
    ).get(WEBHOOK_SECRET)
    if make is None or not secret:
        return None
    return make(WebhookConfig(secret=secret, account_id=row["account_id"]))


def inspect(connection: StoredConnection, connector: Connector) -> Inspection:
    """Ask the CRM to describe itself, and hold the field map against it."""
    found = connector.describe()
    settings = connection.settings
    outbound = [path for path in settings.paths if settings.policy(1).rule(path).outbound]
    problems = check_fit(settings.mapping(), settings.external_id, found, outbound=outbound)
    key = found.fields.get(settings.external_id)
    return Inspection(
        account_id=found.account_id,
        account_name=found.account_name,
        key_unique=key is not None and key.unique,
        problems=[asdict(each) for each in problems],
        object_name=found.object_name,
        fields=found.fields,
    )


@cache
def owner() -> str:
    """This process, as the holder of leases: machine, process-id space, process id, its start."""
    return "/".join((socket.gethostname(), _pid_space(), str(os.getpid()), _started(os.getpid())))


def dead_owners(owners: Sequence[str]) -> list[str]:
    """Those of some lease holders that ran on this machine and are certainly gone.

    Only processes that this one could see are judged: the same machine and the same process-id space.
    """
    here = (socket.gethostname(), _pid_space())
    gone = []
    for name in owners:
        parts = name.split("/")
        if len(parts) == len(owner().split("/")) and tuple(parts[:2]) == here:
            pid, started = parts[2], parts[3]
            if _started(int(pid)) != started:
                gone.append(name)
    return gone


def _pid_space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return "0"


def _started(pid: int) -> str:
    """When a process started, in clock ticks since boot; empty if it is not alive."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _alive(pid)
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]  # a zombie is gone, though nobody has buried it yet


def _alive(pid: int) -> str:
    """Without /proc: whether the process answers."""
    if Path("/proc/self").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "alive"


def broker_url(settings: Settings) -> str:
    """The broker for processes on several machines.

    Raises:
        ConfigurationError: none is set.
    """
    if settings.redis_url is None:
        raise ConfigurationError(
            "CONCORD_REDIS_URL is not set; worker and tick meet there.",
            cure="Set it (redis://host:6379/0), or use `concord up`, which needs no Redis.",
        )
    return settings.redis_url.get_secret_value()
