"""What queries see: the committed rows, kept in the two orders in which a sync reads them.

A commit reaches the view at once, or later when the org is told to be late: then queries go on seeing
the old version, and the new one turns up with a stamp that is already past. (Source: rows of a long
transaction become visible after later stamps have been read, airbytehq/airbyte issue 27146.)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import count

from sortedcontainers import SortedList

from connectors.salesforce.sandbox.keys import KeyIndex
from connectors.salesforce.sandbox.schema import Row, Schema

Mark = tuple[str, str]
"""A place in the order of (SystemModstamp, Id)."""


class View:
    """The rows of one object as queries see them, deleted ones too."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.rows: dict[str, Row] = {}
        self.keys: dict[str, KeyIndex] = {}
        self._ids: list[str] = []
        self._marks: SortedList = SortedList()
        self._late: list[tuple[float, int, Row]] = []
        self._last_due: dict[str, float] = {}
        self._number = count()
        self.index(schema)

    def index(self, schema: Schema) -> None:
        """Follow a change of the schema."""
        self.schema = schema
        self.keys = {field.name: KeyIndex(field, deleted=True) for field in schema.indexed}
        for row in self.rows.values():
            for index in self.keys.values():
                index.move(None, row)

    def show(self, rows: Iterable[Row], *, due: float | None = None) -> None:
        """Let queries see these versions: at once, or from the time `due` on.

        Late versions appear when they are due, in whatever order they were given, but those of one row in
        their own order. Nothing may be shown at once while some are late.
        """
        if due is not None:
            for row in rows:
                at = self._last_due[row["Id"]] = max(due, self._last_due.get(row["Id"], due))
                heappush(self._late, (at, next(self._number), row))
            return
        for row in rows:
            self._publish(row)

    def advance(self, now: float | None) -> None:
        """Publish what is due at `now`; None publishes all that waits."""
        while self._late and (now is None or self._late[0][0] <= now):
            self._publish(heappop(self._late)[2])
        if not self._late:
            self._last_due.clear()

    @property
    def oldest_hidden(self) -> str | None:
        """The stamp of the first version that queries do not see yet."""
        return min((row["SystemModstamp"] for _, _, row in self._late), default=None)

    def by_stamp(self, low: Mark | None, high: Mark | None, *, reverse: bool = False) -> Iterator[Row]:
        """Rows in the order of (SystemModstamp, Id), between two marks, both included."""
        rows = self.rows
        return (rows[record] for _, record in self._marks.irange(low, high, reverse=reverse))

    def by_id(self, low: str | None, high: str | None, *, reverse: bool = False) -> Iterator[Row]:
        """Rows in the order of Id, between two ids, both included."""
        start = 0 if low is None else bisect_left(self._ids, low)
        stop = len(self._ids) if high is None else bisect_right(self._ids, high)
        places: Sequence[int] = range(start, stop)
        rows, ids = self.rows, self._ids
        return (rows[ids[place]] for place in (reversed(places) if reverse else places))

    def _publish(self, row: Row) -> None:
        record = row["Id"]
        before = self.rows.get(record)
        if before is None:
            if self._ids and record < self._ids[-1]:
                insort(self._ids, record)
            else:
                self._ids.append(record)
        else:
            self._marks.remove((before["SystemModstamp"], record))
        self._marks.add((row["SystemModstamp"], record))
        self.rows[record] = row
        for index in self.keys.values():
            index.move(before, row)
