"""The daily calls of a connection: handed out by the database in blocks, never one too many.

Every worker takes a block before the first call of it is made, and gives back what it did not use. So the
calls made are at most the calls handed out, and those at most the limit; a worker that dies takes its block
with it.
"""

from __future__ import annotations

import math
import threading
import time
from zoneinfo import ZoneInfo

from connectors.errors import QuotaExhausted
from sync.core.timing import day_of, read_zone
from sync.rules import ConnectionSettings
from sync.store import budgets
from sync.store.query import now
from sync.store.session import Database

LARGEST_BLOCK = 50


class DailyCalls:
    """The allowance of one connector; see `connectors.access.Allowance`. For several threads.

    It asks the database once a block, in a transaction of its own: never call it inside another one.

    Args:
        database: where the budgets are.
        connection_id: whose calls.
        limit: calls a day.
        most: how many of them this work may use; scheduled work leaves a reserve to people.
        zone: in which the day begins and ends.
    """

    def __init__(
        self, database: Database, connection_id: str, *, limit: int, most: int, zone: ZoneInfo
    ) -> None:
        self._database, self._id, self._zone = database, connection_id, zone
        self._most = most
        self._block = max(1, min(LARGEST_BLOCK, limit // 20))
        self._day, self._left, self._ends = "", 0, 0.0
        self._lock = threading.Lock()

    def take(self) -> None:
        """Count one call that is about to be made.

        Raises:
            QuotaExhausted: the day's calls are used up; the call must not be made.
        """
        with self._lock:
            if self._left == 0 or time.monotonic() >= self._ends:
                self._fetch()
            self._left -= 1

    def give_back(self) -> None:
        """Give back what was handed out and not used; a later call takes a new block."""
        with self._lock:
            unused, self._left = self._left, 0
            if unused:
                with self._database.transaction() as tx:
                    budgets.give_back(tx, self._id, self._day, unused)

    def _fetch(self) -> None:
        """Take a block, or the largest part of one that there is."""
        with self._database.transaction() as tx:
            at = now(tx)
            self._day, end = day_of(at, self._zone)
            self._ends = time.monotonic() + (end - at).total_seconds()
            calls = self._block
            while calls and not budgets.take(tx, self._id, self._day, calls=calls, most=self._most):
                calls //= 2
            self._left = calls
        if not calls:
            raise QuotaExhausted(
                "The daily calls that this work may use are used up "
                f"(waiting until {end:%Y-%m-%d %H:%M} UTC for new ones).",
                until=end,
                cure="Wait, or allow more: concord connections set NAME --daily-calls N",
            )


def daily_calls(
    database: Database, connection_id: str, settings: ConnectionSettings, *, person: bool
) -> DailyCalls | None:
    """The allowance of a connection; None if its calls are not limited.

    Args:
        database: where the budgets are.
        connection_id: the connection.
        settings: `daily_calls`, `reserve` and `timezone` of it.
        person: whether a person asked for the work; it may use the reserve, too.
    """
    limit = settings.daily_calls
    if limit is None:
        return None
    most = limit if person else limit - math.ceil(limit * settings.reserve)
    return DailyCalls(database, connection_id, limit=limit, most=most, zone=read_zone(settings.timezone))
