"""What the undo of a decision that is not about values writes: links, the customer, and the question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.records import JSON
from sync import lives
from sync.core.match import LinkState
from sync.core.unsettle import LIVING, Life, Snapshot, UnsettlePlan
from sync.kept import keep_applied
from sync.settled import change, snapshot, trimmed
from sync.store import conflicts, customers, jobs, links
from sync.store import undo as store
from sync.store.customers import StoredCustomer
from sync.store.jobs import Wanted
from sync.store.links import StoredLink
from sync.store.query import Row
from sync.store.session import Tx
from sync.touched import look_again, touch_customers
from sync.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """One decision that goes back: as it was kept, the part that tells of the question last, and the plan."""

    work: Work
    group_rows: Sequence[Row]
    action: str
    again: bool
    plan: UnsettlePlan
    present: Mapping[str, StoredLink]
    life: Life | None
    version: int | None
    key: str | None
    questions: Mapping[str, Row]
    at: datetime


def write_back(tx: Tx, writing: Writing, found: Mapping[str, StoredCustomer]) -> None:
    """Write a plan that moves something."""
    customer = found.get(str(writing.group_rows[-1]["customer_id"]))
    if writing.plan.life is not None and customer is not None:
        _live(tx, writing, customer, writing.plan.life)
    _put_links(tx, writing)
    if writing.plan.question:
        _put_questions(tx, writing)
    _keep(tx, writing)
    _ask(tx, writing)


def _live(tx: Tx, writing: Writing, customer: StoredCustomer, wanted: Life) -> None:
    work, at = writing.work, writing.at
    if wanted.deleted:
        lives.delete(tx, work.organisation_id, [customer], at)
    elif customer.row["deleted_at"] is not None:
        lives.restore(tx, work.organisation_id, [customer.id], at)
    else:
        customers.update_many(tx, [(customer, {})], at, keys={customer.id: wanted.external_id})
        touch_customers(tx, [customer.id], at, but=work.connection_id)


def _put_links(tx: Tx, writing: Writing) -> None:
    """Take links away, move those that change places, and put those back that were taken away."""
    plan, present, at = writing.plan, writing.present, writing.at
    links.delete(tx, [each for each, became in plan.links.items() if became is None])
    moved = [
        (present[each], became)
        for each, became in plan.links.items()
        if became is not None and each in present
    ]
    aside = [(link, {"ref": f"exchanged {link.id}"}) for link, became in moved if became["ref"] != link.ref]
    links.update_many(tx, aside)
    links.update_many(tx, [(link, _columns(writing, became)) for link, became in moved])
    made = {each: row for each, row in plan.links.items() if row is not None and each not in present}
    links.insert_many(tx, [_row(writing, each, row, at) for each, row in made.items()])


def _columns(writing: Writing, became: Snapshot) -> dict[str, Any]:
    columns = dict(became)
    del columns["connection_id"]
    if became["state"] not in LIVING:
        return {**columns, "dirty_at": None, "dirty_why": None}
    if _is_pushed(writing, became):
        return {**columns, "dirty_at": writing.at, "dirty_why": "decision"}
    return columns


def _row(writing: Writing, link_id: str, wanted: Snapshot, at: datetime) -> dict[str, Any]:
    made = links.new_row(
        link_id=link_id,
        organisation_id=writing.work.organisation_id,
        connection_id=str(wanted["connection_id"]),
        customer_id=str(wanted["customer_id"]),
        ref=str(wanted["ref"]),
        state=LinkState(str(wanted["state"])),
        baseline={},
        map_version=writing.work.connection.map_version,
        planned_version=0,
        dirty_why="decision" if _is_pushed(writing, wanted) else None,
        observed_at=at,
        at=at,
    )
    return {**made, **wanted}


def _is_pushed(writing: Writing, link: Snapshot) -> bool:
    """What is decided again is carried to the CRM by the ordinary push."""
    mine = link["connection_id"] == writing.work.connection_id
    return writing.again and mine and link["state"] in LIVING


def _put_questions(tx: Tx, writing: Writing) -> None:
    head = writing.group_rows[-1]
    beside = [each for each in head["details"]["beside"] if each in writing.questions]
    question = writing.questions[head["details"]["conflict"]]
    state = head["details"]["question"][0]
    store.put_question(tx, question, state, head["details"]["by"], writing.at)
    if writing.again:
        conflicts.close(tx, beside, conflicts.SUPERSEDED, writing.at)
        return
    for each in beside:  # those that closed with it, and have not been answered since
        row = writing.questions[each]
        if row["state"] == conflicts.SUPERSEDED and row["decided_at"] == head["at"]:
            store.put_question(tx, row, conflicts.OPEN, None, writing.at)


def _keep(tx: Tx, writing: Writing) -> None:
    """Keep it turned round, in the same parts: so it can be undone in turn."""
    parts: dict[str | None, dict[str, JSON]] = {
        row["customer_id"]: {} for row in reversed(writing.group_rows)
    }
    for each, became in writing.plan.links.items():
        link = writing.present.get(each)
        was = snapshot(link) if link is not None else None
        owner = str((became or was or {})["customer_id"])
        parts.setdefault(owner, {})[each] = [*trimmed(was, became)]
    head = writing.group_rows[-1]
    lives = None
    if writing.plan.life is not None and writing.life is not None:
        lives = (writing.life, writing.plan.life)
    kept, told = [], {"version": writing.version, "beside": head["details"]["beside"]}
    for customer_id, its in parts.items():
        mine = customer_id == head["customer_id"]
        details = {
            "key": writing.key,
            **(told if mine else {}),
            "conflict": head["details"]["conflict"],
            "question": head["details"]["question"][::-1],
            "by": head["details"]["by"],
            "asked": writing.plan.question,
        }
        kept.append(change(writing.action, customer_id, its, lives if mine else None, details))
    keep_applied(tx, writing.work, kept, writing.at)


def _ask(tx: Tx, writing: Writing) -> None:
    """Ask for whatever these links point to, or pointed to, and the question speaks of."""
    work = writing.work
    refs: dict[str, set[str]] = {}
    for each, became in writing.plan.links.items():
        link = writing.present.get(each)
        for end in (became, snapshot(link) if link is not None else None):
            if end is not None:
                refs.setdefault(str(end["connection_id"]), set()).add(str(end["ref"]))
    for row in writing.questions.values():
        if row["ref"]:
            refs.setdefault(work.connection_id, set()).add(row["ref"])
    for connection_id, wanted in sorted(refs.items()):
        look_again(tx, work.organisation_id, connection_id, sorted(wanted))
    if any(became is not None and _is_pushed(writing, became) for became in writing.plan.links.values()):
        jobs.ask_for(tx, [Wanted(work.connection_id, "push", organisation_id=work.organisation_id)])
