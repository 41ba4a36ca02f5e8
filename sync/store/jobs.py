"""Jobs: what is to be looked at, as rows. A message is only a wake-up; the row is the work.

One open job per (connection, kind, key): a thousand requests are one job. A job is done only as of the
request that its run knew of; one that comes meanwhile keeps it open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, not_, or_, select, text, update

from sync.clock import new_id
from sync.core.match import LinkState
from sync.store import quota
from sync.store.connections import ConnectionState
from sync.store.query import Row, insert_into, one_of, rows
from sync.store.schema import connections, links
from sync.store.session import Tx
from sync.store.types import db_now, later
from sync.store.worktables import jobs, lanes

MAX_ATTEMPTS = 10
LOST = f"{MAX_ATTEMPTS} workers in a row were lost while they were at it"
RESCOPE = "rescope"
"""Kind of the job that makes the plan of a changed scope."""
KINDS = ("pull", "full", "fetch", "push", "resync", RESCOPE)
ORDER = "order"
"""Kind of the job that carries out a run which a person asked for by HTTP, or whose plan was approved so."""
BOTH_LANES = ("resync", RESCOPE, ORDER)
"""Kinds whose runs hold both lanes."""
CREATE = "create"
"""Key of a push that also looks for customers which the CRM does not have; every push writes dirty links."""


@dataclass(frozen=True, slots=True, order=True)
class Wanted:
    """A job to be asked for."""

    connection_id: str
    kind: str
    key: str = ""
    organisation_id: str = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Job:
    """An open job that a run has begun. `asked` is the last request that the run knows of."""

    id: str
    kind: str
    key: str
    asked: int
    attempts: int


def ask(
    tx: Tx,
    *,
    organisation_id: str,
    connection_id: str,
    kind: str,
    keys: Iterable[str] = ("",),
    after: float = 0,
) -> None:
    """Make sure that there is an open job per key, and that it is done once more from now on.

    Args:
        tx: the transaction of what there is to be looked at.
        organisation_id: whose it is.
        connection_id: on which connection.
        kind: of the run that does it.
        keys: what is to be looked at; one empty key is all that there is.
        after: seconds before a job that is new is due. One that is open keeps its time.
    """
    wanted = (Wanted(connection_id, kind, key, organisation_id=organisation_id) for key in keys)
    ask_for(tx, wanted, after=after)


def ask_for(tx: Tx, wanted: Iterable[Wanted], *, after: float = 0) -> None:
    """Ask for jobs of any connections at once, as `ask` does."""
    # In one order, so that two that ask for the same jobs at once wait for each other in turn.
    made = [
        {
            "id": new_id(),
            "organisation_id": each.organisation_id,
            "connection_id": each.connection_id,
            "kind": each.kind,
            "key": each.key,
            "state": "open",
            "asked": 1,
            "attempts": 0,
            "lost": 0,
        }
        for each in sorted(set(wanted))
    ]
    if not made:
        return
    at = later(after) if after else db_now()
    statement = (
        insert_into(tx, jobs)
        .values(not_before=at, created_at=db_now())
        .on_conflict_do_update(
            index_elements=[jobs.c.connection_id, jobs.c.kind, jobs.c.key],
            index_where=text("state = 'open'"),
            set_={"asked": jobs.c.asked + 1},
        )
    )
    tx.execute(statement, made)


def _asking_order(tx: Tx) -> tuple[ColumnElement[Any], ...]:
    """The order of `ask_for`, of the jobs of one connection."""
    key = jobs.c.key.collate("C") if tx.dialect.name == "postgresql" else jobs.c.key
    return jobs.c.kind, key


def forgotten_pushes(tx: Tx) -> list[Wanted]:
    """Active connections with links to be pushed for which no push is asked: failed ones, mostly."""
    living = [LinkState.ACTIVE.value, LinkState.HELD.value]
    dirty = exists().where(
        links.c.connection_id == connections.c.id, links.c.dirty_at.is_not(None), links.c.state.in_(living)
    )
    asked = exists().where(
        jobs.c.connection_id == connections.c.id, jobs.c.kind == "push", jobs.c.state == "open"
    )
    found = rows(
        tx,
        select(connections.c.id, connections.c.organisation_id).where(
            connections.c.state == ConnectionState.ACTIVE, dirty, not_(asked)
        ),
    )
    return [Wanted(row["id"], "push", organisation_id=row["organisation_id"]) for row in found]


def due(tx: Tx, limit: int = 100, *, dead_owners: Sequence[str] | None = None) -> list[Row]:
    """(connection_id, kind) with work that is due, longest first; what failed before comes last.

    Only active connections may write; the plan of a changed scope writes nothing, and an order is refused by
    its run, with the reason.

    Args:
        tx: a transaction.
        limit: the most.
        dead_owners: leave out what other workers are at, but for these; they will see it when they are done.
    """
    planning = and_(jobs.c.kind == RESCOPE, connections.c.state == ConnectionState.NEEDS_APPROVAL)
    statement = (
        select(jobs.c.connection_id, jobs.c.kind, func.min(jobs.c.not_before).label("since"))
        .join(connections, connections.c.id == jobs.c.connection_id)
        .where(
            jobs.c.state == "open",
            jobs.c.not_before <= db_now(),
            or_(connections.c.state == ConnectionState.ACTIVE, planning, jobs.c.kind == ORDER),
        )
        .where(not_(quota.waits(jobs.c.connection_id)))
        .group_by(jobs.c.connection_id, jobs.c.kind)
        .order_by(func.max(jobs.c.attempts) > 0, func.min(jobs.c.not_before))
        .limit(limit)
    )
    if dead_owners is not None:
        statement = statement.where(not_(_is_another_workers(dead_owners)))
    return rows(tx, statement)


def _is_another_workers(dead_owners: Sequence[str]) -> ColumnElement[bool]:
    """Whether its lane is held; of connections whose last try failed, any lane: one worker finds out."""
    failed = jobs.alias("failed")
    pushes = jobs.c.kind == "push"
    own_lane = or_(
        and_(pushes, lanes.c.lane == "push"),
        and_(not_(pushes), lanes.c.lane == "pull"),
        and_(jobs.c.kind.in_(BOTH_LANES), lanes.c.lane == "push"),
    )
    troubled = exists().where(
        failed.c.connection_id == jobs.c.connection_id,
        failed.c.state == "open",
        failed.c.last_error.is_not(None),
    )
    return exists().where(
        lanes.c.connection_id == jobs.c.connection_id,
        lanes.c.lease_until > db_now(),
        not_(one_of(lanes.c.owner, ["", *dead_owners])),
        or_(own_lane, troubled),
    )


def begin(
    tx: Tx, connection_id: str, kinds: Sequence[str], *, limit: int = 1_000, early: bool = False
) -> list[Job]:
    """Begin open jobs; the caller holds their lane. `early`: also those that a failure put off.

    The attempt is counted now, before anything is tried, and as lost until there is word of it: see
    `give_up_lost`.
    """
    mine = [jobs.c.connection_id == connection_id, jobs.c.state == "open", jobs.c.kind.in_(kinds)]
    if not early:
        mine.append(jobs.c.not_before <= db_now())
    oldest = select(jobs.c.id).where(*mine).order_by(jobs.c.id).limit(limit)
    statement = select(jobs).where(*mine, jobs.c.id.in_(oldest))
    found = rows(tx, statement.order_by(*_asking_order(tx)).with_for_update(key_share=True))
    if found:
        tx.execute(
            update(jobs)
            .where(one_of(jobs.c.id, [row["id"] for row in found]))
            .values(attempts=jobs.c.attempts + 1, lost=jobs.c.lost + 1)
        )
    return [Job(row["id"], row["kind"], row["key"], row["asked"], row["attempts"] + 1) for row in found]


def waiting(tx: Tx, connection_id: str, kind: str, limit: int) -> list[str]:
    """Keys of open jobs of a kind, oldest first."""
    mine = (jobs.c.connection_id == connection_id, jobs.c.kind == kind, jobs.c.state == "open")
    return list(tx.execute(select(jobs.c.key).where(*mine).order_by(jobs.c.id).limit(limit)).scalars())


def finish(tx: Tx, begun: Sequence[Job]) -> None:
    """The work is done; a job that was asked for again meanwhile stays open, due at once."""
    for part in _parts(begun):
        ours = one_of(jobs.c.id, [job.id for job in part])
        tx.execute(select(jobs.c.id).where(ours).order_by(*_asking_order(tx)).with_for_update(key_share=True))
        still = case({job.id: job.asked for job in part}, value=jobs.c.id)
        done = jobs.c.asked == still
        tx.execute(
            update(jobs)
            .where(ours, jobs.c.state == "open")
            .values(
                state=case((done, "done"), else_="open"),
                not_before=case((done, jobs.c.not_before), else_=db_now()),
                finished_at=db_now(),
                attempts=0,
                lost=0,
                last_error=None,
            )
        )


def _parts(begun: Sequence[Job], size: int = 500) -> list[Sequence[Job]]:
    return [begun[start : start + size] for start in range(0, len(begun), size)]


def withdraw(tx: Tx, connection_id: str, kind: str, key: str = "") -> None:
    """Close an open job that is no longer wanted, or was done without having been begun."""
    tx.execute(
        update(jobs)
        .where(
            jobs.c.connection_id == connection_id,
            jobs.c.kind == kind,
            jobs.c.key == key,
            jobs.c.state == "open",
        )
        .values(state="done", finished_at=db_now())
    )


def put_off(tx: Tx, begun: Sequence[Job], error: str, *, after: float, give_up: bool) -> None:
    """It failed: try again after some seconds, or give up with the reason once attempts run out."""
    for job in begun:
        dead = give_up and job.attempts >= MAX_ATTEMPTS
        tx.execute(
            update(jobs)
            .where(jobs.c.id == job.id, jobs.c.state == "open")
            .values(state="dead" if dead else "open", not_before=later(after), lost=0, last_error=error)
        )


def hold(tx: Tx, begun: Sequence[Job], seconds: float, *, heard: bool) -> None:
    """For so long nobody else looks after these. `heard`: somebody lives who is at them, so none was lost."""
    mine = one_of(jobs.c.id, [job.id for job in begun])
    lost = {"lost": 0} if heard else {}
    tx.execute(update(jobs).where(mine, jobs.c.state == "open").values(not_before=later(seconds), **lost))


def give_up_lost(tx: Tx, *, dead_owners: Sequence[str]) -> list[str]:
    """Give up jobs that have cost one worker after the other its life, unless one may be at them still.

    Returns the runs that were to be carried out by them.
    """
    at_work = exists().where(
        lanes.c.connection_id == jobs.c.connection_id,
        lanes.c.lease_until > db_now(),
        not_(one_of(lanes.c.owner, ["", *dead_owners])),
    )
    found = tx.execute(
        update(jobs)
        .where(jobs.c.state == "open", jobs.c.lost >= MAX_ATTEMPTS, not_(at_work))
        .values(state="dead", finished_at=db_now(), last_error=LOST)
        .returning(jobs.c.kind, jobs.c.key)
    )
    return [key for kind, key in found if kind == ORDER]


def dead(tx: Tx, organisation_id: str) -> list[Row]:
    """Jobs that were given up, with their reasons."""
    return rows(tx, select(jobs).where(jobs.c.organisation_id == organisation_id, jobs.c.state == "dead"))
