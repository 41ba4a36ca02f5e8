"""After the database was restored from a backup: what the CRMs have may be newer than what stands here.

Our side may have been pushed, decided and overwritten since by what nobody here remembers. So every record is
compared anew, by a plan that a person approves; the CRM's changes come here as ever, and whatever of ours
would go to a CRM is asked about instead, until a person has decided it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update

from connectors.records import JSON
from sync.core.match import EVERY
from sync.look import DIGEST_STAGED
from sync.store import audit, connections, jobs, runs, sightings
from sync.store.connections import PLANNED_ANEW, RESTORED, ConnectionState, StoredConnection
from sync.store.orders import CUT_OFF
from sync.store.query import rows
from sync.store.schema import connections as connections_table
from sync.store.schema import links
from sync.store.session import Database, Tx
from sync.store.types import db_now
from sync.store.worktables import jobs as jobs_table
from sync.store.worktables import lanes
from sync.store.worktables import runs as runs_table

CLOSED = (ConnectionState.PAUSED, ConnectionState.AUTH_FAILED)
REASON = f"{PLANNED_ANEW[RESTORED]}; the next sync makes a plan to approve"


def restored(database: Database, *, actor: str) -> Sequence[StoredConnection]:
    """Take note that the database was restored, before any worker runs again; its connections.

    Done again it changes nothing more. Connections that were never synced stay as they are: their first sync
    is a plan to approve, and nothing was written for them.
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
    if connection.row["first_sync"] == "waiting":
        return
    sightings.doubt_all(tx, mine, DIGEST_STAGED)
    listing: dict[str, JSON] | None = {} if connection.row["listed_at"] is not None else None
    connections.set_columns(tx, mine, first_sync=RESTORED, listing=listing)
    if connection.state not in CLOSED:
        connections.set_state(tx, mine, ConnectionState.NEEDS_APPROVAL, REASON)
    jobs.ask(tx, organisation_id=connection.organisation_id, connection_id=mine, kind=jobs.RESCOPE)


def _end_work(tx: Tx, connection_id: str) -> None:
    """What was at work, ordered or waiting then is not carried out now: it may have been done long ago."""
    runs.cancel_waiting(tx, connection_id, PLANNED_ANEW[RESTORED])
    ended = {"finished_at": db_now(), "owner": None}
    for state, end in (("queued", "cancelled"), ("running", "failed")):
        reason = CUT_OFF if end == "failed" else PLANNED_ANEW[RESTORED]
        mine = (runs_table.c.connection_id == connection_id, runs_table.c.state == state)
        tx.execute(update(runs_table).where(*mine).values(state=end, reason=reason, **ended))
    asked = (jobs_table.c.connection_id == connection_id, jobs_table.c.state == "open")
    tx.execute(
        update(jobs_table)
        .where(*asked, jobs_table.c.kind.in_(("resync", jobs.ORDER)))
        .values(state="done", finished_at=db_now())
    )
    # Nobody holds a lane of a database that was just restored, whatever its rows say.
    tx.execute(update(lanes).where(lanes.c.connection_id == connection_id).values(owner=""))
