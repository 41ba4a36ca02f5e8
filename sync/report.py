"""What a run did, in numbers: the keys of `concord sync --json`."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from connectors.records import JSON
from sync.core.actions import (
    QUARANTINE,
    ConflictKind,
    CreateCrm,
    CreateCustomer,
    RecordPlan,
    UpdateCrm,
    UpdateCustomer,
)
from sync.core.safety import Load

HIDDEN = frozenset({"braked", "blanked"})
"""Counts that are kept for the brake and told to nobody."""


@dataclass(slots=True)
class Tally:
    """Counts of one run, added up page by page.

    Args:
        drift: records that a full compare found changed or gone though nobody had told.
        out_of_scope: records, and customers without one, that were looked at and left alone.
        unknown: ids that a resync was to skip if neither side knows them, and that neither knew.
        undone: what an undo did beside values: customers deleted or restored, links detached or attached,
            questions of an import closed, and how much it left alone.
        done: records gone through, `of` how many as far as that is known.
    """

    pulled: int = 0
    unchanged: int = 0
    matched: int = 0
    created_local: int = 0
    created_remote: int = 0
    updated_local: int = 0
    updated_remote: int = 0
    quarantined: int = 0
    overwritten: int = 0
    deferred: int = 0
    out_of_scope: int = 0
    drift: int = 0
    held: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    load: Load = field(default_factory=Load)
    unknown: list[str] = field(default_factory=list)
    undone: Counter[str] = field(default_factory=Counter)
    done: int = 0
    of: int | None = None

    @property
    def writes(self) -> int:
        """Records changed on either side."""
        undone = self.undone["delete"] + self.undone["restore"]
        return self.created_local + self.created_remote + self.updated_local + self.updated_remote + undone

    @property
    def nothing(self) -> bool:
        """Whether all was as it had been left."""
        return not (self.writes or self.matched or self.held or self.deferred or self.drift)

    def snapshot(self) -> Tally:
        """The counts as they are, to be put back if a page does not land."""
        return copy.deepcopy(self)

    def restore(self, before: Tally) -> None:
        """Put counts back."""
        for each in fields(Tally):
            setattr(self, each.name, getattr(before, each.name))

    def opened(self, kinds: Mapping[str, int]) -> None:
        """Count rows newly opened in the queue."""
        for kind, count in kinds.items():
            self.held[kind] += count
            if ConflictKind(kind) in QUARANTINE:
                self.quarantined += count

    def planned(self, plans: Sequence[RecordPlan]) -> None:
        """Count a page of plans as if it were applied (the dry run)."""
        for plan in plans:
            for action in plan.actions:
                self.created_local += isinstance(action, CreateCustomer)
                self.created_remote += isinstance(action, CreateCrm)
                self.updated_local += isinstance(action, UpdateCustomer)
                # A new customer's record may be told its key: that is part of making it.
                self.updated_remote += isinstance(action, UpdateCrm) and bool(action.changes)

    def looked(self, plans: Sequence[RecordPlan]) -> None:
        """Count what looking found, in a dry run as in a real one."""
        for plan in plans:
            self.matched += plan.matched
            self.out_of_scope += plan.out_of_scope
            for why in plan.kept.values():
                self.kept[why] += 1

    def progress(self) -> dict[str, JSON]:
        """How far the run is, for its row."""
        return {"done": self.done, "of": None if self.of is None else max(self.of, self.done)}

    def counts(self) -> dict[str, JSON]:
        """All counts as JSON, for the run's row."""
        more: dict[str, JSON] = {"unknown": [*self.unknown]} if self.unknown else {}
        if undone := {name: count for name, count in sorted(self.undone.items()) if count}:
            more["undone"] = {**undone}
        return {
            "pulled": self.pulled,
            "matched": self.matched,
            "created_local": self.created_local,
            "created_remote": self.created_remote,
            "updated_local": self.updated_local,
            "updated_remote": self.updated_remote,
            "held": dict(sorted(self.held.items())),
            "unchanged": self.unchanged,
            "quarantined": self.quarantined,
            "overwritten": self.overwritten,
            "kept": dict(sorted(self.kept.items())),
            "deferred": self.deferred,
            "out_of_scope": self.out_of_scope,
            "drift": self.drift,
            "writes": self.writes,
            "braked": self.load.changed,
            "blanked": dict(self.load.blanked),
            **more,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of one run, as it is printed and returned.

    Args:
        run: the run's id.
        state: `done`, `needs_approval`, `failed` or `cancelled`.
        counts: `Tally.counts`.
        open: rows of the queue open now on this connection, by kind.
        calls: CRM calls by kind.
        reason: why it stopped, if it did not end as `done`.
        planned: of a plan its records by action, and the calls that carrying it out takes at least.
    """

    run: str
    connection: str
    state: str
    counts: Mapping[str, JSON]
    open: Mapping[str, int]
    calls: Mapping[str, int]
    reason: str | None = None
    planned: Mapping[str, JSON] | None = None

    def as_json(self) -> dict[str, JSON]:
        """The keys of `concord sync --json`."""
        shown = {name: value for name, value in self.counts.items() if name not in HIDDEN}
        body: dict[str, JSON] = {"run": self.run, "connection": self.connection, "state": self.state}
        body |= shown
        body["open"] = dict(self.open)
        body["calls"] = dict(self.calls)
        if self.planned is not None:
            body["planned"] = dict(self.planned)
        if self.reason:
            body["reason"] = self.reason
        return body
