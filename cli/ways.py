"""How each kind of question can be decided: the options of `concord conflicts resolve ID`."""

from __future__ import annotations

from collections.abc import Mapping

from sync.core.actions import ConflictKind

_VALUES = "--take ours|theirs | --set FIELD=VALUE | --dismiss"
WAYS: Mapping[ConflictKind, str] = {
    ConflictKind.ADDRESS_MISMATCH: _VALUES,
    ConflictKind.ADDRESS_INVALID: _VALUES,
    ConflictKind.FIELD_CONFLICT: _VALUES,
    ConflictKind.AMBIGUOUS_MATCH: "--link CUSTOMER --ref RECORD | --dismiss",
    ConflictKind.MISSING_EXTERNAL_ID: "--link CUSTOMER | --create | --dismiss",
    ConflictKind.KEY_CHANGED: "--take ours|theirs | --dismiss",
    ConflictKind.EMAIL_TAKEN: "--take ours | --set email=VALUE | --dismiss",
    ConflictKind.IMMUTABLE_FIELD: "--take ours | --dismiss",
    ConflictKind.REMOTE_DELETED: "--take ours|theirs | --ref RECORD | --dismiss",
    ConflictKind.REMOTE_MERGED: "--link CUSTOMER | --dismiss",
    ConflictKind.DELETE_VS_EDIT: "--take ours|theirs | --dismiss",
    ConflictKind.PUSH_REJECTED: "--retry | --dismiss",
    ConflictKind.INVALID_RECORD: "--retry | --dismiss",
}
