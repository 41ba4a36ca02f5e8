"""A CRM in memory that keeps a journal of everything, and whose index and clock are behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bench.torture.clock import SimulatedClock
from connectors.memory_crm import MemoryCrm, MemoryRecord
from connectors.port import Presence, Update, Write
from connectors.records import JSON


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal: who did what to which record, and what it held before."""

    ref: str
    what: str  # create, edit, deleted, live, merged
    values: Mapping[str, JSON]
    before: Mapping[str, JSON]
    ours: bool
    expected: str | None = None


@dataclass(eq=False)
class TorturedCrm:
    """A `MemoryCrm` with a journal and a lagging index; `names` are those of a made-up person.

    Attributes:
        lag: how many seconds later listings show what is written from now on.
        skew: by how many seconds the CRM's clock is ahead of Concord's.
        unsure: records of which Concord cannot know what its own write did to them.
    """

    clock: SimulatedClock
    inner: MemoryCrm
    whole_seconds: bool = False
    journal: list[Entry] = field(default_factory=list)
    lag: float = 0.0
    skew: float = 0.0
    unsure: set[str] = field(default_factory=set)
    _hidden: dict[str, tuple[datetime, MemoryRecord | None]] = field(default_factory=dict)

    def create(self, values: Mapping[str, JSON]) -> str:
        """A person makes a record."""
        return self._wrote(set(self.inner.records), lambda: self.inner.create(values))

    def edit(self, ref: str, values: Mapping[str, JSON]) -> None:
        """A person changes a record."""
        self._noted(ref, "edit", values, lambda: self.inner.edit(ref, values))

    def delete(self, ref: str) -> None:
        """A person deletes a record."""
        self._noted(ref, "deleted", {}, lambda: self.inner.delete(ref))

    def undelete(self, ref: str) -> None:
        """A person brings a record back."""
        self._noted(ref, "live", {}, lambda: self.inner.undelete(ref))

    def merge(self, winner: str, loser: str) -> None:
        """A person merges a record into another."""
        self._noted(loser, "merged", {}, lambda: self.inner.merge(winner, loser))

    def merge_anew(self, winner: str, loser: str) -> str:
        """A person merges two records, and the CRM keeps the outcome under a new id."""
        records = self.inner.records
        values = {**records[loser].values, **records[winner].values}
        ref = f"m{len(records) + 1:06d}"
        for each in (loser, winner):
            self._noted(each, "merged", {}, lambda each=each: self.inner.merge(ref, each))  # type: ignore[misc]
        made = self.create(values)
        assert made == ref
        return ref

    @property
    def now(self) -> datetime:
        """The time, as the CRM has it."""
        return self.clock.now + timedelta(seconds=self.skew)

    def live(self) -> list[MemoryRecord]:
        """Records that are there."""
        return [each for each in self.inner.records.values() if each.presence is Presence.LIVE]

    def shown(self) -> list[MemoryRecord]:
        """Records as the index has them by now."""
        found = []
        for ref, record in self.inner.records.items():
            until, before = self._hidden.get(ref, (self.clock.now, record))
            present = before if until > self.clock.now else record
            if present is not None:
                found.append(present)
        return found

    def _noted(self, ref: str, what: str, values: Mapping[str, JSON], act: Callable[[], None]) -> None:
        before = self.inner.records[ref]
        self.set_time()
        act()
        self.journal.append(Entry(ref, what, dict(values), before.values, ours=False))
        self._hide(ref, before)

    def _wrote(self, known: set[str], act: Callable[[], str]) -> str:
        self.set_time()
        ref = act()
        self.journal.append(Entry(ref, "create", self.inner.records[ref].values, {}, ours=False))
        self._hide(ref, None)
        return ref

    def note_ours(self, before: Mapping[str, MemoryRecord], write: Write, *, sure: bool = True) -> None:
        """Find out what one of our writes did, and keep it."""
        for ref, record in self.inner.records.items():
            old = before.get(ref)
            if not sure and old is not record:
                self.unsure.add(ref)
            if old is None:
                self.journal.append(Entry(ref, "create", record.values, {}, ours=True))
                self._hide(ref, None)
            elif old.version != record.version:
                written = {name: value for version, name, value, _ in record.history[len(old.history) :]}
                expected = write.expected_version if isinstance(write, Update) else None
                current = expected if expected == str(old.version) else None
                self.journal.append(Entry(ref, "edit", written, old.values, ours=True, expected=current))
                self._hide(ref, old)

    def _hide(self, ref: str, before: MemoryRecord | None) -> None:
        until, older = self._hidden.get(ref, (self.clock.now, before))
        if until > self.clock.now:
            before = older
        self._hidden[ref] = (max(until, self.clock.now + timedelta(seconds=self.lag)), before)

    def set_time(self) -> None:
        """Tell the CRM what time it is."""
        now = self.now
        if self.whole_seconds:  # two changes within one have the same stamp
            now = now.replace(microsecond=0)
        self.inner.now = now - timedelta(seconds=1)  # `MemoryCrm.tick` goes on by one
