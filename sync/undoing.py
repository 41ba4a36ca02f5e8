"""The undo of a run at work: its changes backwards, page by page, on both sides.

What is ours goes back in the page's transaction, together with the intents of what goes to the CRM. Whatever
is back already is passed over, so an undo that was cut off goes on when it is asked for again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.errors import Fatal, InvalidRecord, Retryable, VersionMismatch
from connectors.port import Failed, Landed, Receipt
from connectors.records import JSON
from sync.answers import Answers
from sync.core.done import Left, Side, Why, fold
from sync.core.undo import UndoPlan, claimed, hold_taken_emails, plan_undo
from sync.crash import crash_here
from sync.errors import ConcordError
from sync.late import kept_if_late
from sync.receipts import SentUpdate, settle_updates
from sync.reopening import REOPENABLE, Reopening
from sync.store import conflicts, customers, runs
from sync.store import undo as store
from sync.store.query import Row
from sync.store.session import Tx
from sync.undo_apply import Written, described, gather, keep_plans, leave, write_rows
from sync.undo_scene import Fetched, Scene, fetch, kept, load
from sync.unsettling import unsettle
from sync.work import Work
from sync.writing import write

PAGE = 200
ROUNDS = 3  # a record that changes between being read and written is read again


class UndoUnfinishedError(ConcordError):
    """The CRM did not take everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """What is to be undone: a run, or what it did to some customers.

    Args:
        run_id: the run.
        customer_ids: only these; None for all.
        record: how a person named them.
        part_of: the first of several runs that undo one thing.
    """

    run_id: str
    customer_ids: frozenset[str] | None = None
    record: str | None = None
    part_of: str | None = None

    def as_columns(self) -> dict[str, JSON]:
        """What is kept of it with its run."""
        selection: JSON = None if self.record is None else {"record": self.record}
        return {"undoes": self.run_id, "part_of": self.part_of, "selection": selection}

    def as_ordered(self) -> dict[str, JSON]:
        """What a worker needs besides, to carry it out later."""
        only: JSON = None if self.customer_ids is None else [*sorted(self.customer_ids)]
        return {"customers": only}

    @classmethod
    def of_run(cls, row: Row) -> Undoing | None:
        """What a run that waits for a worker is to undo; None if it is no undo."""
        if row["undoes"] is None:
            return None
        ordered, selection = row["ordered"], row["selection"] or {}
        only = ordered["customers"]
        return cls(
            run_id=row["undoes"],
            customer_ids=None if only is None else frozenset(only),
            record=selection.get("record"),
            part_of=row["part_of"],
        )


@dataclass(slots=True)
class _Undo:
    """An undo at work: what was left alone so far by customer, and for how many the CRM is not done."""

    work: Work
    undoing: Undoing
    left: dict[str, tuple[Left, ...]] = field(default_factory=dict)


def undo_changes(work: Work, undoing: Undoing) -> None:
    """Undo a run's changes, the last one first.

    Raises:
        NotFoundError: the run went meanwhile, as it was over its time.
        UndoUnfinishedError: the CRM did not take everything; asked for again, the undo goes on.
    """
    undo = _Undo(work, undoing)
    with work.database.reading() as tx:
        runs.find(tx, work.organisation_id, undoing.run_id)  # from now on its changes stay, see `retention`
        work.tally.of = store.count(tx, undoing.run_id, undoing.customer_ids)
    if undoing.customer_ids is None:
        with work.database.transaction() as tx:
            work.hold(tx)
            work.tally.undone["questions"] = conflicts.asked_by(tx, work.connection_id, undoing.run_id)
            if not work.dry:
                conflicts.close_asked_by(tx, work.connection_id, undoing.run_id, work.now())
    undo.left |= unsettle(work, undoing.run_id, undoing.customer_ids)
    before: int | None = None
    pages = 0
    while True:
        with work.database.reading() as tx:
            rows = store.page(tx, undoing.run_id, undoing.customer_ids, before=before, limit=_page_size(work))
        if not rows:
            break
        _page(undo, _whole(undo, {row["customer_id"] for row in rows}, before=before))
        before = rows[-1]["seq"]
        work.tally.done += len(rows)
        work.grown(pages := pages + 1)
        work.progress({"event": "undone", **work.tally.progress()})
    _again(undo, _left_for(undo, Why.TAKEN))
    work.tally.undone["left"] = sum(map(len, undo.left.values()))
    unsure = len(_left_for(undo, Why.UNSURE)) + len(_left_for(undo, Why.BUSY))
    if unsure and not work.dry:
        raise UndoUnfinishedError(
            f"The CRM has not taken {unsure} records yet.",
            cure="Ask for the same undo again; it goes on from there.",
        )


def _whole(undo: _Undo, customer_ids: Collection[str], *, before: int | None = None) -> list[Row]:
    """All changes of customers, but of none that a later page had: each is undone whole, and once."""
    with undo.work.database.reading() as tx:
        rows = store.of_customers(tx, undo.undoing.run_id, customer_ids)
    had = {row["customer_id"] for row in rows if before is not None and row["seq"] >= before}
    return [row for row in rows if row["customer_id"] not in had]


def _page_size(work: Work) -> int:
    return min(PAGE, work.connector.capabilities.read_batch)


def _left_for(undo: _Undo, why: Why) -> list[str]:
    return [each for each, left in undo.left.items() if any(one.why is why for one in left)]


def _again(undo: _Undo, customer_ids: Sequence[str]) -> None:
    """Those that waited for one another's e-mail address are looked at together."""
    if customer_ids:
        _page(undo, _whole(undo, customer_ids))


def _page(undo: _Undo, rows: Sequence[Row]) -> None:
    """Undo some customers' changes; records that moved meanwhile are read again."""
    if not rows:
        return
    by_customer: dict[str, list[Row]] = {}
    for row in reversed(rows):
        by_customer.setdefault(row["customer_id"], []).append(row)
    for _ in range(ROUNDS):
        again = _attempt(undo, by_customer)
        if not again:
            return
        by_customer = {each: by_customer[each] for each in again}


def _attempt(undo: _Undo, by_customer: dict[str, list[Row]]) -> Collection[str]:
    work = undo.work
    fetched = fetch(work, by_customer)
    with work.database.transaction() as tx:
        work.hold(tx)
        scene, written, actions = _plan(tx, undo, fetched, by_customer)
        sending = set() if work.dry else written.sent.keys()
        known = {each: _but_remote(told) if each in sending else told for each, told in actions.items()}
        keep_plans(tx, work, scene, known)  # what is the CRM's is told when it has landed
        if not work.dry:
            write_rows(tx, work, scene, written)
            crash_here("undo.before_commit")
    crash_here("undo.written")
    if work.dry or not written.sent:
        return ()
    work.keep_lease()
    sent = list(written.sent.values())
    with kept_if_late(work, written.intents()):
        receipts = write(work, [update for _, _, update, _ in sent])
        crash_here("undo.sent")
        settle_updates(
            work,
            [
                SentUpdate(action, link_id, 0, receipt, foreign, purpose)
                for (action, link_id, _, purpose), (receipt, foreign) in zip(sent, receipts, strict=True)
            ],
        )
    refused = {
        action.customer_id: receipt
        for (action, _, _, _), (receipt, _) in zip(sent, receipts, strict=True)
        if not isinstance(receipt, Landed)
    }
    return _tell_of_receipts(undo, scene, {each: actions[each] for each in sending}, refused)


def _plan(
    tx: Tx, undo: _Undo, fetched: Fetched, by_customer: dict[str, list[Row]]
) -> tuple[Scene, Written, dict[str, list[JSON]]]:
    """Plan a page of records, and gather what that amounts to."""
    work = undo.work
    scene = load(tx, work, fetched, by_customer, undo.undoing.run_id)
    reopening, answers = Reopening.of(tx, by_customer), Answers.of(tx, by_customer)
    plans: dict[str, UndoPlan] = {}
    claims: dict[str, UndoPlan] = {}
    for customer_id, rows in by_customer.items():
        if customer_id not in scene.customers:
            continue
        done = fold(kept(row) for row in rows if row["action"] not in REOPENABLE)
        ref = next((row["ref"] for row in reversed(rows) if row["ref"]), None)
        now = answers.now(customer_id, scene.now(customer_id, ref, [*done.local, *done.crm]))
        plans[customer_id] = answers.plan(customer_id, plan_undo(done, now, work.policy))
        reopened = reopening.plan(scene, customer_id)  # a run either decided or synced, never both
        claims[customer_id] = UndoPlan(to_local=reopened) if reopened else plans[customer_id]
    emails = {each: customer.value("email") for each, customer in scene.customers.items()}
    wanted = {address for each, plan in claims.items() if (address := claimed(plan, emails[each]))}
    owners = customers.email_owners(tx, work.organisation_id, wanted)
    for customer_id, held in hold_taken_emails(claims, emails, owners).items():
        if claims[customer_id] is plans[customer_id]:
            plans[customer_id] = held
        elif held is not claims[customer_id]:
            reopening.leave_email(customer_id)
    written = Written()
    actions: dict[str, list[JSON]] = {}
    for customer_id, plan in plans.items():
        gather(written, scene, customer_id, plan, by_customer[customer_id])
        asked = reopening.gather(written, scene, customer_id)
        again = answers.gather(written, customer_id, plan)
        actions[customer_id] = [*described(plan), *asked.described, *again]
        if left := (*plan.left, *asked.left):
            undo.left[customer_id] = left
        else:
            undo.left.pop(customer_id, None)
        _count(work, plan, asked.to_local)
    if not work.dry:
        reopening.write(tx, work, scene.at)
        answers.write(tx, scene.at)
    return scene, written, actions


def _count(work: Work, plan: UndoPlan, reopened: bool) -> None:
    work.tally.updated_local += bool(plan.to_local) or reopened
    work.tally.updated_remote += work.dry and bool(plan.to_remote)
    for name in ("delete", "restore", "detach", "attach"):
        work.tally.undone[name] += getattr(plan, name)


def _tell_of_receipts(
    undo: _Undo, scene: Scene, actions: dict[str, list[JSON]], refused: Mapping[str, Receipt]
) -> list[str]:
    """Keep what was planned of records that were sent, and what the CRM refused; who is to be read again."""
    again = []
    for customer_id, receipt in refused.items():
        error = receipt.error if isinstance(receipt, Failed) else None
        if isinstance(error, VersionMismatch):
            again.append(customer_id)
        if error is None or isinstance(error, Retryable | VersionMismatch | Fatal):
            left = Left(Side.CRM, "", Why.UNSURE)
        elif isinstance(error, InvalidRecord):
            left = Left(Side.CRM, error.field, Why.REFUSED, error.detail)
        else:
            left = Left(Side.CRM, "", Why.REFUSED, error.reason)
        undo.left[customer_id] = (*undo.left.get(customer_id, ()), left)
        actions[customer_id] = [*_but_remote(actions[customer_id]), leave(left)]
    final = {
        each: [one for one in told if _of(one, "restore_remote", "leave")] for each, told in actions.items()
    }
    with undo.work.database.transaction() as tx:
        keep_plans(tx, undo.work, scene, final)
    return again


def _but_remote(actions: Sequence[JSON]) -> list[JSON]:
    return [each for each in actions if not _of(each, "restore_remote")]


def _of(action: JSON, *names: str) -> bool:
    return isinstance(action, dict) and action["action"] in names
