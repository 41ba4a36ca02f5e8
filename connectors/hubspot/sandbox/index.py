"""The search index: what a search sees, which is not yet what was just written.

It keeps its own view of each live company, so that with a delay a search finds the old values, as
HubSpot's does. Two orders are kept sorted (time of last change and id, and id), and some properties
by value, so that the searches of a sync need no scan.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

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
    """The documents; changes appear `delay` seconds after they are made."""

    def __init__(self) -> None:
        self.documents: dict[int, Document] = {}
        self.by_time: SortedList[tuple[int, int]] = SortedList()
        self.by_id: SortedList[int] = SortedList()
        self._by_value: dict[str, dict[str, set[int]]] = {name: {} for name in HASHED}
        self._waiting: deque[tuple[float, int, Document | None]] = deque()
        self._delay = 0.0

    @property
    def delay(self) -> float:
        """Seconds until a change can be found."""
        return self._delay

    @delay.setter
    def delay(self, seconds: float) -> None:
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
            self._settle(time.monotonic())

    def having(self, name: str, values: Iterable[str]) -> Iterator[int]:
        """The ids of the documents with one of these lower-case values of a hashed property."""
        found = self._by_value[name]
        for value in set(values):
            yield from found.get(value, ())

    def _later(self, record: int, document: Document | None) -> None:
        if self._delay or self._waiting:
            self._waiting.append((time.monotonic() + self._delay, record, document))
        else:
            self._replace(record, document)

    def _settle(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, record, document = self._waiting.popleft()
            self._replace(record, document)

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
