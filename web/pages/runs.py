"""The list of runs, newest first."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi.responses import Response

from sync import causes
from sync.clock import plain_id
from sync.store import connections, runs
from sync.store.query import now
from web.pages import deeds
from web.pages.finding import text_of
from web.pages.render import render
from web.pages.visit import Visit
from web.problems import Refusal

PAGE = 50


def show(asked: Visit) -> Response:
    """The page."""
    mine = asked.caller.organisation_id
    state, connection, after = (text_of(asked, name) for name in ("state", "connection", "after"))
    try:
        connection = plain_id(connection) if connection else ""
        after = plain_id(after) if after else ""
    except ValueError:
        raise Refusal(400, "The list has no such page or filter.") from None
    if state and state not in deeds.STATES:
        raise Refusal(400, "The list has no such filter.")
    looks_at_all = not (state or connection or after)
    with asked.database.reading() as tx:
        at = now(tx)
        wrong = causes.of_records(tx, mine) if looks_at_all else []
        failures = causes.of_runs(tx, mine) if looks_at_all else []
        places = connections.named(tx, mine)
        found = runs.listing(
            tx,
            mine,
            connection_id=connection or None,
            state=state or None,
            before=after,
            limit=PAGE + 1,
        )
    more = {
        "state": state,
        "connection": connection,
        "after": found[PAGE - 1]["id"] if len(found) > PAGE else "",
    }
    return render(
        asked,
        "runs.html",
        page=found[:PAGE],
        places=places,
        state=state,
        connection=connection,
        first=not after,
        following=urlencode({name: value for name, value in more.items() if value}) if more["after"] else "",
        deeds=deeds,
        wrong=wrong,
        failures=failures,
        at=at,
    )
