"""The CRM behind the reference connector: records in memory that people edit and faults that tests choose."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from connectors.errors import Unavailable
from connectors.port import Presence, Write
from connectors.records import JSON

_START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRecord:
    """A record as the CRM keeps it. `history`: (version, CRM field, value, by us) of every write."""

    ref: str
    values: Mapping[str, JSON]
    version: int
    modified_at: datetime
    presence: Presence = Presence.LIVE
    merged_into: str | None = None
    history: tuple[tuple[int, str, JSON, bool], ...] = ()


Fault = Callable[[str, Write | None], str | None]
"""Asked before each call with its kind, and the write if it is one; see `MemoryCrm.fault`."""


@dataclass(slots=True)
class MemoryCrm:
    """The CRM itself: what people edit and the connector talks to.

    Args:
        conditional_write: refuse writes with a stale version.
        keeps_history: keep what was overwritten.
        unique_key: refuse a second record with one key.
        page_size: records per page of a listing, and per read.
        write_size: records per write.
        lengths: CRM field → longest value that is taken.
        fault: returns None, or `unavailable` (nothing happens), `lost_answer` (the write happens, the answer
            does not arrive), or `refused` (the record is invalid).
    """

    conditional_write: bool = True
    keeps_history: bool = True
    unique_key: bool = True
    page_size: int = 100
    write_size: int = 100
    lengths: Mapping[str, int] = field(default_factory=dict)
    fault: Fault = lambda _kind, _write: None
    before_write: Callable[[], None] = lambda: None
    records: dict[str, MemoryRecord] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    now: datetime = _START
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def tick(self) -> datetime:
        """A time that no other change has."""
        self.now += timedelta(seconds=1)
        return self.now

    def create(self, values: Mapping[str, JSON], *, ours: bool = False) -> str:
        """Make a record, as a person does in the CRM's own pages."""
        ref = f"m{next(self._numbers):06d}"
        history = tuple((1, name, value, ours) for name, value in values.items())
        self.records[ref] = MemoryRecord(
            ref=ref, values=dict(values), version=1, modified_at=self.tick(), history=history
        )
        return ref

    def edit(self, ref: str, values: Mapping[str, JSON], *, ours: bool = False) -> None:
        """Change a record, as a person does."""
        record = self.records[ref]
        version = record.version + 1
        self.records[ref] = replace(
            record,
            values={**record.values, **values},
            version=version,
            modified_at=self.tick(),
            history=(*record.history, *((version, name, value, ours) for name, value in values.items())),
        )

    def delete(self, ref: str) -> None:
        """Delete a record."""
        self._end(ref, Presence.DELETED, None)

    def undelete(self, ref: str) -> None:
        """Bring a deleted record back."""
        self._end(ref, Presence.LIVE, None)

    def merge(self, winner: str, loser: str) -> None:
        """Merge one record into another."""
        self._end(loser, Presence.MERGED, winner)

    def _end(self, ref: str, presence: Presence, merged_into: str | None) -> None:
        record = self.records[ref]
        self.records[ref] = replace(
            record,
            presence=presence,
            merged_into=merged_into,
            version=record.version + 1,
            modified_at=self.tick(),
        )

    def called(self, kind: str, write: Write | None = None) -> str | None:
        """Count a call and ask for its fault.

        Raises:
            Unavailable: the fault is that nothing happens at all.
        """
        self.calls[kind] = self.calls.get(kind, 0) + 1
        return self.faulty(kind, write)

    def faulty(self, kind: str, write: Write | None) -> str | None:
        """Ask for the fault of a call without counting it."""
        found = self.fault(kind, write)
        if found == "unavailable":
            raise Unavailable("The CRM does not answer.")
        return found


_SHARED: dict[str, MemoryCrm] = {}


def shared_crm(url: str) -> MemoryCrm:
    """The CRM that `memory://name` stands for in this process."""
    return _SHARED.setdefault(url, MemoryCrm())
