"""`/runs`: syncs, as they are asked for, planned, approved, and as they went."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from sync import approve, orders
from sync.errors import NotFoundError
from sync.selection import Selection, read
from sync.steps import Order
from sync.store import connections, runs
from sync.store.query import Row
from sync.store.session import Database, Tx
from web.api.answers import DECIDING, READING, answer
from web.api.caller import Caller, Reader, Reviewer, Writer
from web.api.conflict import ConnectionName
from web.api.found import connection_id
from web.api.once import OnlyOnce
from web.api.paging import Page
from web.api.route import ApiRoute
from web.api.sequence import InSequence
from web.api.types import At, Id, shown_id
from web.problems import Refusal

router = APIRouter(route_class=ApiRoute, tags=["runs"])
MOST_NAMED = 10_000
_HIDDEN = ("braked", "blanked")
_CONNECTION = Query(max_length=200, description="Name or id of a connection.")
_LIMIT = Query(ge=1, le=200, description="Records per page.")
_NUMBER = Query(pattern="^[0-9]{1,18}$", description="`next_cursor` of the page before.")
_SUBJECT = Query(max_length=1_000, description="`next_cursor` of the page before.")
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


@router.get("/runs", response_model=Page[RunOut], responses=READING)
def list_runs(
    caller: Reader,
    sequel: InSequence,
    *,
    connection: Annotated[str | None, _CONNECTION] = None,
    kind: Annotated[str | None, Query(max_length=50)] = None,
    state: Annotated[str | None, Query(max_length=50)] = None,
) -> Response:
    """Runs that meet every condition, newest first."""
    mine = caller.organisation_id
    with caller.database.reading() as tx:
        found = runs.listing(
            tx,
            mine,
            connection_id=None if connection is None else connection_id(tx, mine, connection),
            kind=kind,
            state=state,
            before=sequel.after,
            limit=sequel.wanted,
        )
        page, cursor = sequel.cut(found)
        names = connections.named(tx, mine)
    return answer(Page[RunOut](data=[_shown(row, names) for row in page], next_cursor=cursor))


@router.post("/runs", status_code=202, response_model=RunOut, responses=DECIDING)
def start_run(caller: Writer, given: RunIn, once: OnlyOnce) -> Response:
    """Ask for a run, which a worker carries out.

    Follow it at `Location`. The first sync of a connection makes a plan and stops for an approval.
    """

    def effect(database: Database) -> Response:
        mine = caller.organisation_id
        with database.reading() as tx:
            connection = connections.load(tx, connection_id(tx, mine, given.connection))
        order = Order(
            kind=given.kind.value,
            trigger="manual",
            actor=caller.actor,
            full=given.full,
            dry=given.preview or given.kind is Kind.PLAN,
            selection=_selection(given.selection, [line.field for line in connection.settings.map]),
        )
        return _one(caller, database, orders.place(database, connection, order), status=202)

    made = once(effect)
    caller.site.wake()
    return made


@router.get("/runs/{run_id}", response_model=RunOut, responses=READING)
def get_run(caller: Reader, run_id: Id) -> Response:
    """One run with its counts."""
    return _one(caller, caller.database, run_id)


@router.get("/runs/{run_id}/changes", response_model=Page[ChangeOut], responses=READING)
def list_changes_of_run(
    caller: Reader,
    run_id: Id,
    limit: Annotated[int, _LIMIT] = 50,
    cursor: Annotated[str | None, _NUMBER] = None,
) -> Response:
    """What a run changed, record by record, in the order in which it did."""
    with caller.database.reading() as tx:
        _found(tx, caller, run_id)
        after = -1 if cursor is None else int(cursor)
        found = runs.changes_of(tx, run_id, after=after, limit=limit + 1)
    page = found[:limit]
    more = str(page[-1]["seq"]) if len(found) > limit else None
    data = [ChangeOut(**{name: row[name] for name in ChangeOut.model_fields}) for row in page]
    return answer(Page[ChangeOut](data=data, next_cursor=more))


@router.get("/runs/{run_id}/plan", response_model=Page[PlannedOut], responses=READING)
def list_plan_of_run(
    caller: Reader,
    run_id: Id,
    limit: Annotated[int, _LIMIT] = 50,
    cursor: Annotated[str | None, _SUBJECT] = None,
) -> Response:
    """What a run would do, or would have done, record by record."""
    with caller.database.reading() as tx:
        _found(tx, caller, run_id)
        found = runs.planned(tx, run_id, after=cursor or "", limit=limit + 1)
    page = found[:limit]
    more = str(page[-1]["subject"]) if len(found) > limit else None
    data = [PlannedOut(**{name: row[name] for name in PlannedOut.model_fields}) for row in page]
    return answer(Page[PlannedOut](data=data, next_cursor=more))


@router.post("/runs/{run_id}/approve", status_code=202, response_model=RunOut, responses=DECIDING)
def approve_run(caller: Reviewer, run_id: Id, once: OnlyOnce) -> Response:
    """Let a worker carry out exactly the plan of a run that waits; another run does it."""

    def effect(database: Database) -> Response:
        with database.reading() as tx:
            _found(tx, caller, run_id)
        orders.approve(database, caller.organisation_id, run_id, actor=caller.actor)
        return _one(caller, database, run_id, status=202)

    made = once(effect)
    caller.site.wake()
    return made


@router.post("/runs/{run_id}/cancel", response_model=RunOut, responses=DECIDING)
def cancel_run(caller: Reviewer, run_id: Id, once: OnlyOnce) -> Response:
    """Cancel a run that waits or is at work; what it has done stays done."""

    def effect(database: Database) -> Response:
        with database.reading() as tx:
            _found(tx, caller, run_id)
        approve.cancel(database, caller.organisation_id, run_id, actor=caller.actor)
        return _one(caller, database, run_id)

    return once(effect)


def _selection(given: SelectionIn | None, mapped: list[str]) -> Selection | None:
    return None if given is None else read(given.model_dump(), mapped)


def _found(tx: Tx, caller: Caller, run_id: str) -> Row:
    try:
        return runs.find(tx, caller.organisation_id, run_id)
    except NotFoundError:
        raise Refusal(404, "There is no run of this id.") from None


def _one(caller: Caller, database: Database, run_id: str, *, status: int = 200) -> Response:
    with database.reading() as tx:
        row = _found(tx, caller, run_id)
        names = connections.named(tx, caller.organisation_id)
    place = {"Location": f"/runs/{shown_id(run_id)}"} if status == 202 else None
    return answer(_shown(row, names), status=status, headers=place)


def _shown(row: Row, names: dict[str, str]) -> RunOut:
    apart: dict[str, Any] = {
        "connection": ConnectionName(id=row["connection_id"], name=names[row["connection_id"]]),
        "counts": {name: value for name, value in (row["counts"] or {}).items() if name not in _HIDDEN},
        "calls": row["calls"] or {},
    }
    kept = {name: row[name] for name in RunOut.model_fields if name not in apart}
    return RunOut(**kept, **apart)
