"""One import: how its file is read, the plan of its rows, how far it is, and what was not taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.responses import Response

from sync import approve as use
from sync.errors import BadInput, Conflicted, NotFoundError
from sync.imports import importing, mapping, showing
from sync.imports.importing import Reading
from sync.imports.mapping import Look
from sync.imports.ruling import Action
from sync.store import imports
from sync.store import undo as store
from sync.store.query import Row, now
from sync.store.session import Tx
from sync.users import UserRole
from web.api.importing import csv_file
from web.pages import deeds, filing
from web.pages.finding import id_of, text_of
from web.pages.imports import LIST
from web.pages.render import redirect, reload, render, renews
from web.pages.visit import Visit
from web.problems import Refusal

PAGE = 50
_HEADER = {"yes": True, "no": False}


def show(asked: Visit) -> Response:
    """The page; the part of it that renews itself, until a worker is done."""
    import_id = _id(asked)
    if renews(asked, "import"):
        with asked.database.reading() as tx:
            run, _ = _rows(tx, asked.caller.organisation_id, import_id)
        if not filing.is_at_work(run):
            return reload(asked)
    return _page(asked, import_id)


def read(asked: Visit) -> Response:
    """Let a worker read the file as was said, and make its plan; or show what it would be read as."""
    import_id = _found(asked)
    if asked.given("look"):
        return _page(asked, import_id)
    fields = [asked.given(f"column:{n}") or None for n in range(1, len(asked.all_given("column")) + 1)]
    caller = asked.caller
    try:
        reading = _reading(asked.given("encoding"), asked.given("delimiter"), asked.given("header"))
        with asked.site.incoming.asked() as free:  # another encoding is tried on all of the file
            if not free:
                return _page(asked, import_id, problem=asked.site.incoming.busy, status=503)
            mapping.settle(
                asked.database, caller.organisation_id, import_id, reading, fields, actor=caller.actor
            )
    except BadInput as error:
        return _page(asked, import_id, problem=str(error), status=422)
    except Conflicted as error:
        return _page(asked, import_id, problem=str(error), status=409)
    asked.site.wake()
    return redirect(asked, f"{LIST}/{import_id}")


def reconsider(asked: Visit) -> Response:
    """Go back from the plan to how the file is read."""
    import_id, caller = _found(asked), asked.caller
    try:
        mapping.reconsider(asked.database, caller.organisation_id, import_id, actor=caller.actor)
    except Conflicted as error:
        return _page(asked, import_id, problem=str(error), status=409)
    return redirect(asked, f"{LIST}/{import_id}")


def approve(asked: Visit) -> Response:
    """Let a worker carry out exactly the plan."""
    import_id, caller = _found(asked), asked.caller
    try:
        with asked.database.transaction() as tx:
            importing.release(tx, caller.organisation_id, import_id, actor=caller.actor)
    except Conflicted as error:
        return _page(asked, import_id, problem=str(error), status=409)
    asked.site.wake()
    return redirect(asked, f"{LIST}/{import_id}?said=approved")


def cancel(asked: Visit) -> Response:
    """End an import that waits or is at work; what it has done stays done."""
    import_id = _found(asked)
    try:
        use.cancel(asked.database, asked.caller.organisation_id, import_id, actor=asked.caller.actor)
    except Conflicted as error:
        return _page(asked, import_id, problem=str(error), status=409)
    return redirect(asked, f"{LIST}/{import_id}?said=cancelled")


def resume(asked: Visit) -> Response:
    """Let a worker go on with one that failed, was cancelled or was cut off."""
    import_id, caller = _found(asked), asked.caller
    try:
        with asked.database.transaction() as tx:
            run, _ = _rows(tx, caller.organisation_id, import_id)
            dead = asked.site.services.dead([run["owner"]]) if run["owner"] else ()
            importing.resume(tx, caller.organisation_id, import_id, actor=caller.actor, dead=dead)
    except Conflicted as error:
        return _page(asked, import_id, problem=str(error), status=409)
    asked.site.wake()
    return redirect(asked, f"{LIST}/{import_id}?said=resumed")


def result(asked: Visit) -> Response:
    """The rows that are not taken, each with why, as a file that can be corrected and sent again."""
    return csv_file(showing.result(asked.database, _found(asked)), "not-taken.csv")


def _page(asked: Visit, import_id: str, *, problem: str = "", status: int = 200) -> Response:
    mine = asked.caller.organisation_id
    with asked.database.reading() as tx:
        run, row = _rows(tx, mine, import_id)
        values: dict[str, Any] = {
            "at": now(tx),
            "same": imports.same_file(tx, mine, row),
            "changed": bool(store.count(tx, import_id, None)),
            "resumable": _is_resumable(tx, run, row),
            "kept": imports.has_parts(tx, import_id),
        }
        values |= _shown(tx, asked, run, row)
    look: Look | None = None
    if run["state"] == "needs_approval" and row["stage"] == imports.MAPPING:
        look, problem = _look(asked, row, problem)
    return render(
        asked,
        "import.html",
        status=status,
        run=run,
        row=row,
        look=look,
        fields=_fields(asked, look) if look else [],
        body=importing.as_json(run, row),
        may=asked.may(UserRole.REVIEWER),
        deeds=deeds,
        filing=filing,
        problem=problem,
        said=text_of(asked, "said"),
        **values,
    )


def _shown(tx: Tx, asked: Visit, run: Row, row: Row) -> dict[str, Any]:
    """The rows of one sort, page by page."""
    counts = row["counts"]
    what, after = text_of(asked, "what"), text_of(asked, "after")
    if what and what not in filing.ROWS:
        raise Refusal(400, "The import has no such rows.")
    if after and not (after.isascii() and after.isdecimal() and len(after) < 19):
        raise Refusal(400, "The import has no such page.")
    what = what or filing.first_action(counts)
    found: list[dict[str, Any]] = []
    if counts:
        found = showing.rows(
            tx,
            asked.caller.organisation_id,
            run["id"],
            actions=[what],
            after=int(after) if after else -1,
            limit=PAGE + 1,
        )
    page = found[:PAGE]
    named = _customers(page)
    return {
        "counts": counts,
        "what": what,
        "page": page,
        "first": not after,
        "more": page[-1]["line"] if len(found) > PAGE else None,
        "names": store.keys_of(tx, asked.caller.organisation_id, named) if named else {},
        "questions": imports.questions(tx, run["connection_id"], named)
        if what == Action.CONFLICT and named and row["stage"] in ("applying", "applied")
        else {},
    }


def _customers(page: Sequence[dict[str, Any]]) -> set[str]:
    return {str(each["customer_id"]) for each in page if each["customer_id"]}


def _is_resumable(tx: Tx, run: Row, row: Row) -> bool:
    """Whether it ended before it was done, and there is something to go on with."""
    if run["state"] not in ("failed", "cancelled"):
        return False
    if row["stage"] in ("planning", "planned", "applying"):
        return True
    return row["stage"] == "reading" and imports.has_parts(tx, run["id"])


def _look(asked: Visit, row: Row, problem: str) -> tuple[Look | None, str]:
    """The file as the address, or a form that was refused, says that it is read."""
    given = asked.given if asked.form else lambda name: text_of(asked, name)
    reading = Reading()
    try:
        reading = _reading(given("encoding"), given("delimiter"), given("header"))
        return mapping.look(asked.database, row, reading), problem
    except BadInput as error:
        problem = problem or str(error)
    try:
        return mapping.look(asked.database, row, Reading()), problem
    except BadInput as error:
        return None, problem or str(error)


def _fields(asked: Visit, look: Look) -> list[str]:
    """What each column is taken for: as a person has chosen, else as it is recognised.

    A form tells beside each choice what was recognised then; where they are equal, nobody has chosen.
    """
    recognised = [each or "" for each in look.columns.fields]
    before = asked.all_given("column")
    if len(before) != len(recognised):  # other columns than those of the form
        return recognised
    given = dict(asked.form)
    chosen = [given.get(f"column:{number}", "") for number in range(1, len(before) + 1)]
    return [mine if mine != then else now for mine, then, now in zip(chosen, before, recognised, strict=True)]


def _reading(encoding: str, delimiter: str, header: str) -> Reading:
    """What was said; what was not is None."""
    if header and header not in _HEADER:
        raise BadInput("Say whether the first row holds names.", fields={"header": "must be yes or no"})
    return Reading(
        encoding=encoding or None, delimiter=delimiter or None, header=_HEADER[header] if header else None
    )


def _rows(tx: Tx, organisation_id: str, import_id: str) -> tuple[Row, Row]:
    try:
        return imports.find(tx, organisation_id, import_id)
    except NotFoundError:
        raise Refusal(404, "There is no import of this id.") from None


def _found(asked: Visit) -> str:
    import_id = _id(asked)
    with asked.database.reading() as tx:
        _rows(tx, asked.caller.organisation_id, import_id)
    return import_id


def _id(asked: Visit) -> str:
    return id_of(asked, "import", "import")
