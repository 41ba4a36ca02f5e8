"""A row of the conflict queue as the API shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field, JsonValue

from connectors.records import to_json
from sync.core.actions import ConflictKind
from sync.store import connections
from sync.store.baselines import pack_fields, unpack_pairs
from sync.store.conflict_rows import notes_of
from sync.store.conflicts import StoredConflict
from sync.store.session import Tx
from web.api.types import At, Id

_VALUES = {"email": "billing@acme.example"}


class ConnectionName(BaseModel):
    """The connection that something belongs to."""

    id: Id
    name: str = Field(examples=["salesforce"])


class PairOut(BaseModel):
    """What both sides last agreed on, each in its own form."""

    local: JsonValue = Field(examples=["CA"])
    crm: JsonValue = Field(examples=["California"])


class NoteOut(BaseModel):
    """A note on a row."""

    at: At
    by: str = Field(examples=["api:reviews"])
    note: str = Field(examples=["Asked the customer."])


class ConflictOut(BaseModel):
    """A question for a person, with the values of both sides. `version` is that of the question."""

    id: Id
    connection: ConnectionName
    kind: ConflictKind
    field: str = Field(description="Empty if it is about several, or none.", examples=["email"])
    state: str = Field(examples=["open"])
    customer_id: Id | None
    ref: str | None = Field(description="The CRM's own id of the record.", examples=["0015g00000XyZabAAF"])
    local: dict[str, JsonValue] = Field(description="Our values, by field.", examples=[_VALUES])
    remote: dict[str, JsonValue] = Field(description="The CRM's values, by field.", examples=[_VALUES])
    baseline: dict[str, PairOut]
    third: dict[str, JsonValue] = Field(
        description="What the CRM has now, by field, where that is neither of both: a decision replaces it.",
        examples=[{}],
    )
    reasons: list[dict[str, JsonValue]]
    assignee: str | None = Field(examples=["jane@acme.example"])
    notes: list[NoteOut]
    version: int
    first_seen: At
    last_seen: At
    run_id: Id | None
    decision: dict[str, JsonValue] | None
    decided_by: str | None = Field(examples=["api:reviews"])
    decided_at: At | None


_AS_KEPT = (
    *("id", "kind", "field", "state", "customer_id", "ref", "local", "remote", "reasons", "assignee"),
    *("version", "first_seen", "last_seen", "run_id", "decision", "decided_by", "decided_at"),
)


def shown(tx: Tx, found: Sequence[StoredConflict]) -> list[ConflictOut]:
    """Rows as they are shown; one statement for all of them."""
    names = connections.names(tx, list({each.row["connection_id"] for each in found}))
    return [_shown(each, names) for each in found]


def pairs(packed: dict[str, Any] | None) -> dict[str, PairOut]:
    """A baseline as it is shown."""
    known = unpack_pairs(packed) or {}
    return {path: PairOut(local=to_json(ours), crm=to_json(theirs)) for path, (ours, theirs) in known.items()}


def _shown(stored: StoredConflict, names: dict[str, str]) -> ConflictOut:
    row = stored.row
    place = row["connection_id"]
    return ConflictOut(
        **{name: row[name] for name in _AS_KEPT},
        connection=ConnectionName(id=place, name=names[place]),
        baseline=pairs(row["baseline"]),
        third=pack_fields(stored.conflict().third),
        notes=[NoteOut.model_validate(each) for each in notes_of(row)],
    )
