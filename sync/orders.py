"""What a person asks for by HTTP: a run that waits, as a row and a job, until a worker carries it out.

The job's key is the run: one that is `queued` is to be run, one that is `needs_approval` was approved.
"""

from __future__ import annotations

from collections.abc import Collection

from connectors.errors import ConnectorError, QuotaExhausted
from connectors.records import JSON
from sync.admission import refuse_if_closed
from sync.alive import is_at_work, is_stranded
from sync.approve import approve as approve_now
from sync.crash import crash_here
from sync.cycle import run
from sync.errors import BadInput, ConcordError, Conflicted
from sync.imports import importing
from sync.lanes import BusyError
from sync.planned import carrier
from sync.report import Report
from sync.selection import read
from sync.services import Services
from sync.steps import Order
from sync.store import audit, connections, jobs, orders, runs
from sync.store.connections import StoredConnection
from sync.store.imports import KIND
from sync.store.jobs import Job
from sync.store.query import Row
from sync.store.session import Database, Tx
from sync.undoing import Undoing
from sync.work import LeaseLostError, Progress

AT_WORK = ("queued", "running")
MOST_ORDERS = 1_000
LOOK_AGAIN = 2.0
"""Seconds after which an order is tried again that found another worker on its connection."""


def place(database: Database, connection: StoredConnection, order: Order) -> str:
    """Let a worker carry out an order; returns the run to follow.

    Raises:
        Conflicted: the connection is paused.
        NeedsApproval: it is halted, or a plan comes first.
    """
    stranded = is_stranded(database, connection, dead=lambda _owners: ())
    refuse_if_closed(connection, order, stranded=stranded)
    ordered: dict[str, JSON] = {"full": order.full, "dry": order.dry}
    with database.transaction() as tx:
        run_id = runs.start(
            tx,
            organisation_id=connection.organisation_id,
            connection_id=connection.id,
            kind=order.kind,
            trigger=order.trigger,
            actor=order.actor,
            owner=None,
        )
        runs.save(
            tx, run_id, ordered=ordered, selection=order.selection.as_json() if order.selection else None
        )
        if order.undoing is not None:
            ordered |= order.undoing.as_ordered()
            runs.save(tx, run_id, ordered=ordered, **order.undoing.as_columns())
        _ask(tx, connection.organisation_id, connection.id, run_id)
        audit.write(tx, connection.organisation_id, actor=order.actor, action="run.ordered", subject=run_id)
        crash_here("order.placed")
    return run_id


def again(
    database: Database, organisation_id: str, run_id: str, *, actor: str, dead: Collection[str] = ()
) -> str:
    """Ask once more for what a run was asked for that failed; returns the run to follow.

    An import goes on where it was.

    Raises:
        NotFoundError: there is no such run.
        Conflicted: it did not fail, the connection is paused, or a run of this kind waits or is at work.
        BadInput: what it was asked for cannot be asked for any more.
        NeedsApproval: the connection is halted, or a plan comes first.
    """
    with database.transaction() as tx:
        row = runs.find(tx, organisation_id, run_id)
        if row["state"] != "failed":
            raise Conflicted(f"This run is {row['state']}; it did not fail.")
        if row["kind"] == KIND:
            return str(importing.resume(tx, organisation_id, row["id"], actor=actor, dead=dead)["id"])
        connection = connections.load(tx, row["connection_id"], lock=True)  # of several askers one is first
        open_runs = [each for each in runs.unfinished(tx, connection.id) if each["kind"] == row["kind"]]
        if any(_is_open(tx, each, dead) for each in open_runs):
            raise Conflicted("It is asked for again already: a run of this kind waits, or is at work.")
        undoing = Undoing.of_run(row) if row["ordered"] else None
        if undoing is None and row["undoes"] is not None:
            raise BadInput("Ask for this undo anew, on the run that it was to undo.")
        mapped = [line.field for line in connection.settings.map]
        chosen = read(row["selection"], mapped) if row["selection"] and undoing is None else None
        ordered = row["ordered"] or {}
        order = Order(
            kind=row["kind"],
            trigger="undo" if undoing else "manual",
            actor=actor,
            full=bool(ordered.get("full")),
            dry=bool(ordered.get("dry")) or row["kind"] == "plan",
            selection=chosen,
            undoing=undoing,
        )
        return place(database.joined(tx), connection, order)


def _is_open(tx: Tx, row: Row, dead: Collection[str]) -> bool:
    """Whether a run waits for a worker, or one that lives is at it: then it is not asked for twice."""
    if row["state"] not in AT_WORK:
        return False
    if row["owner"] is None or row["id"] in jobs.waiting(tx, row["connection_id"], jobs.ORDER, MOST_ORDERS):
        return True
    return is_at_work(tx, row, dead=lambda owners: [each for each in owners if each in dead])


def approve(database: Database, organisation_id: str, run_id: str, *, actor: str) -> None:
    """Let a worker carry out exactly the plan of a run that waits for an approval.

    Raises:
        NotFoundError: there is no such run.
        Conflicted: it does not wait for an approval, or is approved already.
    """
    with database.transaction() as tx:
        row = runs.find(tx, organisation_id, run_id)
        if row["kind"] == KIND:
            importing.release(tx, organisation_id, row["id"], actor=actor)
            return
        _ask(tx, organisation_id, row["connection_id"], row["id"])  # jobs are locked before runs
        row = runs.find(tx, organisation_id, row["id"], lock=True)
        if row["state"] != "needs_approval":
            raise Conflicted(f"This run is {row['state']}; it does not wait for an approval.")
        if row["ordered"] and "approved_by" in row["ordered"]:
            raise Conflicted("This plan is approved already, and waits for a worker.")
        runs.save(tx, row["id"], ordered={**(row["ordered"] or {}), "approved_by": actor})
        crash_here("order.approved")


def _ask(tx: Tx, organisation_id: str, connection_id: str, run_id: str) -> None:
    jobs.ask(tx, organisation_id=organisation_id, connection_id=connection_id, kind=jobs.ORDER, keys=[run_id])


def carry_out(services: Services, connection: StoredConnection, progress: Progress) -> Report | None:
    """Carry out the order of a connection that has waited longest.

    Returns:
        None if there is none left, or another worker is at it.

    Raises:
        ConnectorError: the CRM failed; the run is closed with the reason, and the person asks anew.
        ConcordError: it may not run, with the same consequence.
    """
    begun = _begin(services, connection)
    if begun is None:
        return None
    job, row = begun
    crash_here("order.begun")
    try:
        report = _do(services, connection, row, progress)
    except BusyError:
        with services.database.transaction() as tx:
            jobs.hold(tx, [job], LOOK_AGAIN, heard=True)
        return None
    except LeaseLostError:
        raise  # the run and its job are for whoever comes after, if he is not at it by now
    except QuotaExhausted as error:
        if row["state"] != "queued":
            _give_up(services, job, row, error)
            raise
        with services.database.transaction() as tx:
            # Its job waits for the calls of the new day.
            orders.put_back(tx, row["id"], owner=services.owner)
        raise
    except services.out_of_time:
        with services.database.transaction() as tx:
            # It goes on where it was; a plan that is made begins anew, and is given up one day.
            jobs.hold(tx, [job], LOOK_AGAIN, heard=not row["ordered"].get("dry"))
            orders.put_back(tx, row["id"], owner=services.owner)
        raise
    except Exception as error:
        _give_up(services, job, row, error)
        raise
    crash_here("order.carried_out")
    with services.database.transaction() as tx:
        if not _is_anothers(services, runs.find(tx, connection.organisation_id, row["id"])):
            jobs.finish(tx, [job])
    return report


def _begin(services: Services, connection: StoredConnection) -> tuple[Job, Row] | None:
    with services.database.transaction() as tx:
        begun = jobs.begin(tx, connection.id, [jobs.ORDER], limit=1)
        if not begun:
            return None
        row = runs.find(tx, connection.organisation_id, begun[0].key, lock=True)
        at_it = carrier(tx, row) or row
        if is_at_work(tx, at_it, dead=services.dead, lease_seconds=services.lease_seconds):
            jobs.hold(tx, begun, services.lease_seconds, heard=True)
            return None
        if row["state"] == "running" or (row["state"] == "queued" and row["owner"] is not None):
            orders.put_back(tx, row["id"])  # its worker is gone
            row = runs.find(tx, connection.organisation_id, row["id"])
        waits = row["kind"] == KIND and row["state"] == "needs_approval"  # it has made its plan
        if waits or row["state"] not in ("queued", "needs_approval"):
            jobs.finish(tx, begun)
            return None
        jobs.hold(tx, begun, services.lease_seconds, heard=False)
        return begun[0], row


def _do(services: Services, connection: StoredConnection, row: Row, progress: Progress) -> Report:
    if row["state"] == "needs_approval":
        who = str(row["ordered"]["approved_by"])
        mine = connection.organisation_id
        return approve_now(services, mine, row["id"], actor=who, progress=progress, waits=False)
    mapped = [line.field for line in connection.settings.map]
    undoing = Undoing.of_run(row)
    order = Order(
        kind=row["kind"],
        trigger=row["trigger"],
        actor=row["actor"],
        full=bool(row["ordered"]["full"]),
        dry=bool(row["ordered"]["dry"]),
        selection=read(row["selection"], mapped) if row["selection"] and undoing is None else None,
        undoing=undoing,
        run_id=row["id"],
        waits=False,
    )
    return run(services, connection, order, progress)


def _is_anothers(services: Services, row: Row) -> bool:
    """Whether a run was put back meanwhile, and another worker is at it."""
    return row["state"] in ("queued", "running") and row["owner"] not in (None, services.owner)


def _give_up(services: Services, job: Job, row: Row, error: Exception) -> None:
    """Close the run if it was not; a plan may be approved again."""
    told = isinstance(error, ConnectorError | ConcordError)
    reason = str(error) if told else f"an unforeseen error ({type(error).__name__})"
    with services.database.transaction() as tx:
        if _is_anothers(services, runs.find(tx, row["organisation_id"], row["id"])):
            return
        jobs.finish(tx, [job])  # jobs are locked before runs, here as everywhere
        present = runs.find(tx, row["organisation_id"], row["id"], lock=True)
        if present["state"] in ("queued", "running"):
            runs.finish(tx, row["id"], "failed", reason=reason)
        elif present["state"] == "needs_approval":
            ordered = {
                name: each for name, each in (present["ordered"] or {}).items() if name != "approved_by"
            }
            runs.save(tx, row["id"], ordered=ordered, reason=f"{present['reason'] or ''} {reason}".strip())
