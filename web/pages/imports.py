"""Files of customers: the list of those that were imported, and the place where one is sent."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi.responses import Response

from sync.clock import plain_id
from sync.errors import BadInput
from sync.imports import export, importing, mapping
from sync.imports.importing import LARGEST, Reading
from sync.store import imports
from sync.store.query import now
from sync.users import UserRole
from web.api.importing import csv_file
from web.pages import deeds, filing
from web.pages.finding import text_of
from web.pages.render import redirect, render
from web.pages.visit import Visit
from web.problems import Refusal

LIST = "/desk/imports"
PAGE = 50


def show(asked: Visit) -> Response:
    """The page."""
    return _page(asked)


def send(asked: Visit) -> Response:
    """Take a file in; how it is read is said next."""
    sent = asked.sent
    if sent is None or not sent.file_name:
        return _page(asked, problem="Choose a file first.", status=422)
    caller = asked.caller
    with asked.site.incoming.required():
        incoming = importing.Incoming(
            asked.database, caller.organisation_id, file_name=sent.file_name, actor=caller.actor
        )
        try:
            for piece in sent.file():
                incoming.take(piece)
            made = incoming.kept()
            with asked.database.reading() as tx:
                row = imports.get(tx, made)
            mapping.look(asked.database, row, Reading())
        except BaseException as error:
            incoming.refused()
            if isinstance(error, BadInput):
                return _page(asked, problem=str(error), status=422)
            raise
    return redirect(asked, f"{LIST}/{made}")


def sample(_asked: Visit) -> Response:
    """The sample file."""
    return csv_file([export.sample()], "sample.csv")


def everybody(asked: Visit) -> Response:
    """All customers as a file."""
    return csv_file(export.customers_as_csv(asked.database, asked.caller.organisation_id), "customers.csv")


def _page(asked: Visit, *, problem: str = "", status: int = 200) -> Response:
    mine, after = asked.caller.organisation_id, text_of(asked, "after")
    try:
        after = plain_id(after) if after else ""
    except ValueError:
        raise Refusal(400, "The list has no such page.") from None
    with asked.database.reading() as tx:
        at = now(tx)
        found = imports.listing(tx, mine, before=after, limit=PAGE + 1)
    more = found[PAGE - 1][0]["id"] if len(found) > PAGE else ""
    return render(
        asked,
        "imports.html",
        status=status,
        page=found[:PAGE],
        following=urlencode({"after": more}) if more else "",
        first=not after,
        may_send=asked.may(UserRole.REVIEWER),
        largest=LARGEST,
        problem=problem,
        deeds=deeds,
        filing=filing,
        at=at,
    )
