"""What is kept for some time only: events that came, jobs that are done, calls that were counted, answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Table, delete, select, tuple_

from sync.store.keytables import idempotency
from sync.store.query import now
from sync.store.session import Tx
from sync.store.types import later
from sync.store.worktables import budgets, inbox, jobs

EVENTS_SECONDS = 7 * 86_400.0
"""CRMs repeat a delivery for 24 hours at most; later one costs a fetch, and changes nothing."""

JOBS_SECONDS = 7 * 86_400.0
BUDGETS_DAYS = 40
ANSWERS_SECONDS = 48 * 3_600.0
"""For so long a call that is repeated under its idempotency key gets the answer that it got."""

BATCH = 1_000


def forget_old(tx: Tx) -> bool:
    """Remove some of what is old; True if there may be more."""
    first_day = (now(tx) - timedelta(days=BUDGETS_DAYS)).date().isoformat()
    removed = [
        _forget(tx, inbox, inbox.c.received_at < later(-EVENTS_SECONDS)),
        _forget(tx, jobs, jobs.c.state == "done", jobs.c.finished_at < later(-JOBS_SECONDS)),
        _forget(tx, budgets, budgets.c.day < first_day),
        _forget(tx, idempotency, idempotency.c.created_at < later(-ANSWERS_SECONDS)),
    ]
    return max(removed) >= BATCH


def _forget(tx: Tx, table: Table, *conditions: Any) -> int:
    key = list(table.primary_key.columns)
    old = select(*key).where(*conditions).limit(BATCH)
    return tx.execute(delete(table).where(tuple_(*key).in_(old))).rowcount
