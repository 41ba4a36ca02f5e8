"""A connection whose plans count no longer: every record is looked at anew, by a plan to approve."""

from __future__ import annotations

from connectors.records import JSON
from sync.look import DIGEST_STAGED
from sync.store import connections, jobs, runs, sightings
from sync.store.connections import PLANNED_ANEW, WAITING, ConnectionState, StoredConnection
from sync.store.session import Tx

CLOSED = (ConnectionState.PAUSED, ConnectionState.AUTH_FAILED)


def plan_anew(tx: Tx, connection: StoredConnection, why: str) -> None:
    """Cancel the plans that wait, and ask for a new one.

    Args:
        tx: the transaction of what makes it necessary.
        connection: whose plans, locked.
        why: a key of `PLANNED_ANEW`, which becomes its `first_sync`.
    """
    because = PLANNED_ANEW[why]
    runs.cancel_waiting(tx, connection.id, f"{because} after this plan was made")
    if connection.row["first_sync"] == WAITING:
        # The first sync is a plan to approve anyway, and it looks at everything.
        if connection.state is ConnectionState.NEEDS_APPROVAL:
            connections.set_state(tx, connection.id, ConnectionState.NEW)
        return
    sightings.doubt_all(tx, connection.id, DIGEST_STAGED)
    listing: dict[str, JSON] | None = {} if connection.row["listed_at"] is not None else None
    connections.set_columns(tx, connection.id, first_sync=why, listing=listing)
    if connection.state not in CLOSED:
        reason = f"{because}; the next sync makes a plan to approve"
        connections.set_state(tx, connection.id, ConnectionState.NEEDS_APPROVAL, reason)
    jobs.ask(tx, organisation_id=connection.organisation_id, connection_id=connection.id, kind=jobs.RESCOPE)
