"""What people decide on a row of the queue."""

from __future__ import annotations

import random

from sync.core.actions import ConflictKind
from sync.decisions import FIELD_KINDS, Decision, Take
from sync.store.conflicts import StoredConflict


def decision_on(row: StoredConflict, chance: random.Random) -> Decision:
    """Some decision that a row of its kind can be given."""
    kind, draw = ConflictKind(row.row["kind"]), chance.random()
    take = Take.OURS if draw < 0.5 else Take.THEIRS
    if kind in FIELD_KINDS:
        return Decision(dismiss=True) if draw > 0.85 else Decision(take=take)
    if kind in (ConflictKind.AMBIGUOUS_MATCH, ConflictKind.MISSING_EXTERNAL_ID):
        return Decision(dismiss=True)
    if kind is ConflictKind.REMOTE_MERGED:
        named = [str(each) for each in row.conflict().reasons[0]["customers"]]  # type: ignore[union-attr]
        return Decision(link=chance.choice(named))
    if kind in (ConflictKind.PUSH_REJECTED, ConflictKind.INVALID_RECORD):
        return Decision(retry=True)
    return Decision(dismiss=True) if draw > 0.85 else Decision(take=take)
