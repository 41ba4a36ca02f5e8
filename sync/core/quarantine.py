"""Records that cannot be taken, and what stays in the queue whatever else is wrong with a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from connectors.records import JSON
from sync.core.actions import Conflict, ConflictKind, RecordPlan, subject_of
from sync.core.address import AddressVerdict
from sync.core.match import RemoteView


def overwritten(open_rows: Sequence[Conflict]) -> tuple[Conflict, ...]:
    """Rows that hold the only copy of a value: whatever else is wrong with the record, they stay open."""
    return tuple(row for row in open_rows if row.kind is ConflictKind.FIELD_CONFLICT and row.sticky)


def quarantine(
    remote: RemoteView,
    reasons: Sequence[Mapping[str, JSON]],
    customer_id: str | None = None,
    open_rows: Sequence[Conflict] = (),
) -> RecordPlan:
    """A record with values that cannot be taken: nothing moves, and the row says which and why."""
    row = Conflict(
        kind=ConflictKind.INVALID_RECORD,
        subject=subject_of(remote.ref),
        ref=remote.ref,
        customer_id=customer_id,
        remote=dict(remote.fields),
        reasons=tuple(reasons),
    )
    return RecordPlan(
        ref=remote.ref,
        customer_id=customer_id,
        conflicts=(row, *overwritten(open_rows)),
        subjects=(row.subject,),
    )


def verdict_reasons(verdict: AddressVerdict) -> tuple[Mapping[str, JSON], ...]:
    """The address check's reasons as JSON, per component both values and why."""
    return tuple({key: value for key, value in asdict(reason).items() if value} for reason in verdict.reasons)
