"""The audit: who did what, when; of an edit made here also what each field was and became."""

from __future__ import annotations

from collections.abc import Mapping

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
    tx.execute(
        insert(audit).values(
            id=new_id(),
            organisation_id=organisation_id,
            at=now(tx),
            actor=actor,
            action=action,
            subject=subject,
            details=dict(details or {}),
        )
    )


def listing(tx: Tx, organisation_id: str, *, limit: int = 100) -> list[Row]:
    """The latest entries, newest first."""
    statement = select(audit).where(audit.c.organisation_id == organisation_id)
    return rows(tx, statement.order_by(audit.c.id.desc()).limit(limit))
