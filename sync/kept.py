"""What a run keeps of what it did: changes that it applied, and questions that it could not answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sync.core.actions import Conflict
from sync.store import conflicts, runs
from sync.store.runs import AppliedChange
from sync.store.session import Tx
from sync.work import Work


def keep_applied(tx: Tx, work: Work, applied: Sequence[AppliedChange], at: datetime) -> None:
    """Keep applied changes under the run's next numbers."""
    runs.record(
        tx,
        work.run_id,
        applied,
        connection_id=work.connection_id,
        first_seq=work.take_seqs(len(applied)),
        at=at,
    )


def keep_questions(tx: Tx, work: Work, rows: Sequence[Conflict], at: datetime) -> None:
    """Open rows in the queue, or see them again, and count those that are new."""
    change = conflicts.open_more(
        tx,
        organisation_id=work.organisation_id,
        connection_id=work.connection_id,
        wanted=rows,
        run_id=work.run_id,
        at=at,
    )
    work.tally.opened(change.opened)
