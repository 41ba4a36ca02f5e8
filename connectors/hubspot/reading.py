"""Reads by id and by external id, straight from the records and not from the search index.

A batch read says of each id whether it was found, or should: a record that was merged away comes back
under its new id, and is at times left out without a word. Ids of which an answer says nothing are read
one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from connectors.errors import NotFound
from connectors.hubspot.mapping import Record, Records
from connectors.hubspot.refusals import NOT_FOUND, read_refusal
from connectors.hubspot.wire import Batch, Wire
from connectors.port import Observation

T = TypeVar("T")

READ_BATCH = 100

_BATCH = msgspec.json.Decoder(Batch)
_RAW = msgspec.json.Decoder(msgspec.Raw)


@dataclass(frozen=True, slots=True)
class _Lookup:
    """How records are asked for: by id, or by the values of a unique property."""

    archived: bool = False
    id_property: str | None = None


_BY_ID = _Lookup()


class Reader:
    """Consistent reads.

    Args:
        wire: the account.
        records: the field map.
    """

    def __init__(self, wire: Wire, records: Records) -> None:
        self._wire = wire
        self._records = records

    def live(self, refs: Iterable[str]) -> dict[str, Observation]:
        """The records that are there, each under the ref that it was asked for by.

        One that was merged into another is `MERGED`, with the id that it has now.
        """
        return self._read(refs, _BY_ID)

    def get_many(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Live, merged and archived records; those that HubSpot does not know are absent."""
        found = self.live(refs)
        missing = [ref for ref in refs if ref not in found]
        return found | self._read(missing, _Lookup(archived=True)) if missing else found

    def by_key(self, keys: Iterable[str]) -> list[Observation]:
        """The live records with these external ids, whose property must be unique."""
        lookup = _Lookup(id_property=self._records.key)
        found: dict[str, Record] = {}
        for batch in batches([key for key in dict.fromkeys(keys) if key], READ_BATCH):
            records, silent = self._batch(batch, lookup)
            silent -= {each.observation.external_id or "" for each in records}
            records += [record for key in silent if (record := self._one(key, lookup)) is not None]
            found |= {each.ref: each for each in records}
        return [each.observation for each in found.values()]

    def _read(self, refs: Iterable[str], lookup: _Lookup) -> dict[str, Observation]:
        found: dict[str, Observation] = {}
        for batch in batches([ref for ref in dict.fromkeys(refs) if _is_id(ref)], READ_BATCH):
            records, silent = self._batch(batch, lookup)
            by_id = {each.ref: each for each in records}
            by_alias = {alias: each for each in records for alias in each.aliases}
            for ref in batch:
                if ref in by_id:
                    found[ref] = by_id[ref].observation
                elif ref in by_alias:
                    found[ref] = self._records.merged(by_alias[ref], ref)
                elif ref in silent and (record := self._one(ref, lookup)) is not None:
                    same = record.ref == ref
                    found[ref] = record.observation if same else self._records.merged(record, ref)
        return found

    def _batch(self, ids: Sequence[str], lookup: _Lookup) -> tuple[list[Record], set[str]]:
        """The records found, and the ids that are neither theirs nor said to be missing."""
        body = {"inputs": [{"id": each} for each in ids], "properties": list(self._records.properties)}
        if lookup.id_property is not None:
            body["idProperty"] = lookup.id_property
        read = self._wire.batches.read
        answer = self._wire.ask(
            "batch_read", read, _BATCH, body, archived=lookup.archived, good=(200, 207)
        ).value
        records = [self._records.read(raw) for raw in answer.results]
        denied = {each for error in answer.errors for each in _denied(error)}
        return records, set(ids) - denied - {each.ref for each in records}

    def _one(self, ref: str, lookup: _Lookup) -> Record | None:
        try:
            answer = self._wire.ask(
                "read",
                self._wire.companies.get_by_id,
                _RAW,
                ref,
                properties=list(self._records.properties),
                archived=lookup.archived,
                id_property=lookup.id_property,
            )
        except NotFound:
            return None
        return self._records.read(answer.value)


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive parts of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _is_id(ref: str) -> bool:
    return ref.isascii() and ref.isdecimal()


def _denied(error: object) -> tuple[str, ...]:
    """The ids that one error of a batch read says are not there."""
    refusal = read_refusal(error)
    if refusal.category != NOT_FOUND:
        return ()
    return refusal.context.get("ids", ()) + refusal.context.get("id", ())
