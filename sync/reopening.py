"""The undo of decisions: rows of the queue are opened again, with both sides as they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.records import JSON, from_json
from sync.apply import changes_as_json
from sync.core.diff import Change, Changeset
from sync.core.done import Left
from sync.core.landing import Purpose
from sync.core.reopen import Decided, ReopenPlan, plan_reopen, plan_rest, without_email
from sync.store import conflicts, jobs
from sync.store import undo as store
from sync.store.jobs import Wanted
from sync.store.links import StoredLink
from sync.store.query import Row
from sync.store.runs import AppliedChange
from sync.store.session import Tx
from sync.undo_apply import Written, leave, restore_here, send
from sync.undo_scene import Scene
from sync.work import Work

REOPENABLE = frozenset({"decide", "reopen", "reopen_crm"})
"""Actions of decisions. What the undo of one wrote to the CRM goes back by the push, once decided again."""


@dataclass(frozen=True, slots=True)
class Reopened:
    """What becomes of one record's decisions."""

    described: list[JSON] = field(default_factory=list)
    left: tuple[Left, ...] = ()
    to_local: bool = False


@dataclass(slots=True)
class Reopening:
    """The decisions of a page, by customer, with the rows of the queue that they closed.

    `unsent` holds by row of the queue the fields that an earlier undo opened again, and the CRM never took.
    """

    decisions: Mapping[str, Sequence[Row]]
    questions: Mapping[str, Row]
    unsent: Mapping[str, frozenset[str]]
    plans: dict[str, list[tuple[Row, ReopenPlan]]] = field(default_factory=dict)
    put: list[tuple[Row, str, str | None]] = field(default_factory=list)
    pushes: bool = False

    @classmethod
    def of(cls, tx: Tx, by_customer: Mapping[str, Sequence[Row]]) -> Reopening:
        """Read what a page has of them."""
        decisions = {
            each: [row for row in rows if row["action"] in ("decide", "reopen")]
            for each, rows in by_customer.items()
        }
        ids = {row["details"]["conflict"] for rows in decisions.values() for row in rows}
        questions = store.questions(tx, ids) if ids else {}
        undecided = {each for each, row in questions.items() if row["decided_by"] is None}
        asked = {
            each
            for each, rows in decisions.items()
            if undecided.intersection(row["details"]["conflict"] for row in rows)
        }
        return cls(decisions, questions, _unsent(store.history(tx, asked)) if asked else {})

    def plan(self, scene: Scene, customer_id: str) -> Changeset:
        """Plan the undo of a customer's decisions, the last one first; returns what it writes here."""
        rows = self.decisions[customer_id][::-1]
        self.plans[customer_id] = [(row, self._plan(scene, customer_id, row)) for row in rows]
        return {path: each for _, plan in self.plans[customer_id] for path, each in plan.to_local.items()}

    def leave_email(self, customer_id: str) -> None:
        """Leave a customer's e-mail address alone: it is another customer's by now."""
        self.plans[customer_id] = [
            (row, without_email(plan) if "email" in plan.to_local else plan)
            for row, plan in self.plans[customer_id]
        ]

    def gather(self, written: Written, scene: Scene, customer_id: str) -> Reopened:
        """Add what the plans for a customer's decisions amount to."""
        told: list[JSON] = []
        left: tuple[Left, ...] = ()
        moved = False
        for row, plan in self.plans[customer_id]:
            left += plan.left
            if plan.paths:
                self._carry(written, scene, row, plan)
                moved |= bool(plan.to_local)
            elif plan.to_remote:
                send(written, scene, customer_id, plan.to_remote, Purpose.REOPEN)
            told += _described(row, plan)
        return Reopened(told, left, moved)

    def _plan(self, scene: Scene, customer_id: str, row: Row) -> ReopenPlan:
        question, again = self.questions.get(row["details"]["conflict"]), row["action"] == "reopen"
        unsent = self.unsent.get(row["details"]["conflict"], frozenset())
        fields = row["fields"]
        decided = Decided(
            local={
                path: Change(from_json(path, pair[0]), from_json(path, pair[1]))
                for path, pair in fields.items()
            },
            theirs={path: from_json(path, value) for path, value in row["details"]["theirs"].items()},
            again=again,
        )
        now = scene.now(customer_id, row["ref"], fields)
        if question is None:
            stands = not again
        elif again:
            stands = question["state"] == conflicts.OPEN
        elif question["state"] == conflicts.OPEN:  # it is undone already, but for what the CRM did not take
            return plan_rest(decided, now, scene.work.policy, unsent=unsent) if unsent else ReopenPlan()
        else:
            # One that closed by itself while the CRM still held what was decided never got its answer.
            closed = question["state"] == conflicts.SUPERSEDED and question["decided_by"] is None
            stands = question["decided_at"] == row["at"] or (closed and bool(unsent))
        return plan_reopen(decided, now, scene.work.policy, stands=stands)

    def _carry(self, written: Written, scene: Scene, row: Row, plan: ReopenPlan) -> None:
        """Both sides, the baseline, what was accepted, the link and the question become what they were."""
        customer_id, details = row["customer_id"], row["details"]
        own, again = scene.own[customer_id], row["action"] == "reopen"
        bumps = bool(plan.to_local) and customer_id not in written.customers
        if plan.to_local:
            restore_here(written, scene, customer_id, plan.to_local, kept=False)
        if plan.to_remote:
            send(written, scene, customer_id, plan.to_remote, Purpose.REOPEN)
        columns = written.links.get(own.id, (own, {}))[1]
        baseline = dict(columns.get("baseline", own.row["baseline"]) or {})
        accepted = dict(columns.get("accepted", own.row["accepted"]) or {})
        for path in plan.paths:
            _put(baseline, path, row["before_baseline"])
            _put(accepted, path, details["accepted"][0])
        written.link(own, baseline=baseline, accepted=accepted or None)
        if again:
            written.link(own, dirty_at=scene.at, dirty_why="decision")
            self.pushes = True
        if plan.whole:
            written.link(own, state=details["link"][0])
        else:
            written.look_again.append(own)  # what is still to be asked is asked by that look
        if plan.whole and details["conflict"] in self.questions:
            self.put.append((self.questions[details["conflict"]], details["question"][0], details["by"]))
        written.applied.append(_inverse(row, own, plan, bumps=bumps))

    def write(self, tx: Tx, work: Work, at: datetime) -> None:
        """Open the rows again, or close them as they were decided, and let the push carry what was."""
        for row, state, actor in self.put:
            store.put_question(tx, row, state, actor, at)
        if self.pushes:
            jobs.ask_for(tx, [Wanted(work.connection_id, "push", organisation_id=work.organisation_id)])


def _inverse(row: Row, own: StoredLink, plan: ReopenPlan, *, bumps: bool) -> AppliedChange:
    """The change that an undo of this one undoes: the same, turned round; `bumps` if it makes a version."""
    details = row["details"]
    turned = {name: details[name][::-1] for name in ("question", "link", "accepted")}
    kept = {path: pair[::-1] for path, pair in row["fields"].items() if path in plan.paths}
    pairs = {path: pair for path, pair in details["pairs"].items() if path in plan.paths}
    return AppliedChange(
        side="local",
        action="decide" if row["action"] == "reopen" else "reopen",
        customer_id=row["customer_id"],
        link_id=own.id,
        ref=own.ref,
        fields=kept,
        before_baseline=pairs,
        details={
            **details,
            **turned,
            "pairs": row["before_baseline"],
            "bumps": bumps,
            "sends": [*sorted(plan.to_remote)],
        },
    )


def _unsent(history: Iterable[Row]) -> dict[str, frozenset[str]]:
    """Row of the queue → the fields that its last undo was to send to the CRM, and that did not land."""
    owed: dict[str, tuple[str, frozenset[str]]] = {}
    for row in history:
        if row["action"] == "reopen":
            owed[row["details"]["conflict"]] = (row["link_id"], frozenset(row["details"].get("sends", ())))
        elif row["action"] == "reopen_crm":
            for question, (link_id, paths) in owed.items():
                if link_id == row["link_id"]:
                    owed[question] = (link_id, paths - row["fields"].keys())
    return {question: paths for question, (_, paths) in owed.items() if paths}


def _put(columns: dict[str, JSON], path: str, before: Mapping[str, JSON]) -> None:
    if path in before:
        columns[path] = before[path]
    else:
        columns.pop(path, None)


def _described(row: Row, plan: ReopenPlan) -> list[JSON]:
    out: list[JSON] = []
    for name, moves in (("restore_local", plan.to_local), ("restore_remote", plan.to_remote)):
        if moves:
            out.append({"action": name, "changes": changes_as_json(moves)})
    if plan.paths and plan.whole:
        name = "decide_again" if row["action"] == "reopen" else "reopen_question"
        out.append({"action": name, "question": row["details"]["conflict"]})
    return out + [leave(each) for each in plan.left]
