"""Whose a run is: it is taken, begun, put back and closed only by the worker whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, exists, not_, or_, select, update

from sync.store.jobs import LOST, ORDER
from sync.store.query import first, now
from sync.store.session import Tx
from sync.store.types import db_now, later
from sync.store.worktables import jobs, runs

CUT_OFF = "It was cut off; a later run took up its work."
LONGEST_QUEUED = 3_600.0
"""Seconds for which a process is believed to be at a run that it has not begun."""
_OPEN = ("queued", "running")


def take(tx: Tx, run_id: str, owner: str) -> bool:
    """Begin a run that waits for a worker; of several workers one gets it."""
    mine = (runs.c.id == run_id, runs.c.state == "queued", runs.c.owner.is_(None))
    taken = update(runs).where(*mine).values(owner=owner, started_at=now(tx)).returning(runs.c.id)
    return tx.execute(taken).first() is not None


def begin(tx: Tx, run_id: str, owner: str) -> bool:
    """Call a run `running`, now that it holds its lanes; False if it was cancelled, or is another's now."""
    mine = (runs.c.id == run_id, runs.c.state == "queued", runs.c.owner == owner)
    return tx.execute(update(runs).where(*mine).values(state="running")).rowcount == 1


def put_back(tx: Tx, run_id: str, *, owner: str | None = None) -> None:
    """Let a run wait for a worker again, unless it has ended; with an owner, only if it is still theirs."""
    which = [runs.c.id == run_id, runs.c.state.in_((*_OPEN, "waiting"))]
    if owner is not None:
        which.append(runs.c.owner == owner)
    back = {"state": "queued", "owner": None, "finished_at": None, "reason": None}
    tx.execute(update(runs).where(*which).values(**back))


def close(tx: Tx, run_id: str, owner: str, state: str, *, reason: str | None, **told: Any) -> bool:
    """Close a run with what it did; False if a person cancelled it before, or it is another's now.

    What it did is kept of a cancelled run, too: the brake counts it.
    """
    mine = (runs.c.id == run_id, runs.c.owner == owner)
    # Between its lanes and its end a run may be taken for one that was cut off.
    still = or_(runs.c.state.in_(_OPEN), and_(runs.c.state == "failed", runs.c.reason == CUT_OFF))
    ended = update(runs).where(*mine, still)
    if tx.execute(ended.values(state=state, reason=reason, finished_at=now(tx), **told)).rowcount == 1:
        return True
    if told:
        tx.execute(update(runs).where(*mine, runs.c.state == "cancelled").values(**told))
    return False


def abandon(tx: Tx, connection_id: str, *, kinds: Sequence[str], but: str) -> int:
    """Close runs of these kinds that were cut off; one that was ordered is carried out yet, by its job.

    A plan, and whoever waits for a lane, is `queued`: it is taken for cut off when it has been so for long.
    """
    ordered = exists().where(
        jobs.c.connection_id == connection_id,
        jobs.c.kind == ORDER,
        jobs.c.key == runs.c.id,
        jobs.c.state == "open",
    )
    stale = and_(
        runs.c.state == "queued", runs.c.owner.is_not(None), runs.c.started_at < later(-LONGEST_QUEUED)
    )
    result = tx.execute(
        update(runs)
        .where(
            runs.c.connection_id == connection_id,
            or_(runs.c.state == "running", stale),
            runs.c.kind.in_(kinds),
            runs.c.id != but,
            not_(ordered),
        )
        .values(state="failed", reason=CUT_OFF, finished_at=db_now())
    )
    return result.rowcount


def give_up(tx: Tx, run_id: str) -> None:
    """Close a run whose work another one takes up."""
    tx.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.state.in_(_OPEN))
        .values(state="failed", reason=CUT_OFF, finished_at=db_now())
    )


def give_up_lost(tx: Tx, run_ids: Sequence[str]) -> None:
    """Close the runs whose jobs were given up; a plan waits for its approval again."""
    for run_id in run_ids:
        ended = {"state": "failed", "reason": LOST, "finished_at": db_now()}
        tx.execute(update(runs).where(runs.c.id == run_id, runs.c.state.in_(_OPEN)).values(**ended))
        plan = first(tx, select(runs).where(runs.c.id == run_id, runs.c.state == "needs_approval"))
        if plan is not None:
            ordered = {name: each for name, each in plan["ordered"].items() if name != "approved_by"}
            tx.execute(update(runs).where(runs.c.id == run_id).values(ordered=ordered))
