"""Erasing a person: nothing of a customer stays here but what keeps it from coming back.

The records in the CRMs are left alone, as with any delete; they are not taken in again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from connectors.records import JSON
from sync.billed import refuse_while_billed
from sync.core.actions import ConflictKind
from sync.errors import Conflicted, NotFoundError
from sync.store import audit, conflicts, customers, erasure, links, tombstones, walls
from sync.store.customers import StoredCustomer
from sync.store.query import expect, first, now
from sync.store.schema import conflicts as conflicts_table
from sync.store.schema import customers as table
from sync.store.session import LONG_PATIENCE, Database, Tx
from sync.store.traces import Traces, about, find_traces
from sync.touched import release_emails


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased, or would be.

    Args:
        id: the customer's; it stays as an empty row.
        removed: rows that were removed or emptied, by table.
        records: (connection's name, record's id) of the CRM records that are left as they are.
    """

    id: str
    removed: Mapping[str, int]
    records: Sequence[tuple[str, str]]


def erase(
    database: Database,
    organisation_id: str,
    name: str,
    *,
    actor: str,
    preview: bool = False,
    version: int | None = None,
) -> Erased:
    """Erase a customer, deleted or not: external id, id, or the beginning of its id.

    Args:
        database: where it is kept.
        organisation_id: whose it is.
        name: which.
        actor: who asks for it.
        preview: change nothing.
        version: that was read; None if the caller does not care.

    Raises:
        NotFoundError: there is no such customer, or several, or it is erased already.
        VersionMoved: it has another version.
        BadInput: contracts that run bill it, or count on it to pay.
        Conflicted: it is being written to a CRM, or was merged with another customer there and nobody has
            decided yet who lives on.
    """
    with database.transaction() as tx, tx.begin_nested() as tried:
        walls.wait_longer(tx, LONG_PATIENCE)
        customer = _find(tx, organisation_id, name)
        expect(customer.row, version)
        at = now(tx)
        refuse_while_billed(tx, organisation_id, customer.id, at)
        traces = find_traces(tx, organisation_id, customer.row)
        _refuse_at_work(tx, traces)
        joined = links.with_connections(tx, customer.id)
        erasure.wipe(tx, traces)
        numbers = tombstones.bury(tx, organisation_id, customer.id, customer.row["external_fold"], at)
        removed = {"customers": 1, "tax_ids": numbers, "links": len(joined), **traces.removed}
        found = Erased(
            id=customer.id,
            removed={name: count for name, count in removed.items() if count},
            records=[(row["name"], row["ref"]) for row in joined],
        )
        if preview:
            tried.rollback()
            return found
        release_emails(tx, organisation_id, [(customer, {"email": None})])
        details: dict[str, JSON] = {"removed": dict(found.removed)}
        audit.write(
            tx, organisation_id, actor=actor, action="customer.erased", subject=customer.id, details=details
        )
    return found


def _find(tx: Tx, organisation_id: str, name: str) -> StoredCustomer:
    """A customer by its external id or id: the living one before those that are deleted."""
    ways = [table.c.external_id == name, table.c.id == name]
    if len(name) >= 8:
        ways.append(table.c.id.startswith(name, autoescape=True))
    found = [
        each
        for each in customers.load(tx, organisation_id, *ways, lock=True)
        if each.row["erased_at"] is None
    ]
    living = [each for each in found if each.row["deleted_at"] is None]
    exact = [each for each in found if each.id == name]
    chosen = exact or living or found
    if len(chosen) != 1:
        what = "There is no customer" if not chosen else "There are several customers"
        ids = ", ".join(each.id for each in chosen[:5])
        raise NotFoundError(
            f"{what} to be erased with the id {name}.",
            cure=f"Name one of: {ids}" if chosen else "See them with: concord customers list",
        )
    return chosen[0]


def _refuse_at_work(tx: Tx, traces: Traces) -> None:
    if writing := erasure.open_writes(tx, traces.id):
        raise Conflicted(
            f"The customer is being written to {', '.join(writing)}; it is not known yet what landed.",
            cure=f"Let it be settled first: concord sync {writing[0]}",
        )
    merged = first(
        tx,
        select(conflicts_table.c.id).where(
            about(traces),
            conflicts_table.c.kind == ConflictKind.REMOTE_MERGED,
            conflicts_table.c.state == conflicts.OPEN,
        ),
    )
    if merged is not None:
        raise Conflicted(
            "Its CRM record was merged with that of another customer, and nobody has decided who lives on.",
            cure=f"Decide it first: concord conflicts resolve {merged['id']}",
        )
