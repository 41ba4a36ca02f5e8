"""The search index: what a search sees, which is not yet what was just written.

It keeps its own view of each live company, so that with a delay a search finds the old values, as
HubSpot's does. Two orders are kept sorted (time of last change and id, and id), and some properties
by value, so that the searches of a sync need no scan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from sortedcontainers import SortedList

from connectors.hubspot.sandbox.company import Company

HASHED = ("company_id", "billing_email", "domain")
"""Properties that are found by value without a scan."""


@dataclass(frozen=True, slots=True)
class Document:
    """A company as a search sees it."""

    id: int
    modified: int
    created: int
    values: Mapping[str, str]


class SearchIndex:
    """The documents; changes appear `delay` seconds after they are made, by the account's clock.

    With delays that differ, changes of several companies appear out of order, those of one never.

    Args:
        clock: the account's clock, seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.documents: dict[int, Document] = {}
        self.by_time: SortedList[tuple[int, int]] = SortedList()
        self.by_id: SortedList[int] = SortedList()
        self._by_value: dict[str, dict[str, set[int]]] = {name: {} for name in HASHED}
        self._waiting: list[tuple[float, int, int, Document | None]] = []
        self._last_due: dict[int, float] = {}
        self._number = count()
        self._delay = 0.0

    @property
    def delay(self) -> float:
        """Seconds until a change that is made now can be found; 0 also shows all that waits."""
        return self._delay

    @delay.setter
    def delay(self, seconds: float) -> None:
        if not seconds:
            self._settle(float("inf"))
        self._delay = seconds

    def put(self, company: Company) -> None:
        """Take in a company as it is now; an archived one is taken out."""
        document = None
        if company.archived_at is None:
            document = Document(company.id, company.modified, company.created, company.values)
        self._later(company.id, document)

    def drop(self, company: Company) -> None:
        """Take out a company that was merged away."""
        self._later(company.id, None)

    def settle(self) -> None:
        """Take in the changes whose time has come; to be called before each search."""
        if self._waiting:
            self._settle(self._clock())

    def having(self, name: str, values: Iterable[str]) -> Iterator[int]:
        """The ids of the documents with one of these lower-case values of a hashed property."""
        found = self._by_value[name]
        for value in set(values):
            yield from found.get(value, ())

    def _later(self, record: int, document: Document | None) -> None:
        if self._delay or self._waiting:
            due = self._clock() + self._delay
            due = self._last_due[record] = max(due, self._last_due.get(record, due))
            heappush(self._waiting, (due, next(self._number), record, document))
        else:
            self._replace(record, document)

    def _settle(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, _, record, document = heappop(self._waiting)
            self._replace(record, document)
        if not self._waiting:
            self._last_due.clear()

    def _replace(self, record: int, document: Document | None) -> None:
        old = self.documents.pop(record, None)
        if old is not None:
            self.by_time.remove((old.modified, record))
            self.by_id.remove(record)
            for name, owners in self._by_value.items():
                if value := old.values.get(name, "").lower():
                    owners[value].discard(record)
        if document is not None:
            self.documents[record] = document
            self.by_time.add((document.modified, record))
            self.by_id.add(record)
            for name, owners in self._by_value.items():
                if value := document.values.get(name, "").lower():
                    owners.setdefault(value, set()).add(record)
