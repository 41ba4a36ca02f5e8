"""A person's word on a plan: approve it, or cancel it."""

from __future__ import annotations

from sync.crash import crash_here
from sync.cycle import run
from sync.errors import Conflicted
from sync.imports import importing
from sync.planned import carrier
from sync.report import Report
from sync.selection import read
from sync.services import Services
from sync.steps import Order
from sync.store import audit, connections, imports, jobs, runs
from sync.store.connections import ConnectionState, StoredConnection
from sync.store.query import Row
from sync.store.session import Database
from sync.work import Progress


def approve(
    services: Services,
    organisation_id: str,
    run_id: str,
    *,
    actor: str,
    progress: Progress,
    waits: bool = True,
) -> Report:
    """Carry out exactly the plan of a run that waits, and what the approved counts allow beside it.

    Args:
        services: what use-cases are built from.
        organisation_id: whose run.
        run_id: the run with the plan.
        actor: who approves.
        progress: told what happens.
        waits: for another process that is at work on the connection.

    Raises:
        NotFoundError: there is no such run.
        Conflicted: the run does not wait for an approval.
    """
    with services.database.transaction() as tx:
        row = runs.find(tx, organisation_id, run_id)
        connection = connections.load(tx, row["connection_id"])
        if row["kind"] == imports.KIND:
            importing.release(tx, organisation_id, row["id"], actor=actor, after=services.lease_seconds)
            order = Order(kind=imports.KIND, trigger="manual", actor=actor, run_id=row["id"], waits=waits)
        elif row["state"] != "needs_approval":
            raise Conflicted(
                f"The run {run_id} is {row['state']}; it does not wait for an approval.",
                cure="Runs that wait are shown by: concord runs list",
            )
        else:
            audit.write(tx, organisation_id, actor=actor, action="run.approved", subject=row["id"])
            order = _carrying_out(connection, row, actor=actor, waits=waits)
    crash_here("approval.audited")
    return run(services, connection, order, progress)


def _carrying_out(connection: StoredConnection, row: Row, *, actor: str, waits: bool) -> Order:
    mapped = [line.field for line in connection.settings.map]
    selection = read(row["selection"], mapped) if row["selection"] else None
    kind = "resync" if selection else "sync"
    return Order(
        kind=kind, trigger="manual", actor=actor, approval=row["id"], selection=selection, waits=waits
    )


def cancel(database: Database, organisation_id: str, run_id: str, *, actor: str) -> str:
    """Cancel a run that waits or is at work; what it has done stays done. Returns the state it was in.

    Raises:
        NotFoundError: there is no such run.
        Conflicted: it has ended already.
    """
    with database.transaction() as tx:
        row = runs.find(tx, organisation_id, run_id)
        for kind in ("resync", jobs.ORDER):  # jobs are locked before runs, here as everywhere
            jobs.withdraw(tx, row["connection_id"], kind, row["id"])
        row = runs.find(tx, organisation_id, row["id"], lock=True)
        if row["state"] not in ("queued", "running", "needs_approval"):
            raise Conflicted(f"The run {run_id} has ended already ({row['state']}).")
        if (at_work := carrier(tx, row)) is not None:
            raise Conflicted(
                "This plan was approved, and is being carried out.",
                cure=f"Cancel the run that does it: {at_work['id']}",
            )
        runs.finish(tx, row["id"], "cancelled", reason=f"cancelled by {actor}")
        imports.drop_parts(tx, row["id"])
        audit.write(tx, organisation_id, actor=actor, action="run.cancelled", subject=row["id"])
        connection = connections.load(tx, row["connection_id"])
        waiting = connection.state in (ConnectionState.HALTED, ConnectionState.NEEDS_APPROVAL)
        if row["state"] == "needs_approval" and waiting:
            # Nothing was released: the next run looks at everything again, and stops again if it must.
            connections.set_state(tx, connection.id, connection.resting)
    return str(row["state"])
