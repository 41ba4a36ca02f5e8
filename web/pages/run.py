"""One run: how it went, what it plans and what it did, record by record; and a person's word on it."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi.responses import Response

from sync import approve as use
from sync import causes, orders
from sync.errors import BadInput, Conflicted, NeedsApproval, NotFoundError
from sync.store import connections, runs
from sync.store import undo as store
from sync.store.imports import KIND
from sync.store.query import Row, now
from sync.store.session import Tx
from sync.undo import ask_undo
from sync.users import UserRole
from web.pages import deeds, values
from web.pages.finding import id_of, text_of
from web.pages.render import redirect, reload, render, renews
from web.pages.visit import Visit
from web.problems import Refusal

PAGE = 50
OPEN = ("queued", "running", "needs_approval")


def show(asked: Visit) -> Response:
    """The page; the part of it that renews itself, until the run has ended."""
    run_id = _id(asked)
    if renews(asked, "run"):
        with asked.database.reading() as tx:
            if _row(tx, asked.caller.organisation_id, run_id)["state"] not in ("queued", "running"):
                return reload(asked)
    return _page(asked, run_id)


def approve(asked: Visit) -> Response:
    """Let a worker carry out exactly the plan."""
    run_id = _found(asked)
    try:
        orders.approve(asked.database, asked.caller.organisation_id, run_id, actor=asked.caller.actor)
    except (Conflicted, BadInput) as error:
        return _page(asked, run_id, problem=str(error), status=409)
    asked.site.wake()
    return redirect(asked, f"/desk/runs/{run_id}?said=approved")


def cancel(asked: Visit) -> Response:
    """End a run that waits or is at work; what it has done stays done."""
    run_id = _found(asked)
    try:
        use.cancel(asked.database, asked.caller.organisation_id, run_id, actor=asked.caller.actor)
    except Conflicted as error:
        return _page(asked, run_id, problem=str(error), status=409)
    return redirect(asked, f"/desk/runs/{run_id}?said=cancelled")


def undo(asked: Visit) -> Response:
    """Let a worker put back what the run did, or first show what would go back."""
    run_id, preview = _found(asked), bool(asked.given("preview"))
    try:
        made = ask_undo(
            asked.database,
            asked.caller.organisation_id,
            run_id,
            actor=asked.caller.actor,
            record=asked.given("record") or None,
            preview=preview,
        )
    except (Conflicted, NeedsApproval) as error:
        return _page(asked, run_id, problem=str(error), status=409)
    except BadInput as error:
        return _page(asked, run_id, problem=str(error), status=422)
    asked.site.wake()
    return redirect(asked, f"/desk/runs/{made[0]}?said={'previewed' if preview else 'undone'}")


def again(asked: Visit) -> Response:
    """Let a worker try again: a run that failed as a whole, or the records that one could not take."""
    run_id, caller = _found(asked), asked.caller
    try:
        if asked.given("records"):
            outcomes = causes.retry(asked.database, caller.organisation_id, run_id, actor=caller.actor)
            if not any(each.result == "resolved" for each in outcomes):
                reason = next(
                    (each.reason for each in outcomes if each.reason), "Nothing of it waits any more."
                )
                return _page(asked, run_id, problem=reason, status=409)
            place = f"/desk/runs/{run_id}?said=retried"
        else:
            with asked.database.reading() as tx:
                owner = _row(tx, caller.organisation_id, run_id)["owner"]
            dead = asked.site.services.dead([owner]) if owner else ()
            made = orders.again(asked.database, caller.organisation_id, run_id, actor=caller.actor, dead=dead)
            place = f"/desk/runs/{made}?said=again"
    except (Conflicted, NeedsApproval) as error:
        return _page(asked, run_id, problem=str(error), status=409)
    except BadInput as error:
        return _page(asked, run_id, problem=str(error), status=422)
    asked.site.wake()
    return redirect(asked, place)


def _page(asked: Visit, run_id: str, *, problem: str = "", status: int = 200) -> Response:
    mine = asked.caller.organisation_id
    planned_after, changed_after = text_of(asked, "plan"), _number(text_of(asked, "changes"))
    with asked.database.reading() as tx:
        at = now(tx)
        row = _row(tx, mine, run_id)
        planned = runs.planned(tx, run_id, after=planned_after, limit=PAGE + 1)
        changed = runs.changes_of(tx, run_id, after=changed_after, limit=PAGE + 1)
        shown = (*planned[:PAGE], *changed[:PAGE])
        names = store.keys_of(tx, mine, {each["customer_id"] for each in shown if each["customer_id"]})
        places = connections.named(tx, mine)
        others = [each for each in store.parts(tx, row) if each["id"] != run_id]
        undone = _head(tx, mine, row) if row["undoes"] else None
        wrong = causes.of_records(tx, mine, run_id=run_id)
    return render(
        asked,
        "run.html",
        status=status,
        row=row,
        place=places.get(row["connection_id"], ""),
        places=places,
        planned=[(each, deeds.planned(each)) for each in planned[:PAGE]],
        changed=[(each, values.changes(each["fields"])) for each in changed[:PAGE]],
        more_planned=planned[PAGE - 1]["subject"] if len(planned) > PAGE else "",
        more_changed=changed[PAGE - 1]["seq"] if len(changed) > PAGE else None,
        names=names,
        others=others,
        undone=undone,
        ways=_ways(asked, row, changed, parted=bool(others)),
        wrong=wrong,
        record=(row["selection"] or {}).get("record") or "",
        deeds=deeds,
        problem=problem,
        said=text_of(asked, "said"),
        at=at,
    )


def _ways(asked: Visit, row: Row, changed: Sequence[Row], *, parted: bool) -> frozenset[str]:
    """What the person may do with the run."""
    ordered = row["ordered"] or {}
    if not asked.may(UserRole.REVIEWER):
        return frozenset()
    ways = {"cancel"} if row["state"] in OPEN else set()
    planned = row["state"] == "needs_approval" and row["kind"] != KIND  # a file's plan is on its own page
    if planned and "approved_by" not in ordered:
        ways.add("approve")
    if row["state"] not in ("queued", "running") and (changed or parted):
        ways.add("undo")
    if row["state"] == "failed" and row["kind"] != "resolve":
        ways.add("again")
    if row["undoes"] and ordered.get("dry") and row["state"] == "done":
        ways.add("carry_out")
    return frozenset(ways)


def _head(tx: Tx, organisation_id: str, row: Row) -> str | None:
    """The whole of what a run undoes; None if nobody finds it any more."""
    try:
        undone = runs.find(tx, organisation_id, row["undoes"])
    except NotFoundError:
        return None
    return str(undone["part_of"] or undone["id"])


def _row(tx: Tx, organisation_id: str, run_id: str) -> Row:
    try:
        return runs.find(tx, organisation_id, run_id)
    except NotFoundError:
        raise Refusal(404, "There is no run of this id.") from None


def _found(asked: Visit) -> str:
    run_id = _id(asked)
    with asked.database.reading() as tx:
        _row(tx, asked.caller.organisation_id, run_id)
    return run_id


def _id(asked: Visit) -> str:
    return id_of(asked, "run", "run")


def _number(text: str) -> int:
    if not text:
        return -1
    if text.isascii() and text.isdecimal() and len(text) < 19:
        return int(text)
    raise Refusal(400, "The run has no such page.")
