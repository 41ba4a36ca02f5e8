"""A CRM as small as one can be: records with versions, and a past in which every write stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from connectors.records import FieldValue
from sync.core.match import RemoteView


class StaleError(Exception):
    """The record is no longer of the version that was read."""


@dataclass(frozen=True, slots=True)
class Write:
    """What one write did to one record."""

    ref: str
    version: int
    ours: bool
    before: Mapping[str, FieldValue]
    after: Mapping[str, FieldValue]
    created: bool = False


@dataclass(slots=True)
class Record:
    """A record; `merged_into` is set once it has gone into another."""

    key: str
    fields: dict[str, FieldValue]
    version: int = 1
    live: bool = True
    merged_into: str | None = None


@dataclass
class SmallCrm:
    """Writes conditionally, or keeps a history: by one of the two an overwritten value is known.

    Attributes:
        changed: refs in the order of their changes; a cursor is a place in it.
        past: every write of field values, oldest first.
    """

    name: str
    conditional: bool
    records: dict[str, Record] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    past: list[Write] = field(default_factory=list)

    def view(self, ref: str) -> RemoteView:
        """A live record, as planning sees it."""
        record = self.records[ref]
        return RemoteView(ref=ref, external_id=record.key, fields=dict(record.fields))

    def live(self) -> Iterator[str]:
        """Refs of records that are there."""
        return (ref for ref, record in self.records.items() if record.live)

    def with_key(self, key: str) -> list[str]:
        """Refs of live records with a key."""
        return [ref for ref in self.live() if self.records[ref].key == key]

    def create(self, key: str, values: Mapping[str, FieldValue], *, ours: bool) -> str:
        """Make a record."""
        ref = f"{self.name}{len(self.records) + 1}"
        self.records[ref] = Record(key, dict(values))
        self.changed.append(ref)
        self.past.append(Write(ref, 1, ours, {}, dict(values), created=True))
        return ref

    def edit(
        self, ref: str, values: Mapping[str, FieldValue], *, ours: bool, expected: int | None = None
    ) -> None:
        """Write some fields.

        Raises:
            StaleError: this CRM writes conditionally, and the record is of another version than `expected`.
        """
        record = self.records[ref]
        if self.conditional and expected is not None and record.version != expected:
            raise StaleError
        before = {path: record.fields[path] for path in values}
        record.fields.update(values)
        record.version += 1
        self.changed.append(ref)
        self.past.append(Write(ref, record.version, ours, before, dict(values)))

    def set_live(self, ref: str, *, live: bool, merged_into: str | None = None) -> None:
        """Delete a record, bring it back, or merge it into another."""
        record = self.records[ref]
        record.live, record.merged_into = live, merged_into
        record.version += 1
        self.changed.append(ref)

    def overwritten(self, ref: str, since: int, sent: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
        """Values of others that our write of these fields overwrote, of those written after `since`."""
        foreign: dict[str, FieldValue] = {}
        found: dict[str, FieldValue] = {}
        for write in self.past:
            if write.ref != ref or write.version <= since:
                continue
            for path, value in write.after.items():
                if not write.ours:
                    foreign[path] = value
                elif path in foreign and path in sent:
                    found[path] = foreign.pop(path)
        return found
