"""`/runs`: syncs, as they are asked for, planned, approved, and as they went."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from sync import approve, orders
from sync.errors import NotFoundError
from sync.report import HIDDEN
from sync.selection import Selection, read
from sync.steps import Order
from sync.store import connections, runs
from sync.store.query import Row
from sync.store.session import Database, Tx
from sync.undo import ask_undo
from web.api.answers import DECIDING, READING, answer
from web.api.caller import Caller, Reader, Reviewer, Writer
from web.api.conflict import ConnectionName
from web.api.found import connection_id
from web.api.once import OnlyOnce
from web.api.paging import Page
from web.api.route import ApiRoute
from web.api.run import ChangeOut, Kind, PlannedOut, RunIn, RunOut, SelectionIn, UndoIn, UndoOut
from web.api.sequence import InSequence
from web.api.types import Id, shown_id
from web.problems import Refusal

router = APIRouter(route_class=ApiRoute, tags=["runs"])
_CONNECTION = Query(max_length=200, description="Name or id of a connection.")
_LIMIT = Query(ge=1, le=200, description="Records per page.")
_NUMBER = Query(pattern="^[0-9]{1,18}$", description="`next_cursor` of the page before.")
_SUBJECT = Query(max_length=1_000, description="`next_cursor` of the page before.")


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
    return answer(Page[RunOut](data=[run_shown(row, names) for row in page], next_cursor=cursor))


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


@router.post("/runs/{run_id}/undo", status_code=202, response_model=UndoOut, responses=DECIDING)
def undo_run(caller: Reviewer, run_id: Id, given: UndoIn, once: OnlyOnce) -> Response:
    """Let a worker put back what a run, or a decision, did.

    Only the side that the run wrote goes back; what anybody has changed since is left alone. Each new run
    says in its plan what goes back, and what is left alone and why. With `preview` nothing is written.
    """

    def effect(database: Database) -> Response:
        with database.reading() as tx:
            _found(tx, caller, run_id)
        asked = ask_undo(
            database,
            caller.organisation_id,
            run_id,
            actor=caller.actor,
            record=given.record,
            preview=given.preview,
        )
        with database.reading() as tx:
            names = connections.named(tx, caller.organisation_id)
            shown = [run_shown(_found(tx, caller, each), names) for each in asked]
        return answer(UndoOut(runs=shown), status=202, headers={"Location": f"/runs/{shown_id(asked[0])}"})

    made = once(effect)
    caller.site.wake()
    return made


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
    return answer(run_shown(row, names), status=status, headers=place)


def run_shown(row: Row, names: dict[str, str]) -> RunOut:
    """A run as it is shown, with the names of connections by id."""
    apart: dict[str, Any] = {
        "connection": ConnectionName(id=row["connection_id"], name=names[row["connection_id"]]),
        "counts": {name: value for name, value in (row["counts"] or {}).items() if name not in HIDDEN},
        "calls": row["calls"] or {},
    }
    kept = {name: row[name] for name in RunOut.model_fields if name not in apart}
    return RunOut(**kept, **apart)
