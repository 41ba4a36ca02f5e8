"""The first page: whether everything is in sync, and what waits for a person."""

from __future__ import annotations

from fastapi.responses import Response

from sync.store import connections, overview
from web.pages import tour, words
from web.pages.render import render
from web.pages.visit import Visit


def show(asked: Visit) -> Response:
    """The page."""
    with asked.database.reading() as tx:
        found = overview.read(tx, asked.caller.organisation_id)
        names = connections.named(tx, asked.caller.organisation_id)
        steps = tour.steps(tx, asked)
    highest = max((each.to_billing + each.to_crms for each in found.hours), default=0)
    marks = [words.standing(each)[0] for each in found.connections]
    return render(
        asked, "overview.html", found=found, names=names, highest=max(highest, 1), marks=marks, tour=steps
    )
