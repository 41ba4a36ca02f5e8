"""One question: what both sides have, why it is asked, and the ways to decide it."""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response

from sync import review, users
from sync.clock import plain_id
from sync.decisions import Decision
from sync.errors import BadInput, Conflicted, NotFoundError
from sync.resolve import foresee, resolve
from sync.store import conflicts, connections, imports, queue
from sync.store.conflict_rows import notes_of
from sync.store.conflicts import OPEN, StoredConflict
from sync.store.query import now
from sync.store.session import Tx
from sync.suggest import suggest
from sync.undo import ask_undo
from sync.users import UserRole
from web.pages import deciding, question
from web.pages.conflicts import read as read_filter
from web.pages.conflicts import undoable
from web.pages.finding import version_of
from web.pages.render import redirect, render
from web.pages.visit import Visit

LIST = "/desk/conflicts"
LONGEST_NOTE = 5_000


def show(asked: Visit) -> Response:
    """The page."""
    return _page(asked, _id(asked))


def decide(asked: Visit) -> Response:
    """Decide as it was shown; if it is so no more, nothing is written, and the fresh values are shown."""
    conflict_id, caller = _id(asked), asked.caller
    with asked.database.reading() as tx:
        stored = _found(tx, asked, conflict_id)
        try:
            decision = deciding.read(tx, asked, stored.conflict())
        except BadInput as error:
            return _page(asked, conflict_id, problem=str(error), status=422)
        chosen = read_filter(_kept(asked), now(tx))
        _, behind = queue.neighbours(tx, caller.organisation_id, chosen.filter, conflict_id)
    if asked.given("preview"):
        return _page(asked, conflict_id, decision=decision)
    try:
        outcome = resolve(
            asked.database,
            caller.organisation_id,
            conflict_id,
            decision,
            actor=caller.actor,
            version=version_of(asked),
        )
    except Conflicted as error:
        return _page(asked, conflict_id, problem=f"{error.reason} These are the fresh values.", status=409)
    except BadInput as error:
        return _page(asked, conflict_id, problem=str(error), status=422)
    asked.site.wake()
    more = {"said": outcome.result}
    if outcome.run is not None:
        more["undo"] = outcome.run
    return redirect(asked, chosen.address(f"{LIST}/{behind}" if behind else LIST, **more))


def undo(asked: Visit) -> Response:
    """Take back what was just decided; a worker does it."""
    run_id = plain_id_of(asked.given("run"), "There is nothing to be undone.")
    ask_undo(asked.database, asked.caller.organisation_id, run_id, actor=asked.caller.actor)
    asked.site.wake()
    with asked.database.reading() as tx:
        chosen = read_filter(_kept(asked), now(tx))
    return redirect(asked, chosen.address(LIST, said="undone"))


def assign(asked: Visit) -> Response:
    """Say who is to decide."""
    wanted = asked.given("assignee").strip() or None
    conflict_id, caller = _id(asked), asked.caller
    if wanted is not None and wanted not in users.people(asked.site.database, caller.organisation_id):
        return _page(asked, conflict_id, problem="There is nobody of this address here.", status=422)
    review.assign(asked.database, caller.organisation_id, conflict_id, wanted, actor=caller.actor)
    return _back(asked, conflict_id, "assigned")


def note(asked: Visit) -> Response:
    """Add a note."""
    text, conflict_id = asked.given("note").strip(), _id(asked)
    if not text or len(text) > LONGEST_NOTE:
        problem = f"A note has 1 to {LONGEST_NOTE:,} characters."
        return _page(asked, conflict_id, problem=problem, status=422)
    try:
        review.note(asked.database, asked.caller.organisation_id, conflict_id, text, actor=asked.caller.actor)
    except BadInput as error:
        return _page(asked, conflict_id, problem=str(error), status=422)
    return _back(asked, conflict_id, "noted")


def _page(
    asked: Visit, conflict_id: str, *, problem: str = "", decision: Decision | None = None, status: int = 200
) -> Response:
    mine = asked.caller.organisation_id
    with asked.database.reading() as tx:
        at = now(tx)
        stored = _found(tx, asked, conflict_id)
        row = stored.conflict()
        chosen = read_filter(_kept(asked), at)
        before, behind = queue.neighbours(tx, mine, chosen.filter, conflict_id)
        connection = connections.load(tx, stored.row["connection_id"])
        named = question.named(row, "customers")
        customer_id = stored.row["customer_id"]
        values: dict[str, Any] = {
            "names": queue.names(tx, mine, [*named, *([customer_id] if customer_id else [])]),
            "history": queue.history(tx, mine, customer_id) if customer_id else [],
            "suggestions": suggest(tx, stored) if stored.row["state"] == OPEN else [],
            "alike": queue.count(tx, mine, _alike(stored)),
            "file": imports.known(tx, stored.row["run_id"]),
        }
    foreseen = None if decision is None else foresee(asked.database, mine, stored, decision)
    return render(
        asked,
        "conflict.html",
        status=status,
        stored=stored,
        row=row,
        kind=row.kind.value,
        open=stored.row["state"] == OPEN,
        fields=question.fields(row),
        reasons=question.reasons(row),
        refs=question.named(row, "refs"),
        named=named,
        offered=question.offered(row),
        similarity=question.similarity(row),
        about_values=question.is_about_values(row.kind.value),
        connection=connection,
        place=question.place(connection, stored.row["ref"]),
        notes=notes_of(stored.row),
        people=users.people(asked.site.database, mine),
        before=before,
        behind=behind,
        chosen=chosen,
        at=at,
        problem=problem,
        foreseen=foreseen,
        question=question,
        may_decide=asked.may(UserRole.REVIEWER) and stored.row["state"] == OPEN,
        said=asked.query.get("said", ""),
        undo=undoable(asked),
        **values,
    )


def _alike(stored: StoredConflict) -> queue.Filter:
    """The open questions of the same sort: of this kind, about this field, on this connection."""
    row = stored.row
    return queue.Filter(kind=row["kind"], connection_id=row["connection_id"], field=row["field"] or None)


def _back(asked: Visit, conflict_id: str, said: str) -> Response:
    with asked.database.reading() as tx:
        chosen = read_filter(_kept(asked), now(tx))
    return redirect(asked, chosen.address(f"{LIST}/{conflict_id}", said=said))


def _kept(asked: Visit) -> dict[str, str]:
    """The filter of the list that the person came from."""
    return dict(asked.query)


def _id(asked: Visit) -> str:
    return plain_id_of(asked.request.path_params["conflict"], "There is no question of this id.")


def plain_id_of(text: str, reason: str) -> str:
    """An id that was sent.

    Raises:
        NotFoundError: it is none; with that reason.
    """
    try:
        return plain_id(text)
    except ValueError:
        raise NotFoundError(reason) from None


def _found(tx: Tx, asked: Visit, conflict_id: str) -> StoredConflict:
    stored = conflicts.find(tx, asked.caller.organisation_id, conflict_id)
    if stored is None:
        raise NotFoundError("There is no question of this id.")
    return stored
