"""What our writes overwrote unseen, by HubSpot's property history.

HubSpot has no conditional write. What can be proved afterwards: a value that somebody else set after the
version that we read, and before a write of our value, was overwritten by us without having been seen.
Nothing is claimed where our value is not in the history, or where the last foreign value is the one that
we had read or the one that we wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from connectors.errors import InvalidRecord
from connectors.hubspot.errors import unreadable
from connectors.hubspot.mapping import MERGED, Records, milliseconds, time_of
from connectors.hubspot.reading import batches
from connectors.hubspot.wire import Batch, Wire
from connectors.port import Update
from connectors.records import Fields

HISTORY_BATCH = 50
OWN_SOURCES = ("INTEGRATION", "API")
"""The source types of writes by apps, with the app as `sourceId`. Recorded: INTEGRATION; API is assumed."""


class _Version(msgspec.Struct):
    value: str | None = None
    timestamp: str = ""
    sourceType: str = ""  # noqa: N815 - the name on the wire
    sourceId: str | None = None  # noqa: N815 - the name on the wire

    @property
    def at(self) -> int:
        return milliseconds(time_of(self.timestamp))

    @property
    def text(self) -> str:
        return (self.value or "").strip()


class _Traced(msgspec.Struct):
    id: str
    properties: dict[str, Any] = msgspec.field(default_factory=dict)
    propertiesWithHistory: dict[str, list[_Version]] = msgspec.field(  # noqa: N815 - the name on the wire
        default_factory=dict
    )


Versions = Mapping[str, Sequence[_Version]]
"""Per property its values, newest first."""

_BATCH = msgspec.json.Decoder(Batch)
_TRACED = msgspec.json.Decoder(_Traced)


def _traced(raw: msgspec.Raw) -> _Traced:
    with suppress(msgspec.DecodeError):
        return _TRACED.decode(raw)
    raise unreadable(write=False)


class History:
    """Reads property histories.

    Args:
        wire: the account.
        records: the field map.
        app_id: the app whose token is used, if it is known; else every app's write of our value is ours.
    """

    def __init__(self, wire: Wire, records: Records, app_id: str | None) -> None:
        self._wire = wire
        self._records = records
        self._app_id = app_id

    def overwritten(self, updates: Sequence[Update]) -> list[Fields]:
        """Per update, the foreign values that it or an earlier try overwrote."""
        lost: list[Fields] = []
        for batch in batches(updates, HISTORY_BATCH):
            names = {name for each in batch for name in self._records.texts(each.fields)}
            histories = self._read({each.ref for each in batch}, sorted(names)) if names else {}
            lost += [self._lost(each, histories.get(each.ref, {})) for each in batch]
        return lost

    def _read(self, refs: Iterable[str], names: Sequence[str]) -> dict[str, Versions]:
        body = {
            "inputs": [{"id": ref} for ref in sorted(refs)],
            "properties": [MERGED],
            "propertiesWithHistory": list(names),
        }
        read = self._wire.batches.read
        answer = self._wire.ask("history", read, _BATCH, body, archived=False, good=(200, 207)).value
        found: dict[str, Versions] = {}
        for record in map(_traced, answer.results):
            for ref in (record.id, *str(record.properties.get(MERGED) or "").split(";")):
                found[ref] = record.propertiesWithHistory
        return found

    def _lost(self, update: Update, history: Versions) -> Fields:
        read = milliseconds(time_of(update.expected_version))
        if not read:
            return {}
        known, foreign = self._records.texts(update.before), {}
        for name, sent in self._records.texts(update.fields).items():
            oldest_first = history.get(name, ())[::-1]
            versions = sorted(oldest_first, key=lambda each: each.at)
            if name in history:
                known[name] = next((each.text for each in reversed(versions) if each.at <= read), "")
            later = [each for each in versions if each.at > read]
            ours = [place for place, each in enumerate(later) if self._is_ours(each, sent)]
            others = [each for each in later[: ours[-1]] if not self._is_ours(each, sent)] if ours else []
            if others:
                foreign[name] = others[-1].text
        return self._canonical(update, known, foreign) if foreign else {}

    def _is_ours(self, version: _Version, sent: str) -> bool:
        app = self._app_id is None or version.sourceId == self._app_id
        return app and version.sourceType in OWN_SOURCES and version.text == sent.strip()

    def _canonical(self, update: Update, known: Mapping[str, str], foreign: Mapping[str, str]) -> Fields:
        """Foreign texts as canonical values; an address is the one that was read, with what they changed."""
        touched = {self._records.path_of(name): text for name, text in foreign.items()}
        decode = self._records.codec.decode
        try:
            read, seen = decode(known), decode({**known, **foreign})
        except InvalidRecord:
            return touched
        return {
            path: seen[path]
            for path in touched
            if path in update.fields and seen[path] not in (read[path], update.fields[path])
        }
