"""What an address names: records by their ids, pages of a list by the last record that was shown."""

from __future__ import annotations

from sync.clock import plain_id
from sync.errors import NotFoundError
from web.pages.visit import Visit

LONGEST = 300


def id_of(asked: Visit, name: str, what: str) -> str:
    """The id in a part of the path.

    Raises:
        NotFoundError: it is none, so there is nothing of this id.
    """
    try:
        return plain_id(asked.request.path_params[name])
    except ValueError:
        raise NotFoundError(f"There is no {what} of this id.") from None


def text_of(asked: Visit, name: str) -> str:
    """What the address says of a condition; empty for nothing."""
    return asked.query.get(name, "").strip()[:LONGEST]


def version_of(asked: Visit) -> int:
    """The version of the record that a form shows; 0, which no record has, if it says none."""
    text = asked.given("version")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
