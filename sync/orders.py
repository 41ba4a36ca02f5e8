"""What a person asks for by HTTP: a run that waits, as a row and a job, until a worker carries it out.

The job's key is the run: one that is `queued` is to be run, one that is `needs_approval` was approved.
"""

from __future__ import annotations

from datetime import timedelta

from connectors.errors import ConnectorError, QuotaExhausted
from connectors.records import JSON
from sync.approve import approve as approve_now
from sync.cycle import refuse_if_closed, run
from sync.errors import ConcordError, Conflicted
from sync.lanes import BusyError
from sync.planned import carrier
from sync.report import Report
from sync.selection import read
from sync.services import Services
from sync.steps import LANES, Order
from sync.store import audit, jobs, lanes, orders, runs
from sync.store.connections import StoredConnection
from sync.store.jobs import Job
from sync.store.query import Row, now
from sync.store.session import Database, Tx
from sync.undoing import Undoing
from sync.work import LEASE_SECONDS, LeaseLostError, Progress

LOOK_AGAIN = 2.0
"""Seconds after which an order is tried again that found another worker on its connection."""
LONGEST_PLAN = timedelta(hours=1)
"""A plan holds no lane by which it could be seen to be at work: for so long it is believed to be."""


def place(database: Database, connection: StoredConnection, order: Order) -> str:
    """Let a worker carry out an order; returns the run to follow.

    Raises:
        Conflicted: the connection is paused.
        NeedsApproval: it is halted, or a plan comes first.
    """
    refuse_if_closed(connection, order)
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
    return run_id


def approve(database: Database, organisation_id: str, run_id: str, *, actor: str) -> None:
    """Let a worker carry out exactly the plan of a run that waits for an approval.

    Raises:
        NotFoundError: there is no such run.
        Conflicted: it does not wait for an approval, or is approved already.
    """
    with database.transaction() as tx:
        row = runs.find(tx, organisation_id, run_id)
        _ask(tx, organisation_id, row["connection_id"], row["id"])  # jobs are locked before runs
        row = runs.find(tx, organisation_id, row["id"], lock=True)
        if row["state"] != "needs_approval":
            raise Conflicted(f"This run is {row['state']}; it does not wait for an approval.")
        if row["ordered"] and "approved_by" in row["ordered"]:
            raise Conflicted("This plan is approved already, and waits for a worker.")
        runs.save(tx, row["id"], ordered={**(row["ordered"] or {}), "approved_by": actor})


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
    except Exception as error:
        _give_up(services, job, row, error)
        raise
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
        if _is_at_work(tx, services, carrier(tx, row) or row):
            jobs.hold(tx, begun, LEASE_SECONDS, heard=True)
            return None
        if row["state"] == "running" or (row["state"] == "queued" and row["owner"] is not None):
            orders.put_back(tx, row["id"])  # its worker is gone
            row = runs.find(tx, connection.organisation_id, row["id"])
        if row["state"] not in ("queued", "needs_approval"):
            jobs.finish(tx, begun)
            return None
        jobs.hold(tx, begun, LEASE_SECONDS, heard=False)
        return begun[0], row


def _is_at_work(tx: Tx, services: Services, row: Row) -> bool:
    """Whether a worker that lives is at a run, as far as can be told."""
    owner = row["owner"]
    if row["state"] not in ("queued", "running") or owner is None or services.dead([owner]):
        return False
    if any(
        (held := lanes.holder(tx, row["connection_id"], each)) is not None and held["owner"] == owner
        for each in LANES[row["kind"]]
    ):
        return True
    age = now(tx) - row["started_at"]
    # Who has kept its counts has given its lanes back, and plans what it left.
    plans = bool(row["counts"]) or bool((row["ordered"] or {}).get("dry"))
    return bool(age < (LONGEST_PLAN if plans else timedelta(seconds=LEASE_SECONDS)))


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
