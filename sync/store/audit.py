"""The audit: who did what, when; of an edit made here also what each field was and became."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import insert, select

from connectors.records import JSON
from sync.clock import new_id
from sync.store.query import Row, now, rows
from sync.store.session import Tx
from sync.store.worktables import audit


def write(
    tx: Tx,
    organisation_id: str,
    *,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, JSON] | None = None,
) -> None:
    """Note one deed of a person or of Concord itself."""
    write_many(tx, [(organisation_id, subject, details or {})], actor=actor, action=action)


def write_many(
    tx: Tx, deeds: Sequence[tuple[str, str, Mapping[str, JSON]]], *, actor: str, action: str
) -> None:
    """Note one deed for each (organisation, subject, details), in one statement."""
    at = now(tx)
    made = [
        {
            "id": new_id(),
            "organisation_id": organisation_id,
            "at": at,
            "actor": actor,
            "action": action,
            "subject": subject,
            "details": dict(details),
        }
        for organisation_id, subject, details in deeds
    ]
    tx.execute(insert(audit), made)


def listing(tx: Tx, organisation_id: str, *, limit: int = 100) -> list[Row]:
    """The latest entries, newest first."""
    statement = select(audit).where(audit.c.organisation_id == organisation_id)
    return rows(tx, statement.order_by(audit.c.id.desc()).limit(limit))
