"""How each kind of question can be decided together with others, and what that does, in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sync.core.actions import ConflictKind
from sync.resolve import Outcome

_BOTH = {"ours": "", "theirs": "", "dismiss": "leaves both as they are"}
_OURS = {"ours": "", "dismiss": "leaves both as they are"}
_AGAIN = {"retry": "tries again", "dismiss": "leaves both as they are"}
EFFECTS: Mapping[str, Mapping[str, str]] = {
    ConflictKind.ADDRESS_MISMATCH: _BOTH,
    ConflictKind.ADDRESS_INVALID: _BOTH,
    ConflictKind.FIELD_CONFLICT: _BOTH,
    ConflictKind.EMAIL_TAKEN: _OURS,
    ConflictKind.IMMUTABLE_FIELD: _OURS,
    ConflictKind.PUSH_REJECTED: _AGAIN,
    ConflictKind.INVALID_RECORD: _AGAIN,
    ConflictKind.AMBIGUOUS_MATCH: {"dismiss": "leaves them apart"},
    ConflictKind.REMOTE_MERGED: {"dismiss": "parts both customers from the record"},
    ConflictKind.MISSING_EXTERNAL_ID: {
        "create": "makes a customer of the record",
        "dismiss": "leaves the record alone",
    },
    ConflictKind.KEY_CHANGED: {
        "ours": "writes our number to the CRM",
        "theirs": "takes their number here",
        "dismiss": "parts the customer from the record",
    },
    ConflictKind.REMOTE_DELETED: {
        "ours": "makes the record in the CRM again",
        "theirs": "deletes the customer here",
        "dismiss": "keeps the customer, without a record",
    },
    ConflictKind.DELETE_VS_EDIT: {
        "ours": "leaves the customer deleted",
        "theirs": "brings the customer back here",
        "dismiss": "leaves the customer deleted",
    },
}
"""Kind → way → what it does; empty where the values that it writes say that."""
_NOT_SO = "A question of this kind cannot be decided so; open it."


def fitting(outcome: Outcome, way: str) -> Outcome:
    """An outcome as it was foreseen; refused if its kind knows no such way."""
    if way in EFFECTS[outcome.kind]:
        return outcome
    return replace(outcome, result="refused", reason=_NOT_SO, writes={})


def effect(kind: str, way: str) -> str:
    """What a way does with a question of a kind; empty where its values say that."""
    return EFFECTS[kind].get(way, "")
