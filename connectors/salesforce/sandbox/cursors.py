"""Query locators: how the next page of a result is found again.

A locator holds ids, not rows: a page shows its records as they are when it is fetched.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.salesforce.sandbox.errors import ApiError
from connectors.salesforce.sandbox.ids import IdMaker

KEPT = 100
"""Open locators; the oldest is dropped first, as an org drops those of a busy user."""

_LOCATOR = re.compile(r"(01g\w{15})-(\d{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The rest of a result: all its ids, the fields asked for, rows a page, when it was opened."""

    locator: str
    ids: Sequence[str]
    names: tuple[str, ...]
    entity: str
    batch: int
    opened: float


class Cursors:
    """The open cursors of an org; `pod` is part of their ids."""

    def __init__(self, pod: str) -> None:
        self._make = IdMaker("01g", pod, 62**4)
        self._open: OrderedDict[str, Cursor] = OrderedDict()

    def open(self, ids: Sequence[str], names: tuple[str, ...], entity: str, batch: int, now: float) -> Cursor:
        """Keep a result."""
        cursor = Cursor(self._make.make(), ids, names, entity, batch, now)
        self._open[cursor.locator] = cursor
        if len(self._open) > KEPT:
            self._open.popitem(last=False)
        return cursor

    def find(self, locator: str, now: float, lifetime: float) -> tuple[Cursor, int]:
        """The cursor that a locator names, and the place in it of the first row of the page.

        Raises:
            ApiError: INVALID_QUERY_LOCATOR for one that is malformed, unknown or has expired.
        """
        match = _LOCATOR.fullmatch(locator)
        cursor = self._open.get(match.group(1)) if match else None
        if match is None or cursor is None or now - cursor.opened >= lifetime:
            raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator")
        return cursor, int(match.group(2))
