"""Write intents: what we are about to write to a CRM, kept until it is known what landed.

Stored and committed before the call. An intent whose writer is gone is settled at the next read of its
record; one whose writer is still at it makes everybody else leave the record alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, select

from connectors.records import Fields
from sync.clock import new_id
from sync.store import bulk
from sync.store.baselines import pack_fields, unpack_fields
from sync.store.lanes import Lease
from sync.store.query import Row, now, one_of, rows
from sync.store.session import Tx
from sync.store.types import db_now
from sync.store.worktables import intents, lanes


@dataclass(frozen=True, slots=True)
class StoredIntent:
    """An open intent; `live` while the process that made it holds its lease."""

    row: Row

    @property
    def id(self) -> str:
        """The intent's id."""
        return str(self.row["id"])

    @property
    def customer_id(self) -> str:
        """The customer whose values are being written."""
        return str(self.row["customer_id"])

    @property
    def live(self) -> bool:
        """Whether its writer is still at it."""
        return self.row["holder"] is not None

    @property
    def sent(self) -> Fields:
        """The values that were, or were to be, written."""
        return unpack_fields(self.row["fields"])

    @property
    def before(self) -> Fields:
        """The CRM's values of the same fields when they were read."""
        return unpack_fields(self.row["before"])


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIntent:
    """An intent to be stored. `link_id`, `ref` and `version_read` are of updates only."""

    kind: str
    customer_id: str
    fields: Fields
    before: Fields
    external_id: str | None = None
    link_id: str | None = None
    ref: str | None = None
    version_read: str | None = None


def store(tx: Tx, lease: Lease, run_id: str, made: Sequence[NewIntent]) -> None:
    """Keep intents; they are durable when the transaction is."""
    at = now(tx)
    bulk.insert(
        tx,
        intents,
        [
            {
                "id": new_id(),
                "connection_id": lease.connection_id,
                "customer_id": each.customer_id,
                "link_id": each.link_id,
                "kind": each.kind,
                "ref": each.ref,
                "external_id": each.external_id,
                "fields": pack_fields(each.fields),
                "before": pack_fields(each.before),
                "version_read": each.version_read,
                "run_id": run_id,
                "lease_no": lease.number,
                "created_at": at,
            }
            for each in made
        ],
    )


def load(tx: Tx, connection_id: str, *conditions: Any) -> list[StoredIntent]:
    """Open intents of a connection that meet any of the conditions (all without one)."""
    alive = and_(
        lanes.c.connection_id == intents.c.connection_id,
        lanes.c.lane == "push",
        lanes.c.lease_no == intents.c.lease_no,
        lanes.c.owner != "",
        lanes.c.lease_until > db_now(),
    )
    statement = (
        select(intents, lanes.c.owner.label("holder"))
        .select_from(intents.outerjoin(lanes, alive))
        .where(intents.c.connection_id == connection_id)
    )
    if conditions:
        statement = statement.where(or_(*conditions))
    return [StoredIntent(row) for row in rows(tx, statement)]


def by_customers(customer_ids: Iterable[str]) -> Any:
    """Condition: about one of these customers."""
    return one_of(intents.c.customer_id, customer_ids)


def clear(tx: Tx, ids: Sequence[str]) -> None:
    """Forget intents whose outcome is settled."""
    tx.execute(intents.delete().where(one_of(intents.c.id, ids)))


def clear_of(tx: Tx, connection_id: str, customer_ids: Iterable[str]) -> None:
    """Forget the intents of customers whose outcome is settled."""
    tx.execute(
        intents.delete().where(
            intents.c.connection_id == connection_id, one_of(intents.c.customer_id, customer_ids)
        )
    )
