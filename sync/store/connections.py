"""Organisations and their connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from connectors.records import JSON
from sync.clock import new_id
from sync.core.policy import Policy
from sync.errors import BadInput, NotFoundError
from sync.rules import ConnectionSettings, parse_settings, paused_since
from sync.store.query import Row, first, insert_into, now, rows
from sync.store.schema import connections, customers, field_maps, organisations
from sync.store.session import Tx


class ConnectionState(StrEnum):
    """Whether a connection's jobs may write (design, section 9)."""

    NEW = "new"
    NEEDS_APPROVAL = "needs_approval"
    ACTIVE = "active"
    PAUSED = "paused"
    HALTED = "halted"
    AUTH_FAILED = "auth_failed"


FILES = "file"
"""The connector of an organisation's files: a connection that no CRM stands behind, and no list shows.

What files brought is kept under it as under any other: runs, changes and questions.
"""

WAITING = "waiting"  # until a person approves it
APPROVED = "approved"  # all of it, unseen: it goes on until it has come to its end
BEGUN = "begun"  # by a plan: what that does not hold waits for another one, until nothing is left
RESCOPED = "rescoped"  # from a change of the scope until the plan of that was carried out
RESTORED = "restored"  # from a restore of the database until the plan of that was carried out
FIRST = (WAITING, APPROVED, BEGUN)
"""Values of a connection's `first_sync` until its first sync is `done`."""
PLANNED_ANEW = {
    BEGUN: "its first sync is not done yet",
    RESCOPED: "its scope was changed",
    RESTORED: "the database was restored from a backup",
}
"""Values of `first_sync` for which the next sync is a plan to approve, and why."""

OF_CRMS = connections.c.connector != FILES
"""Condition: a connection to a CRM."""


@dataclass(frozen=True)
class StoredConnection:
    """A connection row with its settings, and every version of its map."""

    row: Row
    settings: ConnectionSettings
    versions: Mapping[int, Mapping[str, JSON]]

    @property
    def id(self) -> str:
        """The connection's id."""
        return str(self.row["id"])

    @property
    def organisation_id(self) -> str:
        """The organisation it belongs to."""
        return str(self.row["organisation_id"])

    @property
    def name(self) -> str:
        """Its name, unique in the organisation."""
        return str(self.row["name"])

    @property
    def state(self) -> ConnectionState:
        """Whether its jobs may write."""
        return ConnectionState(self.row["state"])

    @property
    def resting(self) -> ConnectionState:
        """The state that it has when nothing keeps it from work."""
        first = self.row["first_sync"]
        if first in PLANNED_ANEW:
            return ConnectionState.NEEDS_APPROVAL
        return ConnectionState.NEW if first in FIRST else ConnectionState.ACTIVE

    @property
    def map_version(self) -> int:
        """The version of its map that is in force."""
        return int(self.row["map_version"])

    @cached_property
    def policy(self) -> Policy:
        """Its rules, as the core takes them."""
        return self.settings.policy(self.map_version)

    def paused(self, link_version: int) -> frozenset[str]:
        """The fields that wait for a resync on links of this map version."""
        if link_version == self.map_version:
            return frozenset()
        return paused_since(self.versions.get(link_version, {}), self.versions[self.map_version])


def organisation(tx: Tx, name: str) -> str:
    """The id of an organisation, which is made at its first use."""
    mine = select(organisations.c.id).where(organisations.c.name == name)
    row = first(tx, mine)
    if row is None:
        # Of several commands at once one makes it, and the others wait for that.
        made = {"id": new_id(), "name": name, "created_at": now(tx)}
        tx.execute(insert_into(tx, organisations).values(made).on_conflict_do_nothing())
        row = first(tx, mine)
    assert row is not None  # noqa: S101 - organisations are never removed
    return str(row["id"])


def add(
    tx: Tx,
    *,
    connection_id: str,
    organisation_id: str,
    name: str,
    connector: str,
    url: str,
    sealed: str,
    settings: ConnectionSettings,
) -> None:
    """Insert a connection.

    Raises:
        BadInput: the name is taken.
    """
    at = now(tx)
    try:
        tx.execute(
            insert(connections).values(
                id=connection_id,
                organisation_id=organisation_id,
                name=name,
                connector=connector,
                url=url,
                credentials=sealed,
                settings=settings.model_dump(mode="json"),
                map_version=1,
                state=ConnectionState.NEW,
                created_at=at,
            )
        )
    except IntegrityError as error:
        raise BadInput(
            f"There is a connection named {name} already.",
            cure="Choose another name, or remove it first: concord connections remove NAME.",
        ) from error
    _add_version(tx, connection_id, 1, settings, at)


def _add_version(
    tx: Tx, connection_id: str, version: int, settings: ConnectionSettings, at: datetime
) -> None:
    tx.execute(
        insert(field_maps).values(
            connection_id=connection_id, version=version, body=settings.versioned(), created_at=at
        )
    )


def load(tx: Tx, connection_id: str, *, lock: bool = False) -> StoredConnection:
    """A connection by its id.

    Raises:
        NotFoundError: it was removed.
    """
    statement = select(connections).where(connections.c.id == connection_id)
    row = first(tx, statement.with_for_update(key_share=True) if lock else statement)
    if row is None:
        raise NotFoundError("This connection does not exist any more.")
    return _stored(tx, row)


def find(tx: Tx, organisation_id: str, name: str) -> StoredConnection:
    """A connection by its name.

    Raises:
        NotFoundError: there is none of that name; the text lists those that there are.
    """
    row = first(
        tx,
        select(connections).where(
            connections.c.organisation_id == organisation_id, connections.c.name == name, OF_CRMS
        ),
    )
    if row is None:
        names = ", ".join(each.name for each in listing(tx, organisation_id)) or "none yet"
        raise NotFoundError(
            f"There is no connection named {name} (there are: {names}).",
            cure="Make one with: concord connect salesforce|hubspot --name NAME --url URL",
        )
    return _stored(tx, row)


def addressed(tx: Tx, connector: str, name: str) -> Row | None:
    """What a delivery needs of the connection it is addressed to: by id, or by a name that is unique.

    Returns:
        `id`, `organisation_id`, `name`, `connector`, `credentials` (sealed) and `account_id`.
    """
    columns = ("id", "organisation_id", "name", "connector", "credentials", "account_id")
    statement = select(*(connections.c[each] for each in columns)).where(
        connections.c.connector == connector, or_(connections.c.id == name, connections.c.name == name)
    )
    found = rows(tx, statement.limit(2))
    return found[0] if len(found) == 1 else None


def listing(tx: Tx, organisation_id: str | None = None) -> list[StoredConnection]:
    """The connections of an organisation to its CRMs, or of all, by name."""
    statement = select(connections).where(OF_CRMS).order_by(connections.c.organisation_id, connections.c.name)
    if organisation_id is not None:
        statement = statement.where(connections.c.organisation_id == organisation_id)
    return [_stored(tx, row) for row in rows(tx, statement)]


def named(tx: Tx, organisation_id: str) -> dict[str, str]:
    """Id → name of all connections of an organisation, that of its files included."""
    mine = connections.c.organisation_id == organisation_id
    return {
        row["id"]: row["name"] for row in rows(tx, select(connections.c.id, connections.c.name).where(mine))
    }


def ids(tx: Tx, organisation_id: str) -> list[str]:
    """The ids of all connections of an organisation to its CRMs."""
    mine = (connections.c.organisation_id == organisation_id, OF_CRMS)
    return [str(each) for each in tx.execute(select(connections.c.id).where(*mine)).scalars()]


def with_scope(tx: Tx, customer_ids: Sequence[str]) -> list[Row]:
    """`id` and `organisation_id` of connections that have a scope, in the organisation of these customers."""
    if not customer_ids:
        return []
    mine = select(customers.c.organisation_id).where(customers.c.id == customer_ids[0]).scalar_subquery()
    columns = (connections.c.id, connections.c.organisation_id, connections.c.settings)
    found = rows(tx, select(*columns).where(connections.c.organisation_id == mine))
    return [row for row in found if row["settings"].get("scope")]


def _stored(tx: Tx, row: Row) -> StoredConnection:
    versions = rows(tx, select(field_maps).where(field_maps.c.connection_id == row["id"]))
    return StoredConnection(
        row, parse_settings(row["settings"]), {each["version"]: each["body"] for each in versions}
    )


def set_state(tx: Tx, connection_id: str, state: ConnectionState, reason: str | None = None) -> None:
    """Change whether its jobs may write, and say why."""
    tx.execute(
        update(connections)
        .where(connections.c.id == connection_id)
        .values(state=state.value, state_reason=reason)
    )


def set_columns(tx: Tx, connection_id: str, **columns: Any) -> None:
    """Write columns such as the cursor, the listing, or the sealed credentials."""
    tx.execute(update(connections).where(connections.c.id == connection_id).values(**columns))


def change_settings(tx: Tx, connection: StoredConnection, settings: ConnectionSettings) -> int:
    """Put new settings in force; a new version of the map if map or rules differ.

    Returns:
        The map version in force.
    """
    version = connection.map_version
    if settings.versioned() != connection.versions[version]:
        version += 1
        _add_version(tx, connection.id, version, settings, now(tx))
    set_columns(tx, connection.id, settings=settings.model_dump(mode="json"), map_version=version)
    return version


def remove(tx: Tx, connection_id: str) -> None:
    """Remove a connection with its links, queue and runs; customers stay."""
    tx.execute(connections.delete().where(connections.c.id == connection_id))


def names(tx: Tx, ids: Sequence[str]) -> dict[str, str]:
    """Names by id."""
    found = rows(tx, select(connections.c.id, connections.c.name).where(connections.c.id.in_(ids)))
    return {row["id"]: row["name"] for row in found}
