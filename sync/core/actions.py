"""The closed union of what a plan may do. The same objects are previewed, applied, reported and undone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

from connectors.records import JSON, Fields
from sync.core import normalise
from sync.core.diff import Baseline, Changeset
from sync.core.match import LinkState


class ConflictKind(StrEnum):
    """The kinds of rows in the conflict queue (design, section 8)."""

    ADDRESS_MISMATCH = "address_mismatch"
    ADDRESS_INVALID = "address_invalid"
    FIELD_CONFLICT = "field_conflict"
    AMBIGUOUS_MATCH = "ambiguous_match"
    MISSING_EXTERNAL_ID = "missing_external_id"
    KEY_CHANGED = "key_changed"
    EMAIL_TAKEN = "email_taken"
    IMMUTABLE_FIELD = "immutable_field"
    REMOTE_DELETED = "remote_deleted"
    REMOTE_MERGED = "remote_merged"
    DELETE_VS_EDIT = "delete_vs_edit"
    PUSH_REJECTED = "push_rejected"
    INVALID_RECORD = "invalid_record"


QUARANTINE = frozenset({ConflictKind.PUSH_REJECTED, ConflictKind.INVALID_RECORD})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CreateCustomer:
    """Make a customer of a CRM record and link the two."""

    ref: str
    external_id: str | None
    fields: Fields
    baseline: Baseline


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCustomer:
    """Write the CRM's values to the customer. `overwrites`: paths where a local edit loses to a rule."""

    customer_id: str
    changes: Changeset
    overwrites: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CreateCrm:
    """Make a CRM record of a customer."""

    customer_id: str
    external_id: str
    fields: Fields


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCrm:
    """Write the customer's values to the CRM record; `external_id` too where that is given."""

    customer_id: str
    ref: str
    changes: Changeset
    overwrites: frozenset[str] = frozenset()
    external_id: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MakeLink:
    """Join an existing customer and a CRM record."""

    customer_id: str
    ref: str
    state: LinkState
    baseline: Baseline
    doubted: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AdjustLink:
    """Change a link: its state, some pairs of its baseline, the ref it points to."""

    link_id: str
    state: LinkState | None = None
    baseline: Baseline = dataclasses.field(default_factory=dict)
    ref: str | None = None
    forget_accepted: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """What a row of the queue holds. One open row per (subject, kind, field).

    Args:
        subject: `ref:<ref>`, or `key:<folded external id>` where several records share the doubt.
        field: the field that is held alone; empty where the row stands for the whole record.
        local: our values, `remote` the CRM's, `baseline` what both last agreed on.
        landed: what the CRM has now, where that is no longer `remote`.
        sticky: stays open until a person decides, even when the sides look equal.
    """

    kind: ConflictKind
    subject: str
    field: str = ""
    ref: str | None = None
    customer_id: str | None = None
    local: Fields = dataclasses.field(default_factory=dict)
    remote: Fields = dataclasses.field(default_factory=dict)
    baseline: Baseline = dataclasses.field(default_factory=dict)
    landed: Fields = dataclasses.field(default_factory=dict)
    reasons: tuple[Mapping[str, JSON], ...] = ()
    sticky: bool = False

    @property
    def third(self) -> Fields:
        """What the CRM has now, of the fields where that is neither our value nor `remote`.

        Whoever decides replaces it, and has to see it before.
        """
        return {
            path: value
            for path, value in self.landed.items()
            if not any(
                normalise.identical(path, value, side[path])
                for side in (self.local, self.remote)
                if path in side
            )
        }


Action: TypeAlias = CreateCustomer | UpdateCustomer | CreateCrm | UpdateCrm | MakeLink | AdjustLink


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordPlan:
    """What is to be done about one record.

    Args:
        ref: the CRM record; None for a customer that is to be created there.
        customer_id: the customer, where there is one already.
        actions: what to apply, in order.
        conflicts: every row that should be open for this record; others of it close as superseded.
        subjects: whose open rows this plan speaks for.
        matched: whether a CRM record and an existing customer were joined for the first time.
        kept: field → why nothing moved although a side changed (a blank, a poorer form).
        doubts: of a link with doubted fields, those that still are; None leaves them as they are.
        out_of_scope: the record is none of the connection's business at present: nothing of it moves.
    """

    ref: str | None
    customer_id: str | None = None
    actions: tuple[Action, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    subjects: tuple[str, ...] = ()
    matched: bool = False
    kept: Mapping[str, str] = dataclasses.field(default_factory=dict)
    doubts: frozenset[str] | None = None
    out_of_scope: bool = False


def subject_of(ref: str) -> str:
    """The subject of rows about one CRM record."""
    return f"ref:{ref}"


def key_subject(folded_external_id: str) -> str:
    """The subject of rows about every record that shares an external id."""
    return f"key:{folded_external_id}"


def customer_subject(customer_id: str) -> str:
    """The subject of rows about a customer that has no CRM record yet."""
    return f"customer:{customer_id}"
