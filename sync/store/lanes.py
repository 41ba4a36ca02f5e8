"""Lanes: a connection has one for pulling and one for pushing, each held by one process at a time.

A lease has an end, by the database's clock, and a number. Whoever lost it renews nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from sync.store.query import Row, first, one_of
from sync.store.session import Tx
from sync.store.types import db_now, later
from sync.store.worktables import lanes


@dataclass(frozen=True, slots=True)
class Lease:
    """A lane that is ours until it is not renewed in time."""

    connection_id: str
    lane: str
    owner: str
    number: int


def take(
    tx: Tx, connection_id: str, lane: str, *, owner: str, seconds: float, dead_owners: Sequence[str] = ()
) -> Lease | None:
    """Take a lane that is free, whose lease has run out, or whose owner is certainly gone."""
    ours = (lanes.c.connection_id == connection_id, lanes.c.lane == lane)
    row = first(tx, select(lanes).where(*ours).with_for_update(key_share=True))
    if row is None:
        try:
            with tx.begin_nested():
                tx.execute(
                    insert(lanes).values(
                        connection_id=connection_id, lane=lane, owner="", lease_until=db_now(), lease_no=0
                    )
                )
        except IntegrityError:
            return None  # another process took it for the first time just now
        number = 1
    else:
        number = row["lease_no"] + 1
    free = or_(lanes.c.lease_until <= db_now(), one_of(lanes.c.owner, [*dead_owners, ""]))
    result = tx.execute(
        update(lanes).where(*ours, free).values(owner=owner, lease_until=later(seconds), lease_no=number)
    )
    return Lease(connection_id, lane, owner, number) if result.rowcount == 1 else None


def renew(tx: Tx, lease: Lease, seconds: float) -> bool:
    """Prolong a lease; False if it is no longer ours, and everything must stop."""
    result = tx.execute(update(lanes).where(*_ours(lease)).values(lease_until=later(seconds)))
    return result.rowcount == 1


def give_back(tx: Tx, lease: Lease) -> None:
    """Free the lane at once."""
    tx.execute(update(lanes).where(*_ours(lease)).values(owner="", lease_until=db_now()))


def _ours(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return (
        lanes.c.connection_id == lease.connection_id,
        lanes.c.lane == lease.lane,
        lanes.c.owner == lease.owner,
        lanes.c.lease_no == lease.number,
    )


def holder(tx: Tx, connection_id: str, lane: str) -> Row | None:
    """Who holds the lane now, if anybody."""
    return first(
        tx,
        select(lanes).where(
            lanes.c.connection_id == connection_id,
            lanes.c.lane == lane,
            lanes.c.owner != "",
            lanes.c.lease_until > db_now(),
        ),
    )


def owners(tx: Tx) -> list[str]:
    """Everyone who holds a lane."""
    statement = select(lanes.c.owner).where(lanes.c.owner != "").distinct()
    return [str(owner) for owner in tx.execute(statement).scalars()]
