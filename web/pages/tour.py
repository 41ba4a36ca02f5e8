"""The one-minute tour of the demonstration: what to try first, with questions that wait at this moment."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi.responses import Response

from sync.core.actions import ConflictKind
from sync.store import conflicts, overview
from sync.store.session import Tx
from web.pages.render import redirect
from web.pages.visit import Visit

COOKIE = "__Host-concord-tour"
_YEAR = 31_536_000


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to try, and the page where it is tried.

    `keys`: each with what it does there. `command`: for a terminal, instead of keys.
    """

    title: str
    text: str
    page: str
    keys: Sequence[tuple[str, str]] = ()
    command: str = ""


def steps(tx: Tx, asked: Visit) -> list[Step] | None:
    """The tour; None where there is none, or the person has closed it."""
    shown = asked.query.get("tour") == "show" or COOKIE not in asked.request.cookies
    return _steps(tx, asked.caller.organisation_id) if asked.site.tour and shown else None


def close(asked: Visit) -> Response:
    """Show it no more in this browser."""
    page = redirect(asked, "/desk")
    page.set_cookie(COOKIE, "closed", max_age=_YEAR, path="/", secure=True, httponly=True, samesite="lax")
    return page


def _steps(tx: Tx, organisation_id: str) -> list[Step]:
    made = []
    if place := _question(tx, organisation_id, ConflictKind.ADDRESS_MISMATCH):
        text = "The address decides tax, so nothing moves before you say which one holds."
        keys = (("o", "keep ours"), ("t", "take theirs"), ("u", "undo it"))
        made.append(Step("Decide on an address", text, place, keys))
    if place := _question(tx, organisation_id, ConflictKind.MISSING_EXTERNAL_ID):
        text = "A record without a customer number: Concord suggests whose it may be, and never guesses."
        made.append(Step("Say whose record it is", text, place))
    if _question(tx, organisation_id, ConflictKind.FIELD_CONFLICT):
        text = "Both sides changed the same field. Choose some, and see what would be written before it is."
        keys = (("x", "choose"), ("j", "next"), ("t", "take theirs"))
        place = f"/desk/conflicts?kind={ConflictKind.FIELD_CONFLICT.value}"
        made.append(Step("Decide many at once", text, place, keys))
    if found := overview.example(tx, organisation_id):
        text = "Change a phone number in a terminal; seconds later both CRMs have it."
        command = (
            f"concord customers set {shlex.quote(found.row['external_id'])} phone_number='+1 212 555 0143'"
        )
        made.append(Step("Watch an edit arrive", text, f"/desk/customers/{found.id}", command=command))
    text = "Each run tells what it did, record by record, and can be put back, after a look at what would go."
    return [*made, Step("Put a run back", text, "/desk/runs")]


def _question(tx: Tx, organisation_id: str, kind: ConflictKind) -> str | None:
    found = conflicts.listing(tx, organisation_id, kind=kind.value, limit=1)
    return f"/desk/conflicts/{found[0].id}" if found else None
