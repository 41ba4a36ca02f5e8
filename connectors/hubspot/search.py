"""Searches of companies, one page each, always by filters and never by page numbers.

Source: HubSpot docs, search the CRM: one sort rule, pages of 200, at most 10,000 results per query however
they are paged, bodies of at most 3,000 characters, texts compared in lower case, archived records never
shown, and new values seen only after a moment.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from connectors.errors import Unavailable
from connectors.hubspot.mapping import MERGED, MODIFIED, OBJECT_ID, Record, Records
from connectors.hubspot.reading import Reader
from connectors.hubspot.wire import Wire
from connectors.port import Observation, Presence

SEARCH_PAGE = 200
BODY_LIMIT = 3_000
_FILTER_ROOM = 600
"""Characters of a body that are kept for all but one list of names or values."""


class _Paging(msgspec.Struct):
    next: Any = None


class _Answer(msgspec.Struct):
    results: list[msgspec.Raw]
    total: int
    paging: _Paging | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


@dataclass(frozen=True, slots=True)
class Found:
    """A page: `places` are the records in the order of the search, as the index has them.

    `more`: there are further ones behind them. `at`: HubSpot's clock.
    """

    places: Sequence[Record]
    records: Sequence[Record]
    total: int
    more: bool
    at: int


Filter = Mapping[str, Any]


def where(name: str, operator: str, value: str | int) -> Filter:
    """One condition."""
    return {"propertyName": name, "operator": operator, "value": str(value)}


class Search:
    """Searches with the properties of a field map.

    Args:
        wire: the account.
        records: the field map.
        reader: for maps with so many properties that a search cannot ask for them.
    """

    def __init__(self, wire: Wire, records: Records, reader: Reader) -> None:
        self._wire = wire
        self._records = records
        self._reader = reader
        self._wide = len(json.dumps(records.properties)) > BODY_LIMIT - _FILTER_ROOM
        self._brief = [records.key, MODIFIED, MERGED]

    def page(
        self,
        filters: Sequence[Filter],
        *,
        sort: str = OBJECT_ID,
        down: bool = False,
        limit: int = SEARCH_PAGE,
        brief: bool = False,
    ) -> Found:
        """The first records that meet all the filters; `brief` reads no mapped property but the key.

        Raises:
            Unavailable: HubSpot says that there are more, and shows none; going on would skip them.
        """
        body = {
            "filterGroups": [{"filters": list(filters)}] if filters else [],
            "sorts": [{"propertyName": sort, "direction": "DESCENDING" if down else "ASCENDING"}],
            "properties": self._brief if brief or self._wide else list(self._records.properties),
            "limit": limit,
        }
        answer = self._wire.ask("search", self._wire.searches.do_search, _ANSWER, body)
        places = [self._records.read(raw) for raw in answer.value.results]
        more = len(places) >= limit or bool(answer.value.paging and answer.value.paging.next)
        if more and not places:
            raise Unavailable("HubSpot's search shows an empty page that is not the last.")
        records = self._whole(places) if self._wide and not brief else places
        return Found(places, records, answer.value.total, more, answer.at)

    def by_key(self, keys: Iterable[str]) -> list[Observation]:
        """The live records with one of these external ids, but for upper and lower case.

        They are found by the index and then read by id. Weaker than a read by a unique property: a record
        that was made a moment ago may not be found.
        """
        wanted = {folded(key) for key in keys if key.strip()}
        refs: dict[str, None] = {}
        for part in _parts(self._records.key, sorted({key.lower() for key in keys if key.strip()})):
            last, more = "0", True
            while more:
                page = self.page([_one_of(self._records.key, part), where(OBJECT_ID, "GT", last)], brief=True)
                refs |= dict.fromkeys(each.ref for each in page.places)
                more = page.more
                last = page.places[-1].ref if page.places else last
        return [
            each
            for each in self._reader.live(refs).values()
            if each.presence is Presence.LIVE and folded(each.external_id or "") in wanted
        ]

    def _whole(self, places: Sequence[Record]) -> Sequence[Record]:
        """The records with all their properties; of those that are gone by now, none."""
        found = self._reader.live(each.ref for each in places)
        return [
            Record(each.ref, each.stamp, each.aliases, observation)
            for each in places
            if (observation := found.get(each.ref)) is not None and observation.presence is Presence.LIVE
        ]


def _parts(name: str, keys: Iterable[str]) -> Iterator[list[str]]:
    """Keys in parts that fit into one body each: the SDK writes JSON in ASCII, so `é` counts as six."""
    part: list[str] = []
    used = len(name)
    for key in keys:
        length = len(json.dumps(key)) + len(", ")
        if part and used + length > BODY_LIMIT - _FILTER_ROOM:
            yield part
            part, used = [], len(name)
        part.append(key)
        used += length
    if part:
        yield part


def folded(text: str) -> str:
    """A text as HubSpot's search compares it, and more: trimmed, NFC, without case."""
    return unicodedata.normalize("NFC", text.strip().casefold())


def _one_of(name: str, values: Sequence[str]) -> Filter:
    return {"propertyName": name, "operator": "IN", "values": list(values)}
