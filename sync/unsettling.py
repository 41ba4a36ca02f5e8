"""The undo of decisions that are not about values, at work: each by itself, whole, in its own transaction.

The last one goes back first. One that is undone already is passed over, so an undo that was cut off goes on
when it is asked for again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.records import JSON
from sync.core import normalise
from sync.core.done import Left
from sync.core.unsettle import LIVING, Life, Present, Settled, Snapshot, UnsettlePlan, plan_unsettle
from sync.look import look
from sync.reading import read
from sync.settled import SETTLE, UNSETTLE, life, snapshot
from sync.store import conflicts, contracts, customers, intents, links, runs
from sync.store import undo as store
from sync.store.customers import StoredCustomer
from sync.store.links import StoredLink
from sync.store.query import Row
from sync.store.session import Tx
from sync.undo_apply import leave
from sync.undo_scene import moved_since
from sync.unsettle_rows import Writing, write_back
from sync.work import Work

PAGE = 200


def unsettle(work: Work, run_id: str, only: frozenset[str] | None) -> dict[str, tuple[Left, ...]]:
    """Undo a run's decisions that were not about values.

    Args:
        work: the undo at work.
        run_id: the run that decided.
        only: decisions about these customers; None for all.

    Returns:
        What was left alone, by question.

    Raises:
        ConnectorError: the CRM failed; asked for again, the undo goes on.
    """
    left: dict[str, tuple[Left, ...]] = {}
    before: int | None = None
    while True:
        with work.database.reading() as tx:
            groups = store.settlements(tx, run_id, before=before, limit=PAGE)
        if not groups:
            return left
        # Of a customer who was erased nothing is left, nor of a question that told of it.
        wanted = [each for each in map(Group, groups) if "beside" in each.head["details"]]
        wanted = [each for each in wanted if only is None or only.intersection(each.customer_ids)]
        keys = _keys(work, wanted)
        for group in wanted:
            if found := _undo(work, group, keys):
                left[group.subject] = found
            work.tally.done += len(group.rows)
        before = groups[-1][-1]["seq"]


@dataclass(frozen=True, slots=True)
class Group:
    """One decision as it was kept: its changes, the first of which tells of the question."""

    rows: Sequence[Row]

    @property
    def head(self) -> Row:
        """The change that tells of the question, and of a customer's life."""
        return self.rows[-1]

    @property
    def conflict(self) -> str:
        """The row of the queue."""
        return str(self.head["details"]["conflict"])

    @property
    def subject(self) -> str:
        """How it is called in a plan."""
        return f"question:{self.conflict}"

    @property
    def again(self) -> bool:
        """Whether it is the undo of a decision, which is to be decided again."""
        return bool(self.head["action"] == UNSETTLE)

    @property
    def customer_ids(self) -> set[str]:
        """Whom it is about."""
        return {row["customer_id"] for row in self.rows if row["customer_id"]}

    @property
    def links(self) -> dict[str, tuple[Snapshot | None, Snapshot | None]]:
        """Links by id, before and after."""
        return {
            each: (pair[0], pair[1]) for row in self.rows for each, pair in row["details"]["links"].items()
        }

    @property
    def refs(self) -> set[str]:
        """All records that these links point to, before or after."""
        return {str(each["ref"]) for pair in self.links.values() for each in pair if each is not None}

    @property
    def keyed_ref(self) -> str | None:
        """The record whose external id says whether the link can be taken away, or be made again."""
        for was, became in self.links.values():
            end = became or was
            if end is not None and (was is None or became is None or "accepted_key" in became):
                return str(end["ref"])
        return None

    def settled(self) -> Settled:
        """As the rules see it."""
        lives = self.head["details"]["life"]
        return Settled(
            links=self.links,
            customer_id=self.head["customer_id"],
            life=(Life(**lives[0]), Life(**lives[1])) if lives else None,
            key=self.head["details"]["key"],
            again=self.again,
        )


def _keys(work: Work, groups: Collection[Group]) -> dict[str, str | None]:
    """The external ids that records have in the CRM by now, by ref."""
    refs = sorted({ref for each in groups if (ref := each.keyed_ref) is not None})
    if not refs:
        return {}
    work.keep_lease()
    return {ref: look(work, each).external_id for ref, each in read(work, refs).records.items()}


def _undo(work: Work, group: Group, keys: Mapping[str, str | None]) -> tuple[Left, ...]:
    with work.database.transaction() as tx:
        work.hold(tx)
        at = work.now()
        settled, head = group.settled(), group.head
        ids = group.customer_ids
        found = {
            each.id: each
            for each in (
                customers.load(tx, work.organisation_id, customers.by_ids(ids), lock=True) if ids else []
            )
        }
        present = _links(tx, work, group, set(found))
        questions = store.questions(tx, [group.conflict, *head["details"]["beside"]])
        question = questions.get(group.conflict)
        if question is not None and not group.again and question["state"] == conflicts.OPEN:
            return ()  # it is undone already
        key = keys.get(group.keyed_ref or "")
        now = _present(
            tx, work, group, found, present, key=key, stands=_stands(tx, work, group, question), at=at
        )
        plan = plan_unsettle(settled, now)
        if plan.moves and not work.dry:
            writing = Writing(
                work=work,
                group_rows=group.rows,
                action=SETTLE if group.again else UNSETTLE,
                again=group.again,
                plan=plan,
                present=present,
                life=now.life,
                version=_next_version(found.get(settled.customer_id or "")),
                key=key,
                questions=questions,
                at=at,
            )
            write_back(tx, writing, found)
        _keep_plan(tx, work, group, _told(work, group, plan, now), found)
    return plan.left


def _links(tx: Tx, work: Work, group: Group, customer_ids: Collection[str]) -> dict[str, StoredLink]:
    found = {each.id: each for each in store.all_links(tx, customer_ids)} if customer_ids else {}
    if group.refs:
        there = links.load(tx, work.connection_id, links.by_refs(group.refs), lock=True)
        found |= {each.id: each for each in there}
    return found


def _stands(tx: Tx, work: Work, group: Group, question: Row | None) -> bool:
    """Whether the question is as the decision left it: not asked anew, not answered by the CRM meanwhile."""
    if question is None:
        return False  # erased
    if group.again:
        return question["state"] == conflicts.OPEN or not group.head["details"]["asked"]
    state = group.head["details"]["question"][1]
    if question["state"] != state or question["decided_at"] != group.head["at"]:
        return False
    if store.asked_anew(tx, question):
        return False
    made = question["subject"].startswith("customer:") and not group.links
    joined = made and links.load(tx, work.connection_id, links.by_customers([question["customer_id"]]))
    return not joined


def _present(
    tx: Tx,
    work: Work,
    group: Group,
    found: Mapping[str, StoredCustomer],
    present: Mapping[str, StoredLink],
    *,
    key: str | None,
    stands: bool,
    at: datetime,
) -> Present:
    mine = {each: snapshot(link) for each, link in present.items() if each in group.links}
    others = {each: snapshot(link) for each, link in present.items() if each not in group.links}
    busy = bool(found) and bool(intents.load(tx, work.connection_id, intents.by_customers(found)))
    changed: dict[str, Any] = {}
    lives, customer = group.settled().life, found.get(str(group.head["customer_id"]))
    if lives is not None and customer is not None:
        own = {
            each.customer_id: each
            for each in present.values()
            if each.row["connection_id"] == work.connection_id
        }
        made = {customer.id: (group.head["at"], group.head["details"]["version"])}
        moved = moved_since(tx, made, found, own, group.head["run_id"])
        wanted, email = lives[0].external_id, customer.row["email_fold"]
        owners = store.key_owners(tx, work.organisation_id, [wanted] if wanted else [])
        mails = customers.email_owners(tx, work.organisation_id, [normalise.email(email)] if email else [])
        changed = {
            "life": life(customer),
            "moved": moved[customer.id] if lives[0].deleted else frozenset(),
            "billed": bool(contracts.count_running(tx, work.organisation_id, customer.id, at)),
            "key_taken": owners.get(wanted or "", customer.id) != customer.id,
            "email_taken": lives[1].deleted and mails.get(email or "", customer.id) != customer.id,
        }
    return Present(
        links=mine,
        others=others,
        gone=frozenset(each.id for each in found.values() if each.row["deleted_at"] is not None),
        key=key,
        synced=not group.again and bool(store.written_since(tx, list(mine), group.head["at"])),
        stands=stands,
        busy=busy,
        **changed,
    )


def _told(work: Work, group: Group, plan: UnsettlePlan, now: Present) -> list[JSON]:
    """What was done, counted."""
    told: list[JSON] = []
    if plan.life is not None and now.life is not None:
        if plan.life.deleted != now.life.deleted:
            name = "delete" if plan.life.deleted else "restore"
            told.append({"action": f"{name}_customer"})
            work.tally.undone[name] += 1
        elif plan.life.external_id != now.life.external_id:
            pair: JSON = [now.life.external_id, plan.life.external_id]
            told.append({"action": "restore_local", "changes": {"external_id": pair}})
            work.tally.updated_local += 1
    for each, became in plan.links.items():
        was = now.links.get(each) or now.others.get(each)
        moved = was is None or became is None or was["ref"] != became["ref"]
        if _joined(became) and (moved or not _joined(was)):
            told.append({"action": "attach_link"})
            work.tally.undone["attach"] += 1
        elif _joined(was) and not _joined(became):
            told.append({"action": "detach_link"})
            work.tally.undone["detach"] += 1
    if plan.question:
        told.append(
            {"action": "decide_again" if group.again else "reopen_question", "question": group.conflict}
        )
    return told + [leave(each) for each in plan.left]


def _joined(link: Snapshot | None) -> bool:
    return link is not None and link["state"] in LIVING


def _next_version(customer: StoredCustomer | None) -> int | None:
    return None if customer is None else customer.row["version"] + 1


def _keep_plan(
    tx: Tx, work: Work, group: Group, told: Sequence[JSON], found: Mapping[str, StoredCustomer]
) -> None:
    customer = found.get(str(group.head["customer_id"]))
    version = customer.row["version"] if customer else 0
    row = {
        "subject": group.subject,
        "customer_id": customer.id if customer else None,
        "digest": version.to_bytes(16, "big"),
        "actions": [*told],
    }
    runs.save_plans(tx, work.run_id, [row] if told else [])
