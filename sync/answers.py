"""The undo of decisions on rows of files: the customer goes back, and the question is open again.

No record stands behind such a question, so there is no baseline to put back: see `reopening` for the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from connectors.records import JSON
from sync.apply import changes_as_json
from sync.core.done import Left, Now, Side, Why
from sync.core.undo import UndoPlan
from sync.store import conflicts
from sync.store import undo as store
from sync.store.query import Row
from sync.store.runs import ANSWER, AppliedChange
from sync.store.session import Tx
from sync.undo_apply import Written


@dataclass(slots=True)
class Answers:
    """The decisions of a page, by customer, with the rows of the queue that they closed."""

    decisions: Mapping[str, Row]
    questions: Mapping[str, Row]
    put: list[tuple[Row, str, str | None]] = field(default_factory=list)

    @classmethod
    def of(cls, tx: Tx, by_customer: Mapping[str, Sequence[Row]]) -> Answers:
        """Read what a page has of them. A customer has one question of files at a time."""
        found = {each: row for each, rows in by_customer.items() for row in rows if row["action"] == ANSWER}
        ids = {row["details"]["conflict"] for row in found.values()}
        return cls(found, store.questions(tx, ids) if ids else {})

    def now(self, customer_id: str, now: Now) -> Now:
        """How a customer stands but for the question itself, which asks about what is undone."""
        return replace(now, waiting=frozenset()) if customer_id in self.decisions else now

    def plan(self, customer_id: str, plan: UndoPlan) -> UndoPlan:
        """The plan, if the question is still as the decision left it."""
        row = self.decisions.get(customer_id)
        if row is None or self._stands(row):
            return plan
        return UndoPlan(left=(Left(Side.LOCAL, "", Why.DECIDED),))

    def _stands(self, row: Row) -> bool:
        question = self.questions.get(row["details"]["conflict"])
        if question is None or question["state"] != row["details"]["question"][1]:
            return False
        return bool(question["state"] == conflicts.OPEN or question["decided_at"] == row["at"])

    def gather(self, written: Written, customer_id: str, plan: UndoPlan) -> list[JSON]:
        """Add what becomes of the question; returns that as it is told."""
        row = self.decisions.get(customer_id)
        if row is None or plan.left:
            return []
        details = row["details"]
        state, by = details["question"][0], details["by"]
        self.put.append((self.questions[details["conflict"]], state, by))
        written.applied.append(
            AppliedChange(
                side="local",
                action=ANSWER,
                customer_id=customer_id,
                link_id=None,
                ref=None,
                fields=changes_as_json(plan.to_local),
                details={
                    "conflict": details["conflict"],
                    "question": details["question"][::-1],
                    "by": by,
                    "bumps": bool(plan.to_local),
                },
            )
        )
        name = "reopen_question" if state == conflicts.OPEN else "decide_again"
        return [{"action": name, "question": details["conflict"]}]

    def write(self, tx: Tx, at: datetime) -> None:
        """Open the rows again, or close them as they were decided."""
        for row, state, actor in self.put:
            store.put_question(tx, row, state, actor, at)
