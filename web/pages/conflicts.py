"""The list of open questions: filtered, counted, page by page; many are chosen here to be decided at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from fastapi.responses import Response

from sync.clock import plain_id
from sync.core.actions import ConflictKind
from sync.store import conflicts, connections, queue, texts
from sync.store.query import now
from sync.store.queue import Filter
from sync.store.texts import Reached
from sync.users import UserRole
from web.pages import question
from web.pages.render import render
from web.pages.visit import Visit
from web.problems import Refusal

PAGE = 50
LONGEST = 200
AGES: Mapping[str, str] = {
    "day": "since yesterday",
    "week": "in the last 7 days",
    "older": "older than 7 days",
    "month": "older than 30 days",
}
NOBODY = "nobody"
_PARTS = ("kind", "connection", "assignee", "age", "q", "field")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The filter of the list: as the address has it, and as the database takes it."""

    given: Mapping[str, str]
    filter: Filter

    @property
    def query(self) -> str:
        """For the end of an address; empty without a condition."""
        return urlencode({name: value for name, value in self.given.items() if value})

    def address(self, path: str, **more: str) -> str:
        """A page that keeps the filter."""
        query = urlencode({**{name: value for name, value in self.given.items() if value}, **more})
        return f"{path}?{query}" if query else path


def read(given: Mapping[str, str], at: datetime) -> Chosen:
    """The filter that an address or a form holds.

    Raises:
        Refusal: 400, a condition is none that there is.
    """
    kept = {name: given.get(name, "").strip()[:LONGEST] for name in _PARTS}
    try:
        kind = ConflictKind(kept["kind"]).value if kept["kind"] else None
        connection = plain_id(kept["connection"]) if kept["connection"] else None
        since, before = _bounds(kept["age"], at)
    except (ValueError, KeyError):
        raise Refusal(400, "The list has no such filter.") from None
    assignee = queue.NOBODY if kept["assignee"] == NOBODY else kept["assignee"] or None
    found = Filter(
        kind=kind,
        connection_id=connection,
        assignee=assignee,
        field=kept["field"] or None,
        opened_from=since,
        opened_before=before,
        text=kept["q"] or None,
    )
    return Chosen(kept, found)


def _bounds(age: str, at: datetime) -> tuple[datetime | None, datetime | None]:
    days = {"": 0, "day": 1, "week": 7, "older": 7, "month": 30}[age]
    limit = at - timedelta(days=days)
    if not age:
        return None, None
    return (limit, None) if age in ("day", "week") else (None, limit)


def show(asked: Visit) -> Response:
    """The page."""
    mine = asked.caller.organisation_id
    after = asked.query.get("after", "")
    try:
        after = plain_id(after) if after else ""
    except ValueError:
        raise Refusal(400, "The list has no such page.") from None
    with asked.database.reading() as tx:
        at = now(tx)
        chosen = read(asked.query, at)
        if chosen.filter.text:
            reached = texts.conflicts_with(tx, mine, chosen.filter, after=after, limit=PAGE + 1)
        else:
            reached = Reached(queue.page(tx, mine, chosen.filter, after=after, limit=PAGE + 1))
        page, further = reached.found[:PAGE], len(reached.found) > PAGE
        kinds = conflicts.count_open(tx, conflicts.of_organisation(mine))
        # What holds a text is not counted beyond the page.
        exact = not chosen.filter.text or not (further or reached.edge or after)
        if not chosen.query:
            total = sum(kinds.values())
        else:
            total = len(page) if chosen.filter.text else queue.count(tx, mine, chosen.filter)
        names = queue.names(tx, mine, [each.row["customer_id"] for each in page if each.row["customer_id"]])
        places = connections.named(tx, mine)
        assignees = queue.assignees(tx, mine)
    return render(
        asked,
        "conflicts.html",
        page=page,
        more=page[-1].id if further else reached.edge and reached.edge["id"],
        partial=reached.edge is not None,
        first=not after,
        kinds=kinds,
        total=total,
        exact=exact,
        names=names,
        places=places,
        assignees=assignees,
        ages=AGES,
        chosen=chosen,
        at=at,
        question=question,
        may_decide=asked.may(UserRole.REVIEWER),
        said=asked.query.get("said", ""),
        undo=undoable(asked),
    )


def undoable(asked: Visit) -> str:
    """The run that was just made by a decision, which the page offers to undo."""
    try:
        return plain_id(asked.query.get("undo", ""))
    except ValueError:
        return ""
