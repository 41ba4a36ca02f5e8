"""Runs: one attempt to sync each, with its counts, and every change that it applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update

from connectors.records import JSON
from sync.clock import new_id
from sync.core.safety import Load
from sync.errors import NotFoundError
from sync.store import bulk
from sync.store.query import Row, now, one_of, rows
from sync.store.session import Tx
from sync.store.types import db_now, later
from sync.store.worktables import changes, planned_records, runs

DAY = 86_400
ANSWER = "answer"
"""Action of a decision on a row of a file, and of its undo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedChange:
    """One applied action with what it replaced, from which it can be undone.

    Args:
        side: `local`, `crm`, or `link`.
        fields: path → [before, after].
        before_baseline: the packed pairs that the baseline had for those fields.
        details: what else an undo has to know, by kind of action.
    """

    side: str
    action: str
    customer_id: str | None
    link_id: str | None
    ref: str | None
    fields: Mapping[str, JSON] | None = None
    before_baseline: Mapping[str, JSON] | None = None
    details: Mapping[str, JSON] | None = None


def start(
    tx: Tx,
    *,
    organisation_id: str,
    connection_id: str,
    kind: str,
    trigger: str,
    actor: str,
    owner: str | None,
) -> str:
    """Open a run as `queued`; it is `running` once it holds its lanes. Returns its id.

    Without an owner it waits for a worker: see `take`.
    """
    made = new_id()
    tx.execute(
        insert(runs).values(
            id=made,
            organisation_id=organisation_id,
            connection_id=connection_id,
            kind=kind,
            trigger=trigger,
            actor=actor,
            owner=owner,
            state="queued",
            counts={},
            calls={},
            approved=False,
            started_at=now(tx),
        )
    )
    return made


def save(tx: Tx, run_id: str, **columns: Any) -> None:
    """Write columns such as the counts, the calls, the plan or whether it was approved."""
    tx.execute(update(runs).where(runs.c.id == run_id).values(**columns))


def finish(tx: Tx, run_id: str, state: str, **columns: Any) -> None:
    """Close a run."""
    save(tx, run_id, state=state, finished_at=now(tx), **columns)


def is_cancelled(tx: Tx, run_id: str, *, progress: Mapping[str, JSON] | None = None) -> bool:
    """Whether a person cancelled the run while it was at work; `progress` is kept at the same time."""
    mine = runs.c.id == run_id
    if progress is None:
        state = tx.execute(select(runs.c.state).where(mine)).scalar_one_or_none()
    else:
        kept = update(runs).where(mine).values(progress=dict(progress)).returning(runs.c.state)
        state = tx.execute(kept).scalar_one_or_none()
    return state == "cancelled"


def drop(tx: Tx, run_id: str) -> None:
    """Remove a run that a schedule started and that had nothing to do; one that a person cancelled stays."""
    tx.execute(runs.delete().where(runs.c.id == run_id, runs.c.state != "cancelled"))


def find(tx: Tx, organisation_id: str, run_id: str, *, lock: bool = False) -> Row:
    """A run by its id or the beginning of it.

    Raises:
        NotFoundError: there is none, or several begin so.
    """
    mine = (
        runs.c.organisation_id == organisation_id,
        runs.c.id.startswith(run_id, autoescape=True),
        runs.c.forgotten_at.is_(None),
    )
    statement = select(runs).where(*mine).limit(2)
    found = rows(tx, statement.with_for_update(key_share=True) if lock else statement)
    if len(found) != 1:
        what = "There are several runs" if found else "There is no run"
        raise NotFoundError(f"{what} {run_id}.", cure="See them with: concord runs list")
    return found[0]


def listing(
    tx: Tx,
    organisation_id: str,
    *,
    connection_id: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    before: str = "",
    limit: int = 20,
) -> list[Row]:
    """The latest runs, newest first; those that began before another one if it is named."""
    mine = (runs.c.organisation_id == organisation_id, runs.c.forgotten_at.is_(None))
    statement = select(runs).where(*mine)
    chosen = ((runs.c.connection_id, connection_id), (runs.c.kind, kind), (runs.c.state, state))
    for column, value in chosen:
        if value is not None:
            statement = statement.where(column == value)
    if before:
        statement = statement.where(runs.c.id < before)
    return rows(tx, statement.order_by(runs.c.id.desc()).limit(limit))


def next_seq(tx: Tx, run_id: str) -> int:
    """The number of the next applied change of a run."""
    last = tx.execute(select(func.max(changes.c.seq)).where(changes.c.run_id == run_id)).scalar_one()
    return 0 if last is None else int(last) + 1


def unfinished(tx: Tx, connection_id: str) -> list[Row]:
    """The runs of a connection that are at work, are to be, or wait for an approval."""
    states = ("queued", "running", "needs_approval")
    return rows(tx, select(runs).where(runs.c.connection_id == connection_id, runs.c.state.in_(states)))


def cancel_waiting(tx: Tx, connection_id: str, reason: str) -> None:
    """Cancel the plans of a connection that wait for an approval, since they no longer hold."""
    tx.execute(
        update(runs)
        .where(runs.c.connection_id == connection_id, runs.c.state == "needs_approval")
        .values(state="cancelled", reason=reason, finished_at=db_now())
    )


def recent_load(tx: Tx, connection_id: str, *, but: str) -> Load:
    """What moved in the last 24 hours without having been approved, as the runs counted it."""
    statement = select(runs.c.counts).where(
        runs.c.connection_id == connection_id,
        runs.c.id != but,
        runs.c.approved.is_(False),
        runs.c.started_at >= later(-DAY),
    )
    total = Load()
    for row in rows(tx, statement):
        counts = row["counts"] or {}
        total = total.plus(Load(counts.get("braked", 0), counts.get("blanked", {})))
    return total


def record(
    tx: Tx,
    run_id: str,
    applied: Sequence[AppliedChange],
    *,
    connection_id: str,
    first_seq: int,
    at: datetime,
) -> None:
    """Keep applied changes, numbered from `first_seq`."""
    bulk.insert(
        tx,
        changes,
        [
            {
                "run_id": run_id,
                "seq": first_seq + offset,
                "connection_id": connection_id,
                "side": each.side,
                "action": each.action,
                "customer_id": each.customer_id,
                "link_id": each.link_id,
                "ref": each.ref,
                "fields": None if each.fields is None else dict(each.fields),
                "before_baseline": None if each.before_baseline is None else dict(each.before_baseline),
                "at": at,
                "details": None if each.details is None else dict(each.details),
            }
            for offset, each in enumerate(applied)
        ],
    )


def changes_of(tx: Tx, run_id: str, *, after: int = -1, limit: int = 100) -> list[Row]:
    """A page of what a run applied, in order."""
    statement = (
        select(changes)
        .where(changes.c.run_id == run_id, changes.c.seq > after)
        .order_by(changes.c.seq)
        .limit(limit)
    )
    return rows(tx, statement)


def count_changes(tx: Tx, run_ids: Sequence[str]) -> dict[str, int]:
    """How much of each action these runs applied."""
    mine = select(changes.c.action, func.count().label("number")).where(one_of(changes.c.run_id, run_ids))
    return {row["action"]: row["number"] for row in rows(tx, mine.group_by(changes.c.action))}


def receipts(tx: Tx, customer_id: str, *, each: int) -> dict[str, list[Row]]:
    """The latest applied changes of a customer by connection, newest first, `each` of every connection."""
    place = func.row_number().over(
        partition_by=changes.c.connection_id, order_by=(changes.c.at.desc(), changes.c.seq.desc())
    )
    ranked = select(changes, place.label("place")).where(changes.c.customer_id == customer_id).subquery()
    found: dict[str, list[Row]] = {}
    for row in rows(tx, select(ranked).where(ranked.c.place <= each).order_by(ranked.c.place)):
        found.setdefault(row["connection_id"], []).append(row)
    return found


def save_plans(tx: Tx, run_id: str, planned: Sequence[Mapping[str, Any]]) -> None:
    """Keep planned records: subject, customer_id, digest of the inputs, actions."""
    made = [{"run_id": run_id, **each} for each in planned]
    bulk.upsert(tx, planned_records, ("run_id", "subject"), made)


def plan_of(tx: Tx, run_id: str) -> Any:
    """A plan's records by action, and its calls; None if there is no plan, or no longer a run."""
    return tx.execute(select(runs.c.planned).where(runs.c.id == run_id)).scalar_one_or_none()


def plan_digests(tx: Tx, run_id: str, subjects: Sequence[str]) -> dict[str, bytes]:
    """Digests of planned records by subject."""
    statement = select(planned_records.c.subject, planned_records.c.digest).where(
        planned_records.c.run_id == run_id, one_of(planned_records.c.subject, subjects)
    )
    return {row["subject"]: row["digest"] for row in rows(tx, statement)}


def planned(tx: Tx, run_id: str, *, after: str = "", limit: int = 100) -> list[Row]:
    """A page of the planned records that would change something, by subject."""
    statement = (
        select(planned_records)
        .where(planned_records.c.run_id == run_id, planned_records.c.subject > after)
        .order_by(planned_records.c.subject)
        .limit(limit)
    )
    return rows(tx, statement)


def planned_customers(run_id: str) -> Any:
    """Subquery: customers that a plan speaks of."""
    return select(planned_records.c.customer_id).where(
        planned_records.c.run_id == run_id, planned_records.c.customer_id.is_not(None)
    )


def count_planned(tx: Tx, run_id: str) -> int:
    """How many records a plan speaks of."""
    statement = select(func.count()).where(planned_records.c.run_id == run_id)
    return int(tx.execute(statement).scalar_one())
