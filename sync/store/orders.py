"""Runs that a person asked for, and that wait for a worker."""

from __future__ import annotations

from sqlalchemy import update

from sync.store.query import now
from sync.store.session import Tx
from sync.store.worktables import runs


def take(tx: Tx, run_id: str, owner: str) -> bool:
    """Begin a run that waits for a worker; of several workers one gets it."""
    mine = (runs.c.id == run_id, runs.c.state == "queued", runs.c.owner.is_(None))
    taken = update(runs).where(*mine).values(owner=owner, started_at=now(tx)).returning(runs.c.id)
    return tx.execute(taken).first() is not None


def put_back(tx: Tx, run_id: str) -> None:
    """Let a run wait for a worker again."""
    back = {"state": "queued", "owner": None, "finished_at": None, "reason": None}
    tx.execute(update(runs).where(runs.c.id == run_id).values(**back))
