"""Runs as they are asked for and shown."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from web.api.conflict import ConnectionName
from web.api.types import At, Id

MOST_NAMED = 10_000
Name = Annotated[str, Field(min_length=1, max_length=255)]


class Kind(StrEnum):
    """What a person may ask for."""

    SYNC = "sync"
    PLAN = "plan"
    RESYNC = "resync"


class SelectionIn(BaseModel):
    """Which records a resync takes: exactly one of `ids`, `refs`, `where` and `all`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"ids": ["ACME-42"]}]})

    ids: list[Name] = Field(
        default_factory=list, max_length=MOST_NAMED, description="External ids, or the CRM's own ids."
    )
    refs: list[Name] = Field(default_factory=list, max_length=MOST_NAMED, description="The CRM's own ids.")
    where: list[dict[str, JsonValue]] = Field(
        default_factory=list,
        max_length=20,
        description="Conditions, all of which a record meets on either side.",
        examples=[[{"field": "address.country_code", "in": ["US", "CA"]}]],
    )
    all: bool = Field(default=False, strict=True)
    skip_unknown: bool = Field(
        default=False, strict=True, description="Pass over ids that neither side knows, and list them."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> SelectionIn:
        if sum(map(bool, (self.ids, self.refs, self.where, self.all))) != 1:
            raise ValueError("give exactly one of ids, refs, where and all")
        return self


class RunIn(BaseModel):
    """A run that is asked for."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"connection": "salesforce", "kind": "sync"}]}
    )

    connection: str = Field(max_length=200, description="Name or id.", examples=["salesforce"])
    kind: Kind = Kind.SYNC
    full: bool = Field(default=False, strict=True, description="List every record, not only what changed.")
    preview: bool = Field(default=False, strict=True, description="Of a resync: plan only.")
    selection: SelectionIn | None = Field(default=None, description="Of a resync.")

    @model_validator(mode="after")
    def _consistent(self) -> RunIn:
        if (self.selection is not None) != (self.kind is Kind.RESYNC):
            raise ValueError("a resync takes a selection, and nothing else does")
        if self.preview and self.kind is not Kind.RESYNC:
            raise ValueError("preview is for a resync; of a sync ask for a plan")
        if self.full and self.kind is Kind.RESYNC:
            raise ValueError("full is not for a resync")
        return self


class RunOut(BaseModel):
    """A run. One that is `queued` waits for a worker, one that is `needs_approval` for a person."""

    id: Id
    connection: ConnectionName
    kind: str = Field(examples=["sync"])
    trigger: str = Field(examples=["manual"])
    actor: str = Field(examples=["api:billing"])
    state: str = Field(examples=["done"])
    reason: str | None
    counts: dict[str, JsonValue] = Field(examples=[{"pulled": 12, "writes": 3}])
    calls: dict[str, int] = Field(description="Calls to the CRM, by kind.")
    planned: dict[str, JsonValue] | None = Field(description="Of a plan: records by action.")
    progress: dict[str, JsonValue] | None
    selection: dict[str, JsonValue] | None
    started_at: At
    finished_at: At | None


class UndoIn(BaseModel):
    """What is to be put back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"preview": True}]})

    preview: bool = Field(default=False, strict=True, description="Plan only.")
    record: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        description="Only this record: external id, customer id or the CRM's own id.",
        examples=["ACME-42"],
    )


class UndoOut(BaseModel):
    """The runs that put it back: one for each connection."""

    runs: list[RunOut]


class ChangeOut(BaseModel):
    """A change that a run applied."""

    seq: int
    side: str = Field(description="`local`, `crm` or `link`.", examples=["crm"])
    action: str = Field(examples=["update"])
    customer_id: Id | None
    ref: str | None
    fields: dict[str, JsonValue] | None = Field(
        description="Field → value before and after.", examples=[{"email": ["old@acme.example", None]}]
    )
    at: At


class PlannedOut(BaseModel):
    """What a plan does with one record."""

    subject: str = Field(examples=["ref:0015g00000XyZabAAF"])
    customer_id: Id | None
    actions: list[dict[str, JsonValue]]
