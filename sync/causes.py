"""What goes wrong, grouped by its cause, with the cure: records that were not taken, and runs that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sync.core.actions import QUARANTINE, ConflictKind
from sync.decisions import Decision
from sync.resolve import Outcome, resolve_all
from sync.store import troubles
from sync.store.session import Database, Tx

MOST = 500
"""Records that are tried again at once."""
UNSAID = "it gave no reason"
_CURES = {
    ConflictKind.PUSH_REJECTED: "Correct the value here, or the CRM's rule that refuses it; then try again.",
    ConflictKind.INVALID_RECORD: "Correct the record in the CRM; then try again, or wait for the next look.",
}


@dataclass(slots=True)
class Cause:
    """One cause, and what it keeps from going on.

    Args:
        kind: of the questions.
        connection_id: where.
        path: the field at fault; empty for the record as a whole.
        why: in the CRM's words, or in ours.
        ids: of the questions, oldest first.
    """

    kind: ConflictKind
    connection_id: str
    path: str
    why: str
    ids: list[str] = field(default_factory=list)

    @property
    def cure(self) -> str:
        """What a person does about it."""
        return _CURES[self.kind]


@dataclass(frozen=True, slots=True)
class Failure:
    """Runs of one connection that failed for one reason: how many, and the latest of them."""

    connection_id: str
    reason: str
    count: int
    run_id: str
    at: datetime


def of_records(tx: Tx, organisation_id: str, *, run_id: str | None = None) -> list[Cause]:
    """Why records wait that could not be taken, the most frequent cause first; of one run if it is named."""
    found: dict[tuple[str, str, str, str], Cause] = {}
    for row in troubles.quarantined(tx, organisation_id, sorted(QUARANTINE), run_id=run_id):
        first: dict[str, str] = next(iter(row["reasons"] or []), {})
        at, why = str(first.get("field") or ""), str(first.get("why") or UNSAID)
        cause = found.setdefault(
            (row["kind"], row["connection_id"], at, why),
            Cause(ConflictKind(row["kind"]), row["connection_id"], at, why),
        )
        cause.ids.append(row["id"])
    return sorted(found.values(), key=lambda each: -len(each.ids))


def of_runs(tx: Tx, organisation_id: str) -> Sequence[Failure]:
    """Why runs failed within a week, where nothing of their kind has gone well since."""
    return [
        Failure(row["connection_id"], row["reason"] or UNSAID, row["n"], row["latest"], row["at"])
        for row in troubles.failed(tx, organisation_id)
    ]


def retry(database: Database, organisation_id: str, run_id: str, *, actor: str) -> list[Outcome]:
    """Try again what a run could not take, the oldest first, `MOST` at once."""
    with database.reading() as tx:
        ids = [each for cause in of_records(tx, organisation_id, run_id=run_id) for each in cause.ids]
    if not ids:
        return []
    decided = resolve_all(
        database,
        organisation_id,
        Decision(retry=True),
        actor=actor,
        kind=None,
        ids=sorted(ids)[:MOST],
        progress=lambda _done: None,
    )
    return list(decided)
