"""Jobs: what is to be looked at, as rows. A message is only a wake-up; the row is the work.

One open job per (connection, kind, key): a thousand requests are one job. A job is done only as of the
request that its run knew of; one that comes meanwhile keeps it open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, case, func, select, update

from sync.clock import new_id
from sync.store import bulk
from sync.store.connections import ConnectionState
from sync.store.query import Row, now, one_of, rows
from sync.store.schema import connections
from sync.store.session import Tx
from sync.store.types import db_now, later
from sync.store.worktables import jobs

MAX_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Job:
    """An open job that a run has begun. `asked` is the last request that the run knows of."""

    id: str
    kind: str
    key: str
    asked: int
    attempts: int


def ask(tx: Tx, *, organisation_id: str, connection_id: str, kind: str, keys: Sequence[str] = ("",)) -> None:
    """Make sure that there is an open job per key, and that it is done once more from now on."""
    wanted = list(dict.fromkeys(keys))
    mine = and_(
        jobs.c.connection_id == connection_id,
        jobs.c.kind == kind,
        jobs.c.state == "open",
        one_of(jobs.c.key, wanted),
    )
    present = {row["key"] for row in rows(tx, select(jobs.c.key).where(mine).with_for_update())}
    if present:
        tx.execute(update(jobs).where(mine).values(asked=jobs.c.asked + 1))
    missing = [key for key in wanted if key not in present]
    if not missing:
        return
    at = now(tx)
    bulk.insert(
        tx,
        jobs,
        [
            {
                "id": new_id(),
                "organisation_id": organisation_id,
                "connection_id": connection_id,
                "kind": kind,
                "key": key,
                "state": "open",
                "asked": 1,
                "not_before": at,
                "attempts": 0,
                "last_error": None,
                "created_at": at,
                "finished_at": None,
            }
            for key in missing
        ],
    )


def due(tx: Tx, limit: int = 100) -> list[Row]:
    """(connection_id, kind) with work that is due, longest first. Only active connections may write."""
    statement = (
        select(jobs.c.connection_id, jobs.c.kind, func.min(jobs.c.not_before).label("since"))
        .join(connections, connections.c.id == jobs.c.connection_id)
        .where(
            jobs.c.state == "open",
            jobs.c.not_before <= db_now(),
            connections.c.state == ConnectionState.ACTIVE,
        )
        .group_by(jobs.c.connection_id, jobs.c.kind)
        .order_by(func.min(jobs.c.not_before))
        .limit(limit)
    )
    return rows(tx, statement)


def begin(
    tx: Tx, connection_id: str, kinds: Sequence[str], *, limit: int = 1_000, early: bool = False
) -> list[Job]:
    """Begin open jobs; the caller holds their lane. `early`: also those that a failure put off.

    The attempt is counted now, before anything is tried: a job that kills its worker runs out of attempts.
    """
    statement = select(jobs).where(
        jobs.c.connection_id == connection_id, jobs.c.state == "open", jobs.c.kind.in_(kinds)
    )
    if not early:
        statement = statement.where(jobs.c.not_before <= db_now())
    found = rows(tx, statement.order_by(jobs.c.id).limit(limit).with_for_update())
    if found:
        tx.execute(
            update(jobs)
            .where(one_of(jobs.c.id, [row["id"] for row in found]))
            .values(attempts=jobs.c.attempts + 1)
        )
    return [Job(row["id"], row["kind"], row["key"], row["asked"], row["attempts"] + 1) for row in found]


def finish(tx: Tx, begun: Sequence[Job]) -> None:
    """The work is done; a job that was asked for again meanwhile stays open, due at once."""
    for part in _parts(begun):
        still = case({job.id: job.asked for job in part}, value=jobs.c.id)
        done = jobs.c.asked == still
        tx.execute(
            update(jobs)
            .where(one_of(jobs.c.id, [job.id for job in part]), jobs.c.state == "open")
            .values(
                state=case((done, "done"), else_="open"), finished_at=db_now(), attempts=0, last_error=None
            )
        )


def _parts(begun: Sequence[Job], size: int = 500) -> list[Sequence[Job]]:
    return [begun[start : start + size] for start in range(0, len(begun), size)]


def put_off(tx: Tx, begun: Sequence[Job], error: str, *, after: float, give_up: bool) -> None:
    """It failed: try again after some seconds, or give up with the reason once attempts run out."""
    for job in begun:
        dead = give_up and job.attempts >= MAX_ATTEMPTS
        tx.execute(
            update(jobs)
            .where(jobs.c.id == job.id, jobs.c.state == "open")
            .values(state="dead" if dead else "open", not_before=later(after), last_error=error)
        )


def dead(tx: Tx, organisation_id: str) -> list[Row]:
    """Jobs that were given up, with their reasons."""
    return rows(tx, select(jobs).where(jobs.c.organisation_id == organisation_id, jobs.c.state == "dead"))
