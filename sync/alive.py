"""Whether a worker that lives is at a run, and whether a halted connection has a plan to be approved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from sync.services import LEASE_SECONDS
from sync.steps import LANES
from sync.store import lanes, runs
from sync.store.connections import ConnectionState, StoredConnection
from sync.store.orders import LONGEST_QUEUED
from sync.store.query import Row, now
from sync.store.session import Database, Tx

LONGEST_PLAN = timedelta(seconds=LONGEST_QUEUED)
"""A plan holds no lane by which it could be seen to be at work: for so long it is believed to be."""

Dead = Callable[[Sequence[str]], Sequence[str]]
"""Of some owners, those that are certainly gone."""


def is_at_work(tx: Tx, row: Row, *, dead: Dead, lease_seconds: float = LEASE_SECONDS) -> bool:
    """Whether a worker that lives is at a run, as far as can be told."""
    owner = row["owner"]
    if row["state"] not in ("queued", "running") or owner is None or dead([owner]):
        return False
    if any(
        (held := lanes.holder(tx, row["connection_id"], each)) is not None and held["owner"] == owner
        for each in LANES[row["kind"]]
    ):
        return True
    age = now(tx) - row["started_at"]
    # Who has kept its counts has given its lanes back, and plans what it left.
    plans = bool(row["counts"]) or bool((row["ordered"] or {}).get("dry"))
    return bool(age < (LONGEST_PLAN if plans else timedelta(seconds=lease_seconds)))


def is_stranded(
    database: Database, connection: StoredConnection, *, dead: Dead, lease_seconds: float = LEASE_SECONDS
) -> bool:
    """Whether a connection was halted by a process that was gone before it had kept a plan to approve."""
    if connection.state is not ConnectionState.HALTED:
        return False
    with database.reading() as tx:
        return not any(
            row["state"] == "needs_approval" or is_at_work(tx, row, dead=dead, lease_seconds=lease_seconds)
            for row in runs.unfinished(tx, connection.id)
        )
