"""What a connection is in doubt about: customers and keys that nothing is created for, records to be read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import and_, func, or_, select

from sync.core.actions import ConflictKind, key_subject
from sync.store.conflicts import DISMISSED, OPEN
from sync.store.query import one_of
from sync.store.schema import conflicts
from sync.store.session import Tx
from sync.store.worktables import jobs


def customers_with_doubts(connection_id: str) -> Any:
    """Subquery: customers for which nothing is created, as a row of this connection speaks of them.

    Either the row is open, or a person dismissed a creation that the CRM had refused.
    """
    refused = and_(conflicts.c.state == DISMISSED, conflicts.c.kind == ConflictKind.PUSH_REJECTED)
    return select(conflicts.c.customer_id).where(
        conflicts.c.connection_id == connection_id,
        or_(conflicts.c.state == OPEN, refused),
        conflicts.c.customer_id.is_not(None),
    )


def doubtful_keys(connection_id: str) -> Any:
    """Subquery: folded external ids that several records share, or that a person left unlinked as such."""
    prefix = key_subject("")
    return select(func.substr(conflicts.c.subject, len(prefix) + 1)).where(
        conflicts.c.connection_id == connection_id,
        conflicts.c.state.in_([OPEN, DISMISSED]),
        conflicts.c.subject.startswith(prefix),
    )


def to_be_read(tx: Tx, connection_id: str, refs: Iterable[str]) -> set[str]:
    """Those of some records that wait to be read again: what is known of them is not to be compared with."""
    waiting = and_(jobs.c.connection_id == connection_id, jobs.c.kind == "fetch", jobs.c.state == "open")
    return set(tx.execute(select(jobs.c.key).where(waiting, one_of(jobs.c.key, refs))).scalars())
