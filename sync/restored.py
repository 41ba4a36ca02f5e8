"""After the database was restored from a backup: what the CRMs have may be newer than what stands here.

Our side may have been pushed, decided and overwritten since by what nobody here remembers. So every record is
compared anew, by a plan that a person approves; the CRM's changes come here as ever, and whatever of ours
would go to a CRM is asked about instead, until a person has decided it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update

from sync.anew import plan_anew
from sync.core.match import EVERY
from sync.store import audit, connections, jobs
from sync.store.connections import PLANNED_ANEW, RESTORED, StoredConnection
from sync.store.orders import CUT_OFF
from sync.store.query import rows
from sync.store.schema import connections as connections_table
from sync.store.schema import links
from sync.store.session import Database, Tx
from sync.store.types import db_now
from sync.store.worktables import jobs as jobs_table
from sync.store.worktables import lanes, runs


def restored(database: Database, *, actor: str) -> Sequence[StoredConnection]:
    """Take note that the database was restored, before any worker runs again; its connections.

    Done again it asks for the plans once more. Connections that were never synced need none but that of their
    first sync, which is made anew as well.
    """
    with database.patient().transaction() as tx:
        ids = select(connections_table.c.id).where(connections.OF_CRMS).order_by(connections_table.c.id)
        found = [connections.load(tx, row["id"], lock=True) for row in rows(tx, ids)]
        for connection in found:
            _doubt(tx, connection, actor)
        return [connections.load(tx, connection.id) for connection in found]


def _doubt(tx: Tx, connection: StoredConnection, actor: str) -> None:
    mine = connection.id
    tx.execute(update(links).where(links.c.connection_id == mine).values(doubted=[EVERY]))
    audit.write(
        tx, connection.organisation_id, actor=actor, action="connection.restored", subject=connection.id
    )
    _end_work(tx, mine)
    plan_anew(tx, connection, RESTORED)


def _end_work(tx: Tx, connection_id: str) -> None:
    """What was ordered or at work then is not carried out now: it may have been done long ago."""
    asked = (jobs_table.c.connection_id == connection_id, jobs_table.c.state == "open")
    tx.execute(
        update(jobs_table)
        .where(*asked, jobs_table.c.kind.in_(("resync", jobs.ORDER)))
        .values(state="done", finished_at=db_now())
    )
    for state, end, reason in (
        ("queued", "cancelled", PLANNED_ANEW[RESTORED]),
        ("running", "failed", CUT_OFF),
    ):
        mine = (runs.c.connection_id == connection_id, runs.c.state == state)
        tx.execute(
            update(runs).where(*mine).values(state=end, reason=reason, owner=None, finished_at=db_now())
        )
    # Nobody holds a lane of a database that was just restored, whatever its rows say.
    tx.execute(update(lanes).where(lanes.c.connection_id == connection_id).values(owner=""))
