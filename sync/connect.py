"""Connections: made, changed, paused, removed. Credentials are sealed before they touch the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import xxhash

from sync import timetable
from sync.clock import new_id
from sync.core.actions import ConflictKind
from sync.errors import BadInput, Conflicted
from sync.rules import ConnectionSettings, parse_settings
from sync.store import audit, conflicts, connections, jobs, links, quota, schedules, sightings, tokens
from sync.store.connections import ConnectionState, StoredConnection
from sync.store.query import Row, now
from sync.store.seal import Seal
from sync.store.session import Database, Tx
from sync.timetable import Timetable

DEFAULT_EVERY = 60
RESTARTING = ("on_missing_external_id", "address_level", "address_policy", "on_partial", "first_link")
"""Policies that say anew what becomes of records which stand in no link, or in a held one."""
ASIDE = ("daily_calls", "reserve", "timezone")
"""Settings that say nothing of account and map."""


def add(
    database: Database,
    seal: Seal,
    organisation_id: str,
    *,
    name: str,
    connector: str,
    url: str,
    credentials: Mapping[str, str],
    settings: ConnectionSettings,
    actor: str,
    every: int = DEFAULT_EVERY,
) -> str:
    """Store a new connection with its schedule; returns its id.

    Raises:
        BadInput: the name is taken or empty.
    """
    if not name.strip() or "/" in name:
        raise BadInput("A connection needs a name, without slashes.")
    made = new_id()
    sealed = seal.close(credentials, organisation_id=organisation_id, connection_id=made)
    with database.transaction() as tx:
        connections.add(
            tx,
            connection_id=made,
            organisation_id=organisation_id,
            name=name,
            connector=connector,
            url=url,
            sealed=sealed,
            settings=settings,
        )
        timetable.begin(tx, made, every)
        audit.write(tx, organisation_id, actor=actor, action="connection.added", subject=made)
    return made


def change(
    database: Database,
    seal: Seal,
    connection: StoredConnection,
    *,
    actor: str,
    settings: Mapping[str, Any] | None = None,
    rules: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    credentials: Callable[[Mapping[str, str]], Mapping[str, str]] | None = None,
    url: str | None = None,
    times: Timetable | None = None,
    shown: str | None = None,
) -> int:
    """Put new settings, credentials, URL or schedule in force; returns the map version in force.

    `rules` and `credentials` make the new ones of the present ones, which nobody changes meanwhile; a token
    fetched with the old credentials is forgotten. `shown`: the `digest_of` the settings that the change was
    made from.

    Raises:
        BadInput: a setting is wrong, named with its reason; nothing was changed.
        Conflicted: the settings are not those that were shown any more.
    """
    changed: list[str] = []
    with database.transaction() as tx:
        present = connections.load(tx, connection.id, lock=True)
        version = present.map_version
        if shown is not None and shown not in (
            digest_of(present),
            digest_of(present, schedules.of(tx, present.id)),
        ):
            raise Conflicted("Somebody has changed these settings meanwhile; nothing was saved.")
        if times is not None:
            timetable.change(tx, present.id, times)
        settings = dict(settings or {})
        known_settings = present.settings.model_dump(mode="json")
        if rules:
            settings["rules"] = rules(known_settings["rules"])
        if settings:
            body = {**known_settings, **settings}
            version = connections.change_settings(tx, present, parse_settings(body))
            changed += sorted(settings)
            if set(settings) & set(RESTARTING):
                _look_anew(tx, present)
            if "require_valid_address" in settings:
                _ask_anew(tx, present)
        if credentials:
            ids = {"organisation_id": present.organisation_id, "connection_id": present.id}
            known = seal.open(present.row["credentials"], **ids)
            connections.set_columns(tx, present.id, credentials=seal.close(credentials(known), **ids))
            tokens.forget(tx, present.id)
            changed.append("credentials")
            if present.state is ConnectionState.AUTH_FAILED:
                connections.set_state(tx, present.id, present.resting)
        if url is not None:
            connections.set_columns(tx, present.id, url=url)
            tokens.forget(tx, present.id)
            changed.append("url")
        if set(changed) - set(ASIDE):
            connections.set_columns(tx, present.id, inspected_at=None)
        if times is not None:
            changed += [name for name in times.given if name not in changed]
        if set(changed) & set(ASIDE):
            quota.wake(tx, present.id)  # the next call tells whether there are any by now
        note_change(tx, present, changed, actor=actor)
    return version


def digest_of(connection: StoredConnection, slots: Sequence[Row] = ()) -> str:
    """What stands for a connection's settings, and its schedules: another one as soon as one of them is."""
    times = [
        [each[name] for name in ("kind", "every_seconds", "cron", "quiet", "timezone")] for each in slots
    ]
    shown = [connection.settings.model_dump(mode="json"), times]
    body = orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)
    return str(xxhash.xxh3_128_hexdigest(body))


def note_change(tx: Tx, connection: StoredConnection, changed: Sequence[str], *, actor: str) -> None:
    """Keep who changed which settings of a connection."""
    audit.write(
        tx,
        connection.organisation_id,
        actor=actor,
        action="connection.changed",
        subject=connection.id,
        details={"changed": [*changed]},
    )


def _look_anew(tx: Tx, connection: StoredConnection) -> None:
    """The next run lists everything, and plans again what stands in no active link."""
    sightings.forget_undecided(tx, connection.id)
    if connection.row["listed_at"] is not None:
        connections.set_columns(tx, connection.id, listing={})


def _ask_anew(tx: Tx, connection: StoredConnection) -> None:
    """Records whose addresses wait as not valid are looked at again: they may go by now."""
    waiting = conflicts.customers_asked(tx, connection.id, ConflictKind.ADDRESS_INVALID)
    jobs.ask_for(tx, links.mark_dirty(tx, waiting, now(tx), only=connection.id))


def pause(database: Database, connection: StoredConnection, *, actor: str) -> None:
    """Let no job of this connection write until it is resumed."""
    _set_state(database, connection, ConnectionState.PAUSED, actor)


def resume(database: Database, connection: StoredConnection, *, actor: str) -> ConnectionState:
    """Let a paused connection go on; returns the state it is in now.

    Raises:
        Conflicted: it is not paused.
    """
    if connection.state is not ConnectionState.PAUSED:
        raise Conflicted(f"The connection {connection.name} is not paused; it is {connection.state.value}.")
    _set_state(database, connection, connection.resting, actor)
    return connection.resting


def _set_state(database: Database, connection: StoredConnection, state: ConnectionState, actor: str) -> None:
    with database.transaction() as tx:
        connections.set_state(tx, connection.id, state)
        audit.write(
            tx,
            connection.organisation_id,
            actor=actor,
            action=f"connection.{state.value}",
            subject=connection.id,
        )


def remove(database: Database, connection: StoredConnection, *, actor: str) -> None:
    """Remove a connection with its links, queue and runs. Customers and CRM records stay as they are."""
    with database.transaction() as tx:
        connections.remove(tx, connection.id)
        audit.write(
            tx,
            connection.organisation_id,
            actor=actor,
            action="connection.removed",
            subject=connection.id,
            details={"name": connection.name},
        )
