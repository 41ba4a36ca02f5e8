"""`/imports`: customers by a CSV file, planned first; and `/customers.csv`, all of them as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from sync import approve
from sync.errors import NotFoundError
from sync.imports import export, importing, showing
from sync.imports.importing import Reading
from sync.imports.ruling import Action
from sync.store import connections, imports, runs
from sync.store.query import Row
from sync.store.session import Database, Tx
from sync.undo import ask_undo
from web.api.answers import DECIDING, READING, WRITING, answer
from web.api.caller import Caller, Reader, Reviewer, Writer
from web.api.importing import BODY, CSV, ImportedRowOut, ImportOut, csv_file, shown
from web.api.once import InParts, OnlyOnce
from web.api.paging import Page
from web.api.route import ApiRoute
from web.api.run import UndoIn, UndoOut
from web.api.runs import run_shown
from web.api.sequence import InSequence
from web.api.types import Id, shown_id
from web.api.upload import Incoming
from web.problems import Refusal, wrong

router = APIRouter(route_class=ApiRoute, tags=["imports"])
_NAME = Query(max_length=255, description="How the file is called; shown with the import.")
_MAP = Query(
    max_length=500, description="`COLUMN=FIELD`; a column by name or by `#` and its number, `-` for no field."
)
_LIMIT = Query(ge=1, le=200, description="Rows per page.")
_LINE = Query(pattern="^[0-9]{1,18}$", description="`next_cursor` of the page before.")
_CSV_OUT = {**READING, 200: {"content": CSV}}


@router.get("/customers.csv", response_class=Response, responses=_CSV_OUT)
def export_customers(caller: Reader) -> Response:
    """All customers as CSV, oldest first.

    A cell that a spreadsheet would take for a formula begins with a quote, which an import takes off again.
    """
    return csv_file(export.customers_as_csv(caller.database, caller.organisation_id), "customers.csv")


@router.get("/imports", response_model=Page[ImportOut], responses=READING)
def list_imports(caller: Reader, sequel: InSequence) -> Response:
    """Imports, newest first."""
    mine = caller.organisation_id
    with caller.database.reading() as tx:
        found = imports.listing(tx, mine, before=sequel.after, limit=sequel.wanted)
        page, cursor = sequel.cut([run for run, _ in found])
        data = [shown(run, row, imports.same_file(tx, mine, row)) for run, row in found[: len(page)]]
    return answer(Page[ImportOut](data=data, next_cursor=cursor))


@router.post(
    "/imports",
    status_code=202,
    response_model=ImportOut,
    responses=WRITING,
    dependencies=[InParts],
    openapi_extra=BODY,
)
def start_import(
    caller: Writer,
    file: Incoming,
    *,
    file_name: Annotated[str, _NAME] = "import.csv",
    encoding: Annotated[str | None, Query(max_length=50, description="Such as `cp1252`.")] = None,
    delimiter: Annotated[
        str | None, Query(max_length=20, description="`comma`, `semicolon`, `tab`, `pipe`.")
    ] = None,
    header: Annotated[bool | None, Query(description="Whether the first row holds names.")] = None,
    map: Annotated[list[str] | None, _MAP] = None,
) -> Response:
    """Send a CSV file of at most 1 GiB. A worker plans it; nothing is written before it is approved.

    Encoding, delimiter and header are recognised; what cannot be is asked for with 422. Columns are known by
    their names and usual other names; `map` says otherwise.
    """
    columns = _columns(map or ())
    with caller.site.incoming.required():
        made = importing.take_in(
            caller.database,
            caller.organisation_id,
            file.pieces(),
            Reading(encoding=encoding, delimiter=delimiter, header=header, columns=columns),
            file_name=file_name,
            actor=caller.actor,
        )
    caller.site.wake()
    return _one(caller, caller.database, made, status=202)


@router.get("/imports/{import_id}", response_model=ImportOut, responses=READING)
def get_import(caller: Reader, import_id: Id) -> Response:
    """One import: how its file is read, and how many rows become what."""
    return _one(caller, caller.database, import_id)


@router.get("/imports/{import_id}/rows", response_model=Page[ImportedRowOut], responses=READING)
def list_rows_of_import(
    caller: Reader,
    import_id: Id,
    *,
    action: Annotated[Action | None, Query(description="Only rows of which this becomes.")] = None,
    limit: Annotated[int, _LIMIT] = 50,
    cursor: Annotated[str | None, _LINE] = None,
) -> Response:
    """What becomes of each row, in the order of their lines."""
    with caller.database.reading() as tx:
        _found(tx, caller, import_id)
        found = showing.rows(
            tx,
            caller.organisation_id,
            import_id,
            actions=[action] if action else tuple(Action),
            after=-1 if cursor is None else int(cursor),
            limit=limit + 1,
        )
    page = found[:limit]
    more = str(page[-1]["line"]) if len(found) > limit else None
    data = [ImportedRowOut.model_validate(each) for each in page]
    return answer(Page[ImportedRowOut](data=data, next_cursor=more))


@router.get("/imports/{import_id}/result", response_class=Response, responses=_CSV_OUT)
def get_result_of_import(caller: Reader, import_id: Id) -> Response:
    """The rows that are not taken as CSV, each with the reason; corrected, it can be imported as it is."""
    with caller.database.reading() as tx:
        _found(tx, caller, import_id)
    return csv_file(showing.result(caller.database, import_id), "result.csv")


@router.post("/imports/{import_id}/approve", status_code=202, response_model=ImportOut, responses=DECIDING)
def approve_import(caller: Reviewer, import_id: Id, once: OnlyOnce) -> Response:
    """Let a worker carry out exactly the plan; a row whose customer has changed since is rejected."""

    def effect(database: Database) -> Response:
        with database.transaction() as tx:
            _found(tx, caller, import_id)
            importing.release(tx, caller.organisation_id, import_id, actor=caller.actor)
        return _one(caller, database, import_id, status=202)

    made = once(effect)
    caller.site.wake()
    return made


@router.post("/imports/{import_id}/cancel", response_model=ImportOut, responses=DECIDING)
def cancel_import(caller: Reviewer, import_id: Id, once: OnlyOnce) -> Response:
    """Cancel an import that waits or is at work; what it has done stays done, and can be undone."""

    def effect(database: Database) -> Response:
        with database.reading() as tx:
            _found(tx, caller, import_id)
        approve.cancel(database, caller.organisation_id, import_id, actor=caller.actor)
        return _one(caller, database, import_id)

    return once(effect)


@router.post("/imports/{import_id}/resume", status_code=202, response_model=ImportOut, responses=DECIDING)
def resume_import(caller: Reviewer, import_id: Id, once: OnlyOnce) -> Response:
    """Let a worker go on with an import that failed or was cancelled."""

    def effect(database: Database) -> Response:
        with database.transaction() as tx:
            run, _ = _found(tx, caller, import_id)
            owner = run["owner"]
            dead = caller.site.services.dead([owner]) if owner else ()
            importing.resume(tx, caller.organisation_id, import_id, actor=caller.actor, dead=dead)
        return _one(caller, database, import_id, status=202)

    made = once(effect)
    caller.site.wake()
    return made


@router.post("/imports/{import_id}/undo", status_code=202, response_model=UndoOut, responses=DECIDING)
def undo_import(caller: Reviewer, import_id: Id, given: UndoIn, once: OnlyOnce) -> Response:
    """Let a worker put back what an import did; what anybody has changed since is left alone and named.

    Customers that it made are deleted here, and questions that it asked are closed. With `preview` nothing is
    written.
    """

    def effect(database: Database) -> Response:
        with database.reading() as tx:
            _found(tx, caller, import_id)
        asked = ask_undo(
            database,
            caller.organisation_id,
            import_id,
            actor=caller.actor,
            record=given.record,
            preview=given.preview,
        )
        with database.reading() as tx:
            names = connections.named(tx, caller.organisation_id)
            made = [run_shown(runs.find(tx, caller.organisation_id, each), names) for each in asked]
        return answer(UndoOut(runs=made), status=202, headers={"Location": f"/runs/{shown_id(asked[0])}"})

    made = once(effect)
    caller.site.wake()
    return made


def _columns(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        column, sign, field = each.rpartition("=")
        if not sign or not column.strip():
            errors = [wrong("must be COLUMN=FIELD", "query", "map")]
            raise Refusal(422, "The request cannot be taken.", errors=errors)
        found[column.strip()] = field.strip()
    return found


def _found(tx: Tx, caller: Caller, import_id: str) -> tuple[Row, Row]:
    try:
        return imports.find(tx, caller.organisation_id, import_id)
    except NotFoundError:
        raise Refusal(404, "There is no import of this id.") from None


def _one(caller: Caller, database: Database, import_id: str, *, status: int = 200) -> Response:
    with database.reading() as tx:
        run, row = _found(tx, caller, import_id)
        same = imports.same_file(tx, caller.organisation_id, row)
    place = {"Location": f"/imports/{shown_id(import_id)}"} if status == 202 else None
    return answer(shown(run, row, same), status=status, headers=place)
