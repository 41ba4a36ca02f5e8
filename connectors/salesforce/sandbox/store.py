"""What the org has committed: rows, the index that keeps unique fields unique, and every change ever.

A row is a dict of the fields that have a value and is never changed in place: a write puts a new row in
its stead, so old rows serve as the history's before and after. Writes happen in a transaction, which
lands whole (journal, history, then the queries' view) or leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from connectors.salesforce.sandbox.keys import KeyIndex
from connectors.salesforce.sandbox.schema import Row, Schema
from connectors.sandbox.journal import Journal

STAMPS = frozenset(
    {"Id", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp"}
)
"""Fields that the org sets by itself: left out of what a change is said to have changed."""

COMPACT_ABOVE = 100_000
"""A journal of fewer transactions than this, and ten a record, is not rewritten: rewriting forgets the
history so far, which oracles read."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who writes: a user, from the API or from the pages, with the name the API client gave itself."""

    user_id: str
    user: str
    source: str
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One write of one row. `kind` is create, update, delete, undelete or merge."""

    seq: int
    at: str
    kind: str
    actor: Actor
    record: str
    before: Row | None
    after: Row

    def shown(self) -> dict[str, Any]:
        """The change as /_sandbox/history tells it."""
        before = self.before or {}
        names = [name for name in (before | self.after) if name not in STAMPS]
        return {
            "seq": self.seq,
            "at": self.at,
            "id": self.record,
            "user": self.actor.user,
            "user_id": self.actor.user_id,
            "source": self.actor.source,
            "client": self.actor.client,
            "kind": self.kind,
            "changed": {
                name: [before.get(name), self.after.get(name)]
                for name in names
                if before.get(name) != self.after.get(name)
            },
        }


class Store:
    """The committed rows of one object.

    Args:
        journal: where transactions are kept.
        schema: the object's fields, for the indexes.
        on_commit: called with the changes of each transaction once it has landed.
    """

    def __init__(
        self, journal: Journal, schema: Schema, on_commit: Callable[[Sequence[Change]], None]
    ) -> None:
        self.rows: dict[str, Row] = {}
        self.history: list[Change] = []
        self.keys: dict[str, KeyIndex] = {}
        self.seq = 0
        self._journal = journal
        self._on_commit = on_commit
        self._open: list[Change] | None = None
        self.index(schema)

    def index(self, schema: Schema) -> None:
        """Build the indexes anew, for fields that are new or compare otherwise."""
        self.keys = {field.name: KeyIndex(field) for field in schema.indexed}
        for row in self.rows.values():
            for index in self.keys.values():
                index.move(None, row)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Let all writes inside land together, or none if an exception leaves the block.

        A transaction inside another lands with the outer one, but can fail alone.
        """
        outer = self._open is None
        if self._open is None:
            self._open = []
        mark = len(self._open)
        try:
            yield
        except BaseException:
            while len(self._open) > mark:
                self._undo(self._open.pop())
            if outer:
                self._open = None
            raise
        if outer:
            changes, self._open = self._open, None
            self._commit(changes)

    def write(self, kind: str, actor: Actor, after: Row) -> None:
        """Put a new version of a row in the open transaction."""
        if self._open is None:
            raise RuntimeError("a write needs a transaction")
        record = after["Id"]
        before = self.rows.get(record)
        for index in self.keys.values():
            index.move(before, after)
        self.rows[record] = after
        self._open.append(Change(0, after["SystemModstamp"], kind, actor, record, before, after))

    def _undo(self, change: Change) -> None:
        for index in self.keys.values():
            index.move(change.after, change.before)
        if change.before is None:
            del self.rows[change.record]
        else:
            self.rows[change.record] = change.before

    def _commit(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        numbered = [
            Change(self.seq + place, each.at, each.kind, each.actor, each.record, each.before, each.after)
            for place, each in enumerate(changes, 1)
        ]
        if self._journal.path is not None:
            self._journal.append(_entry(numbered))
        self.seq = numbered[-1].seq
        self.history.extend(numbered)
        self._on_commit(numbered)

    def load(self) -> None:
        """Bring back what the journal holds; call it once, before any write."""
        for entry in self._journal.replay():
            for row in entry.get("rows", ()):
                self._put(row["Id"], row)
            self.seq = entry.get("seq", self.seq)
            if "changes" in entry:
                actor = Actor(**entry["by"])
                for kind, at, record, values in entry["changes"]:
                    before = self.rows.get(record)
                    after = {k: v for k, v in {**(before or {}), **values}.items() if v is not None}
                    self._put(record, after)
                    self.seq += 1
                    self.history.append(Change(self.seq, at, kind, actor, record, before, after))
        if self._journal.lines > COMPACT_ABOVE + 10 * len(self.rows):
            self._journal.compact(self._snapshot())

    def _put(self, record: str, after: Row) -> None:
        for index in self.keys.values():
            index.move(self.rows.get(record), after)
        self.rows[record] = after

    def _snapshot(self) -> Iterable[Mapping[str, Any]]:
        yield {"seq": self.seq}
        for row in self.rows.values():
            yield {"rows": [row]}


def _entry(changes: Sequence[Change]) -> dict[str, Any]:
    actor = changes[0].actor
    return {
        "by": {
            "user_id": actor.user_id,
            "user": actor.user,
            "source": actor.source,
            "client": actor.client,
        },
        "changes": [
            [change.kind, change.at, change.record, _difference(change.before or {}, change.after)]
            for change in changes
        ],
    }


def _difference(before: Row, after: Row) -> Row:
    values = {name: value for name, value in after.items() if before.get(name) != value}
    values.update({name: None for name in before if name not in after})
    return values
