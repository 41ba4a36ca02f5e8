"""What people decided is kept as a run, with what it replaced, so that it can be undone: one run per call.

A call that decides on several connections makes a run for each of them; all are parts of the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from connectors.records import JSON
from sync.decisions import Subject
from sync.store import runs
from sync.store.runs import AppliedChange
from sync.store.session import Tx


@dataclass(slots=True)
class Deciding:
    """The runs of one call, by connection, each with how often what was decided.

    A run is made with its first decision, in that decision's transaction; `settled` is told once that landed.
    """

    organisation_id: str
    actor: str
    ids: dict[str, str] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    fresh: tuple[str, str, Counter[str]] | None = None

    @property
    def run_id(self) -> str | None:
        """The run by which everything of this call can be undone; None if nothing was decided."""
        return next(iter(self.ids.values()), None)

    def keep(self, tx: Tx, subject: Subject, state: str, changes: Sequence[AppliedChange]) -> None:
        """Keep one decision: what became of its row, and what it changed."""
        connection_id = subject.stored.row["connection_id"]
        run_id = self.ids.get(connection_id) or runs.start(
            tx,
            organisation_id=self.organisation_id,
            connection_id=connection_id,
            kind="resolve",
            trigger="manual",
            actor=self.actor,
            owner="",
        )
        counts = self.counts.get(connection_id, Counter()) + Counter({state: 1})
        counted: dict[str, JSON] = {**counts}
        part = self.run_id if self.run_id != run_id else None
        runs.finish(tx, run_id, "done", approved=True, counts=counted, part_of=part)
        question: dict[str, JSON] = {
            "conflict": subject.stored.id,
            "question": ["open", state],
            "by": self.actor,
        }
        runs.record(
            tx,
            run_id,
            [replace(each, details={**(each.details or {}), **question}) for each in changes],
            connection_id=connection_id,
            first_seq=runs.next_seq(tx, run_id),
            at=subject.at,
        )
        self.fresh = (connection_id, run_id, counts)

    def settled(self) -> None:
        """The last decision has landed."""
        if self.fresh is not None:
            connection_id, run_id, counts = self.fresh
            self.ids[connection_id], self.counts[connection_id], self.fresh = run_id, counts, None
