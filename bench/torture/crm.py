"""A CRM in memory that keeps a journal of everything, lags, and is asked for trouble before every call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from bench.torture.clock import SimulatedClock
from connectors.errors import Unavailable
from connectors.memory import KEY, MemoryConnector
from connectors.memory_crm import MemoryCrm, MemoryRecord
from connectors.port import (
    Capabilities,
    ConnectorConfig,
    Cursor,
    Description,
    Landed,
    Observation,
    Page,
    Presence,
    Receipt,
    Update,
    Write,
)
from connectors.records import JSON, Fields

LOOK_BACK = timedelta(minutes=10)
T = TypeVar("T")


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
        expected: the version that the write at hand believes in.
    """

    clock: SimulatedClock
    inner: MemoryCrm
    whole_seconds: bool = False
    journal: list[Entry] = field(default_factory=list)
    lag: float = 0.0
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
        self._time()
        act()
        self.journal.append(Entry(ref, what, dict(values), before.values, ours=False))
        self._hide(ref, before)

    def _wrote(self, known: set[str], act: Callable[[], str]) -> str:
        self._time()
        ref = act()
        self.journal.append(Entry(ref, "create", self.inner.records[ref].values, {}, ours=False))
        self._hide(ref, None)
        return ref

    def note_ours(self, before: Mapping[str, MemoryRecord], write: Write) -> None:
        """Find out what one of our writes did, and keep it."""
        for ref, record in self.inner.records.items():
            old = before.get(ref)
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

    def _time(self) -> None:
        now = self.clock.now
        if self.whole_seconds:  # two changes within one have the same stamp
            now = now.replace(microsecond=0)
        self.inner.now = now - timedelta(seconds=1)  # `MemoryCrm.tick` goes on by one


class TorturedConnector:
    """The port over a `TorturedCrm`; `trouble` is asked before and after each call."""

    def __init__(self, crm: TorturedCrm, config: ConnectorConfig, trouble: Trouble) -> None:
        self.crm = crm
        self._inner = MemoryConnector(crm.inner, config)
        self._trouble = trouble

    @property
    def capabilities(self) -> Capabilities:
        """As of the reference connector."""
        return self._inner.capabilities

    @property
    def key_field(self) -> str:
        """As of the reference connector."""
        return self._inner.key_field

    def describe(self) -> Description:
        """As of the reference connector."""
        return self._asked("describe", self._inner.describe)

    def list_changes(self, cursor: Cursor | None) -> Page:
        """By (time, ref) with a look-back, of what the index shows."""
        return self._asked("list_changes", lambda: self._changes(cursor))

    def _changes(self, cursor: Cursor | None) -> Page:
        now = self.crm.clock.now
        if cursor is None or "since" not in cursor:
            since = str(cursor["at"]) if cursor else now.isoformat()
            start = (datetime.fromisoformat(since) - LOOK_BACK).isoformat()
            if cursor is None:
                return Page((), {"since": start}, more=False)
            cursor = {"since": start}
        begun = str(cursor.get("begun") or now.isoformat())
        after = (str(cursor.get("at") or cursor["since"]), str(cursor.get("ref") or ""))
        found = [(each.modified_at.isoformat(), each.ref, each) for each in self.crm.shown()]
        rest = sorted((each for each in found if each[:2] > after), key=lambda each: each[:2])
        page = rest[: self.capabilities.page_size]
        if len(rest) > len(page):
            following: Cursor = {**cursor, "begun": begun, "at": page[-1][0], "ref": page[-1][1]}
            return Page([self._inner._observe(each) for _, _, each in page], following, more=True)
        following = {"since": (datetime.fromisoformat(begun) - LOOK_BACK).isoformat()}
        return Page([self._inner._observe(each) for _, _, each in page], following, more=False)

    def list_all(self, cursor: Cursor | None = None) -> Page:
        """Live records by ref, of what the index shows."""
        return self._asked("list_all", lambda: self._all(cursor))

    def _all(self, cursor: Cursor | None) -> Page:
        now = self.crm.clock.now.isoformat()
        state = dict(cursor or {"since": now, "after": ""})
        live = [each for each in self.crm.shown() if each.presence is Presence.LIVE]
        rest = sorted((each for each in live if each.ref > str(state["after"])), key=lambda each: each.ref)
        page = rest[: self.capabilities.page_size]
        more = len(rest) > len(page)
        following: Cursor = {**state, "after": page[-1].ref} if more else {"at": state["since"]}
        return Page([self._inner._observe(each) for each in page], following, more=more, total=len(live))

    def partitions(self, count: int) -> Sequence[Cursor]:
        """One."""
        return [{"since": self.crm.clock.now.isoformat(), "after": ""}]

    def list_deleted(self, cursor: Cursor | None = None) -> Page:
        """Nothing: `list_changes` has them."""
        return Page((), dict(cursor or {}), more=False)

    def get_many(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Records by ref, as they are."""
        return self._asked("get_many", lambda: self._inner.get_many(refs))

    def find_by_external_id(self, external_ids: Sequence[str]) -> Sequence[Observation]:
        """Live records by key, as they are."""
        return self._asked("find", lambda: self._inner.find_by_external_id(external_ids))

    def write(self, batch: Sequence[Write]) -> Sequence[Receipt]:
        """Each write by itself; the answer may be lost at any of them, or for all."""
        self._trouble.before("write")
        receipts: list[Receipt] = []
        for each in batch:
            self._trouble.before("write_one")
            before = dict(self.crm.inner.records)
            fault = self._trouble.fault_of_write()
            if fault == "cut":
                # The line is cut here: what was written before is written, and nobody is told.
                raise Unavailable("The connection was cut.", outcome_unknown=True)
            self.crm.inner.fault = lambda _kind, _write, fault=fault: fault  # type: ignore[misc]
            self.crm._time()
            receipts += self._inner.write([each])
            self.crm.inner.fault = lambda _kind, _write: None
            self.crm.note_ours(before, each)
            landed = receipts[-1]
            if isinstance(landed, Landed) and fault == "unread":
                receipts[-1] = Landed(landed.ref, None)
            self._trouble.after("write_one")
        self._trouble.after("write")
        return receipts

    def overwritten(self, updates: Sequence[Update]) -> Sequence[Fields]:
        """From the history."""
        if not self.capabilities.history:
            return [{} for _ in updates]
        return self._asked("history", lambda: self._inner.overwritten(updates))

    def decode(self, observation: Observation) -> Fields:
        """As of the reference connector."""
        return self._inner.decode(observation)

    def calls(self) -> Mapping[str, int]:
        """As of the reference connector."""
        return self._inner.calls()

    def close(self) -> None:
        """Nothing to give back."""

    def _asked(self, kind: str, call: Callable[[], T]) -> T:
        self._trouble.before(kind)
        self._trouble.fail(kind)
        answer = call()
        self._trouble.after(kind)
        return answer


class Trouble:
    """No trouble at all; a schedule overrides what it wants."""

    def before(self, kind: str) -> None:
        """Before a call, and before each write of one."""

    def after(self, kind: str) -> None:
        """After a call, and after each write of one."""

    def fail(self, kind: str) -> None:
        """Raise what the call is to fail with, if it is."""

    def fault_of_write(self) -> str | None:
        """What becomes of a write: see `MemoryCrm.fault`; also `cut` and `unread`."""
        return None


__all__ = ["KEY", "Entry", "TorturedConnector", "TorturedCrm", "Trouble"]
