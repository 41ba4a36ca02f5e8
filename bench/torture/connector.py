"""The port over a tortured CRM: the reference connector, asked for trouble before and after every call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from bench.torture.crm import TorturedCrm
from connectors.errors import Unavailable
from connectors.memory import MemoryConnector
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
    Unknown,
    Update,
    Write,
)
from connectors.records import Fields

LOOK_BACK = timedelta(minutes=10)
UNSURE = ("lost_answer", "unread")
T = TypeVar("T")


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
        now = self.crm.now
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
        now = self.crm.now.isoformat()
        state = dict(cursor or {"since": now, "after": ""})
        live = [each for each in self.crm.shown() if each.presence is Presence.LIVE]
        rest = sorted((each for each in live if each.ref > str(state["after"])), key=lambda each: each.ref)
        page = rest[: self.capabilities.page_size]
        more = len(rest) > len(page)
        following: Cursor = {**state, "after": page[-1].ref} if more else {"at": state["since"]}
        return Page([self._inner._observe(each) for each in page], following, more=more, total=len(live))

    def partitions(self, count: int) -> Sequence[Cursor]:
        """One."""
        return [{"since": self.crm.now.isoformat(), "after": ""}]

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
            self._trouble.writing(each)
            before = dict(self.crm.inner.records)
            fault = self._trouble.fault_of_write(each)
            if fault == "cut":
                # The line is cut here: what was written before is written, and nobody is told.
                raise Unavailable("The connection was cut.", outcome_unknown=True)
            if fault == "lost_request":
                receipts.append(Unknown(Unavailable("Nobody answers.", outcome_unknown=True)))
                self._trouble.after("write_one")
                continue
            self.crm.inner.fault = lambda _kind, _write, fault=fault: fault  # type: ignore[misc]
            self.crm.set_time()
            receipts += self._inner.write([each])
            self.crm.inner.fault = lambda _kind, _write: None
            self.crm.note_ours(before, each, sure=fault not in UNSURE)
            self._trouble.landing(each)
            landed = receipts[-1] = self._read(receipts[-1])
            self._trouble.written(each, landed.ref if isinstance(landed, Landed) else None)
            if isinstance(landed, Landed) and fault == "unread":
                receipts[-1] = Landed(landed.ref, None)
            self._trouble.after("write_one")
        self._trouble.after("write")
        return receipts

    def _read(self, receipt: Receipt) -> Receipt:
        """What the CRM has stored is read after the write: by then somebody may have changed it."""
        if not isinstance(receipt, Landed):
            return receipt
        record = self.crm.inner.records[receipt.ref]
        return Landed(receipt.ref, self._inner._observe(record) if record.presence is Presence.LIVE else None)

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

    def writing(self, write: Write) -> None:
        """Just before a write."""

    def landing(self, write: Write) -> None:
        """Just after a write, before what it has stored is read."""

    def written(self, write: Write, ref: str | None) -> None:
        """Just after a write; `ref` of the record if it landed."""

    def fault_of_write(self, write: Write) -> str | None:
        """What becomes of a write: see `MemoryCrm.fault`; also `lost_request`, `cut` and `unread`."""
        return None
