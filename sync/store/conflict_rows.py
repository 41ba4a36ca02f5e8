"""How a conflict stands in its table, and what a dismissal of it speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from sync.clock import new_id
from sync.core.actions import Conflict, ConflictKind
from sync.store.baselines import pack_fields, pack_pairs


def identity(row: Mapping[str, Any]) -> str:
    """What a dismissal speaks of: the row's key, and what was shown of both sides.

    A record without a key is let be for good, until it has one. Of records that share a key it is let be
    that just these share it: a newcomer is a new question.
    """
    parts = [row[name] for name in ("subject", "kind", "field")]
    if row["kind"] == ConflictKind.AMBIGUOUS_MATCH:
        parts.append(row["reasons"])
    elif row["kind"] != ConflictKind.MISSING_EXTERNAL_ID:
        parts += [row["local"], row["remote"]]
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS).decode()


def values_of(conflict: Conflict) -> dict[str, Any]:
    """The columns that a new look at the same question brings up to date."""
    return {
        "ref": conflict.ref,
        "customer_id": conflict.customer_id,
        "local": pack_fields(conflict.local),
        "remote": pack_fields(conflict.remote),
        "baseline": pack_pairs(conflict.baseline),
        "landed": pack_fields(conflict.landed),
        "reasons": [dict(reason) for reason in conflict.reasons],
        "sticky": conflict.sticky,
    }


def new_row(conflict: Conflict, values: Mapping[str, Any], *, run_id: str, at: datetime) -> dict[str, Any]:
    """A row, but for its state and its owner; `values` as `values_of` gives them."""
    return {
        "id": new_id(),
        "kind": conflict.kind.value,
        "subject": conflict.subject,
        "field": conflict.field,
        **values,
        "version": 1,
        "first_seen": at,
        "last_seen": at,
        "run_id": run_id,
        "assignee": None,
        "notes": None,
        "decision": None,
        "decided_by": None,
        "decided_at": None,
    }


def notes_of(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """The notes on a row, oldest first; each has `at`, `by` and `note`."""
    return orjson.loads(row["notes"]) if row["notes"] else []


def with_note(row: Mapping[str, Any], *, at: datetime, by: str, text: str) -> str:
    """The notes column with one note more."""
    return orjson.dumps([*notes_of(row), {"at": at.isoformat(), "by": by, "note": text}]).decode()
