"""Jobs: what is to be looked at, as rows. A message is only a wake-up; the row is the work.

One open job per (connection, kind, key): a thousand requests are one job. A claim is a lease with a
number; whoever lost the lease can finish nothing. The database's clock decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, and_, case, or_, select, update

from connectors.records import JSON
from sync.clock import new_id
from sync.store import bulk
from sync.store.connections import ConnectionState
from sync.store.query import first, now, one_of, rows
from sync.store.schema import connections
from sync.store.session import Tx
from sync.store.types import db_now, later
from sync.store.worktables import jobs

MAX_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Claim:
    """A job under a lease of ours."""

    id: str
    organisation_id: str
    connection_id: str
    kind: str
    key: str
    options: Mapping[str, JSON]
    attempts: int
    lease_no: int
    owner: str


def ask(
    tx: Tx,
    *,
    organisation_id: str,
    connection_id: str,
    kind: str,
    keys: Sequence[str] = ("",),
    options: Mapping[str, JSON] | None = None,
) -> None:
    """Make sure that there is an open job per key; one that is under way will be looked at once more."""
    open_keys = and_(
        jobs.c.connection_id == connection_id,
        jobs.c.kind == kind,
        jobs.c.state == "open",
        one_of(jobs.c.key, keys),
    )
    present = {row["key"] for row in rows(tx, select(jobs.c.key).where(open_keys).with_for_update())}
    if present:
        tx.execute(update(jobs).where(open_keys, jobs.c.lease_owner.is_not(None)).values(again=True))
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
                "options": dict(options or {}),
                "state": "open",
                "not_before": at,
                "attempts": 0,
                "lease_owner": None,
                "lease_until": None,
                "lease_no": 0,
                "again": False,
                "last_error": None,
                "created_at": at,
                "finished_at": None,
            }
            for key in dict.fromkeys(keys)
            if key not in present
        ],
    )


def make_due(tx: Tx, connection_id: str, kind: str) -> None:
    """A person does not wait for a pause that a failure left."""
    tx.execute(
        update(jobs)
        .where(
            jobs.c.connection_id == connection_id,
            jobs.c.kind == kind,
            jobs.c.state == "open",
            jobs.c.not_before > db_now(),
        )
        .values(not_before=db_now())
    )


def claim(
    tx: Tx,
    *,
    owner: str,
    lease_seconds: float,
    connection_id: str | None = None,
    kind: str | None = None,
    dead_owners: Sequence[str] = (),
) -> Claim | None:
    """Take the job that has been due the longest; None if nothing is due.

    Jobs of connections that may not write wait, unless one connection is asked for by name. The attempt
    is counted now, before anything is tried: a job that kills its worker runs out of attempts.
    """
    free = or_(
        jobs.c.lease_owner.is_(None), jobs.c.lease_until < db_now(), one_of(jobs.c.lease_owner, dead_owners)
    )
    due = select(jobs).where(jobs.c.state == "open", jobs.c.not_before <= db_now(), free)
    if connection_id is not None:
        due = due.where(jobs.c.connection_id == connection_id)
    else:
        active = select(connections.c.id).where(connections.c.state == ConnectionState.ACTIVE)
        due = due.where(jobs.c.connection_id.in_(active))
    if kind is not None:
        due = due.where(jobs.c.kind == kind)
    row = first(tx, due.order_by(jobs.c.not_before).limit(1).with_for_update(skip_locked=True))
    if row is None:
        return None
    lease_no = row["lease_no"] + 1
    tx.execute(
        update(jobs)
        .where(jobs.c.id == row["id"])
        .values(
            lease_owner=owner,
            lease_until=later(lease_seconds),
            lease_no=lease_no,
            attempts=row["attempts"] + 1,
            again=False,
        )
    )
    return _claimed(row, owner, lease_no)


def claim_many(
    tx: Tx, *, owner: str, lease_seconds: float, connection_id: str, kind: str, limit: int
) -> list[Claim]:
    """Take several due jobs of one kind on one connection, such as hinted records."""
    free = or_(jobs.c.lease_owner.is_(None), jobs.c.lease_until < db_now())
    due = (
        select(jobs)
        .where(
            jobs.c.state == "open",
            jobs.c.connection_id == connection_id,
            jobs.c.kind == kind,
            jobs.c.not_before <= db_now(),
            free,
        )
        .order_by(jobs.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = rows(tx, due)
    if taken:
        tx.execute(
            update(jobs)
            .where(one_of(jobs.c.id, [row["id"] for row in taken]))
            .values(
                lease_owner=owner,
                lease_until=later(lease_seconds),
                lease_no=jobs.c.lease_no + 1,
                attempts=jobs.c.attempts + 1,
                again=False,
            )
        )
    return [_claimed(row, owner, row["lease_no"] + 1) for row in taken]


def finish_many(tx: Tx, claims: Sequence[Claim]) -> None:
    """The work of several jobs is done; those asked for again meanwhile go on at once."""
    if not claims:
        return
    tx.execute(
        update(jobs)
        .where(
            one_of(jobs.c.id, [each.id for each in claims]),
            jobs.c.state == "open",
            jobs.c.lease_owner == claims[0].owner,
        )
        .values(
            state=case((jobs.c.again, "open"), else_="done"),
            finished_at=db_now(),
            lease_owner=None,
            lease_until=None,
            attempts=0,
            last_error=None,
        )
    )


def _claimed(row: RowMapping, owner: str, lease_no: int) -> Claim:
    return Claim(
        id=row["id"],
        organisation_id=row["organisation_id"],
        connection_id=row["connection_id"],
        kind=row["kind"],
        key=row["key"],
        options=row["options"],
        attempts=row["attempts"] + 1,
        lease_no=lease_no,
        owner=owner,
    )


def _ours(claim: Claim) -> Any:
    return and_(
        jobs.c.id == claim.id,
        jobs.c.state == "open",
        jobs.c.lease_owner == claim.owner,
        jobs.c.lease_no == claim.lease_no,
    )


def renew(tx: Tx, claim: Claim, lease_seconds: float) -> bool:
    """Prolong the lease; False if it is no longer ours, and everything must stop."""
    result = tx.execute(update(jobs).where(_ours(claim)).values(lease_until=later(lease_seconds), attempts=1))
    return result.rowcount == 1


def finish(tx: Tx, claim: Claim) -> bool:
    """The work is done; the job goes on at once if it was asked for again meanwhile."""
    result = tx.execute(
        update(jobs)
        .where(_ours(claim))
        .values(
            state=case((jobs.c.again, "open"), else_="done"),
            finished_at=db_now(),
            lease_owner=None,
            lease_until=None,
            attempts=0,
            last_error=None,
        )
    )
    return result.rowcount == 1


def put_back(tx: Tx, claim: Claim, error: str, *, after: float) -> bool:
    """It failed: try again after some seconds, or give up with the reason once attempts run out."""
    gone = claim.attempts >= MAX_ATTEMPTS
    result = tx.execute(
        update(jobs)
        .where(_ours(claim))
        .values(
            state="dead" if gone else "open",
            not_before=later(after),
            lease_owner=None,
            lease_until=None,
            last_error=error,
        )
    )
    return result.rowcount == 1


def holder(tx: Tx, connection_id: str) -> RowMapping | None:
    """The lease under which some process works on the connection now, if any."""
    return first(
        tx,
        select(jobs.c.lease_owner, jobs.c.lease_until, jobs.c.kind).where(
            jobs.c.connection_id == connection_id,
            jobs.c.state == "open",
            jobs.c.lease_owner.is_not(None),
            jobs.c.lease_until >= db_now(),
        ),
    )


def owners(tx: Tx) -> list[str]:
    """Everyone who holds a lease now."""
    return list(
        tx.execute(select(jobs.c.lease_owner).where(jobs.c.lease_owner.is_not(None)).distinct()).scalars()
    )


def dead(tx: Tx, organisation_id: str) -> list[RowMapping]:
    """Jobs that were given up, with their reasons."""
    return rows(tx, select(jobs).where(jobs.c.organisation_id == organisation_id, jobs.c.state == "dead"))
