"""One run on one connection from start to end: inspection, approval, the brake, and its report."""

from __future__ import annotations

from typing import Any

from connectors.errors import AuthFailed, ConnectorError, Fatal, Misconfigured, QuotaExhausted
from connectors.port import Connector
from sync import planned
from sync.admission import plan_first, refuse_if_closed
from sync.alive import is_stranded
from sync.crash import crash_here
from sync.errors import ConcordError, ConfigurationError
from sync.lanes import BusyError
from sync.report import Report, Tally
from sync.retrying import put_off_all
from sync.services import Services
from sync.steps import Order, Steps
from sync.store import conflicts, connections, jobs, orders, quota, restoring, runs
from sync.store.connections import APPROVED, BEGUN, FIRST, RESTORED, ConnectionState, StoredConnection
from sync.store.jobs import Wanted
from sync.store.query import now
from sync.work import BrakeError, CancelledError, LeaseLostError, Progress


def run(services: Services, connection: StoredConnection, order: Order, progress: Progress) -> Report:
    """Carry out one run.

    Returns:
        The report, also of a run that stopped to ask (`needs_approval`).

    Raises:
        ConnectorError: the CRM failed; the run is closed as failed, and what was done stays done.
        ConcordError: the connection may not run, or the database failed.
    """
    stranded = is_stranded(
        services.database, connection, dead=services.dead, lease_seconds=services.lease_seconds
    )
    refuse_if_closed(connection, order, stranded=stranded)
    connector = _open(services, connection, order)
    try:
        run_id = _start(services, connection, order)
        crash_here("run.started")
        steps = Steps(services, connection, order, progress, connector, run_id, Tally())
        try:
            state, reason = _carry_out(steps)
        except BaseException as error:
            if isinstance(error, BusyError) and not (order.by_person and order.waits):
                with services.database.transaction() as tx:
                    if order.run_id is None:
                        runs.drop(tx, run_id)  # whoever is at it does the work
                    else:
                        orders.put_back(tx, run_id, owner=services.owner)
                raise
            if isinstance(error, LeaseLostError) and order.run_id is not None:
                raise  # it is for whoever comes after, if he is not at it by now
            _close(steps, *_failure(error, services.out_of_time))
            _note_failure(steps, error)
            raise
        crash_here("run.at_its_end")
        report = _close(steps, state, reason)
        crash_here("run.closed")
        return report
    finally:
        connector.close()


def _open(services: Services, connection: StoredConnection, order: Order) -> Connector:
    try:
        return services.open_connector(connection, person=order.by_person)
    except (ConnectorError, ConfigurationError) as error:
        if not order.by_person:
            put_off_all(services, connection, error)
        raise


def _start(services: Services, connection: StoredConnection, order: Order) -> str:
    """Open the run. A resync that a person asked for leaves a job until it ends: cut off, it is finished."""
    selection = order.selection.as_json() if order.selection else None
    with services.database.transaction() as tx:
        if order.run_id is not None:  # its own job is open until it ends
            if not orders.take(tx, order.run_id, services.owner):
                raise BusyError("This run is another worker's, or was cancelled.")
            return order.run_id
        run_id = runs.start(
            tx,
            organisation_id=connection.organisation_id,
            connection_id=connection.id,
            kind=order.kind,
            trigger=order.trigger,
            actor=order.actor,
            owner=services.owner,
        )
        if selection:
            runs.save(tx, run_id, selection=selection)
        if order.undoing is not None:
            runs.save(tx, run_id, **order.undoing.as_columns())
        if selection and not order.dry and order.approval is None:
            wanted = Wanted(connection.id, "resync", run_id, organisation_id=connection.organisation_id)
            jobs.ask_for(tx, [wanted])
    return run_id


def _carry_out(steps: Steps) -> tuple[str, str | None]:
    """Do it; returns the run's state, and why if it is not simply done."""
    _inspect(steps)
    order = steps.order
    if order.dry:
        _make_plan(steps)
        return "done", None
    if order.undoing is not None:
        # A person saw what it does; and what a halted run left can be undone before anything else.
        steps.take(dry=False, braked=False)
        return "done", None
    if order.kind == "import":
        steps.take(dry=False, braked=False)
        return (
            ("needs_approval", "this is its plan, and nothing was written") if steps.asks else ("done", None)
        )
    if steps.connection.state is ConnectionState.HALTED and order.approval is None:
        # Whoever halted it was gone before there was a plan; what made it halt is still to be approved.
        return "needs_approval", _plan_the_rest(steps, str(steps.connection.row["state_reason"]))
    if (why := plan_first(steps.connection, order)) is not None:
        return _ask(steps, f"{why}; this is the plan, and nothing was written")
    if order.kind != "resync" and steps.connection.row["first_sync"] in FIRST:
        # What comes beside a plan waits for another one; what is approved unseen is all there is.
        _set(steps, first_sync=APPROVED if order.approval is None else BEGUN)
    # One that was cut off goes on as one: only a whole cycle ends it.
    covered = (
        steps.connection.row["first_sync"] != "done" and order.kind != "resync"
    ) or order.approval is not None
    try:
        steps.take(dry=False, braked=not covered)
    except BrakeError as error:
        return _halt(steps, error.reason)
    return _finish(steps, covered=covered)


def _finish(steps: Steps, *, covered: bool) -> tuple[str, str | None]:
    if steps.tally.deferred and covered:
        reason = f"{steps.tally.deferred} records came or changed after the plan and wait for another"
        _stop(steps, ConnectionState.NEEDS_APPROVAL, reason)
        return "needs_approval", _plan_the_rest(steps, reason)
    with steps.services.database.transaction() as tx:  # a first sync that is done, and idle for ever, is none
        if steps.order.kind == "sync":
            connections.set_columns(tx, steps.connection.id, first_sync="done")
            if steps.connection.row["first_sync"] == RESTORED:
                restoring.believe_compared(tx, steps.connection.organisation_id)
        present = connections.load(tx, steps.connection.id)
        if present.state not in (ConnectionState.ACTIVE, ConnectionState.PAUSED):
            connections.set_state(tx, present.id, present.resting, None)
    return "done", None


def _ask(steps: Steps, reason: str) -> tuple[str, str]:
    """A first sync, or a new scope, is a plan that a person approves."""
    _make_plan(steps)
    with steps.services.database.transaction() as tx:
        connections.set_state(tx, steps.connection.id, ConnectionState.NEEDS_APPROVAL, reason)
        jobs.withdraw(tx, steps.connection.id, jobs.RESCOPE)
    return "needs_approval", reason


def _halt(steps: Steps, why: str) -> tuple[str, str]:
    _stop(steps, ConnectionState.HALTED, why)
    return "needs_approval", _plan_the_rest(steps, why)


def _stop(steps: Steps, state: ConnectionState, why: str) -> None:
    """Stop the connection, and keep what was done: whatever becomes of the plan."""
    with steps.services.database.transaction() as tx:
        connections.set_state(tx, steps.connection.id, state, why)
        runs.save(tx, steps.run_id, counts=steps.tally.counts())


def _plan_the_rest(steps: Steps, why: str) -> str:
    """Plan what this run has left undone: to release it is to do that. Returns why a person is asked."""
    written, steps.tally, steps.approval = steps.tally, Tally(), None
    try:
        _make_plan(steps)
    except ConnectorError as error:
        why = f"{why}; its plan is not whole: {error}"  # what is missing in it waits for the next one
    finally:
        steps.tally = written
    return why


def _make_plan(steps: Steps) -> None:
    try:
        steps.take(dry=True, braked=False)
    finally:
        with steps.services.database.transaction() as tx:
            planned.keep(tx, steps.run_id, steps.tally, steps.connector.capabilities)


def _inspect(steps: Steps) -> None:
    """Hold account and map against the CRM: the first time, after every change of them, and when full."""
    row = steps.connection.row
    # A halted connection without a plan was perhaps halted since the account is another one.
    unplanned = steps.connection.state is ConnectionState.HALTED and steps.order.approval is None
    if row["inspected_at"] is not None and not steps.order.full and not unplanned:
        return
    found = steps.services.inspect(steps.connection, steps.connector)
    errors = [each for each in found.problems if each["severity"] == "error"]
    if errors:
        raise Misconfigured(
            " ".join(f"{each['message']} {each['cure']}" for each in errors[:5]),
            cure="Check it with: concord doctor",
        )
    if row["account_id"] not in (None, found.account_id):
        reason = "the credentials now lead to another CRM account than before"
        _state(steps, ConnectionState.HALTED, reason)
        raise Fatal(
            f"The connection {steps.connection.name} is halted: {reason}.",
            cure="Give it the right credentials, or make a new connection for the other account.",
        )
    with steps.services.database.transaction() as tx:
        connections.set_columns(
            tx,
            steps.connection.id,
            account_id=found.account_id,
            key_unique=found.key_unique,
            inspected_at=now(tx),
        )
        steps.connection = connections.load(tx, steps.connection.id)


def _set(steps: Steps, **columns: Any) -> None:
    with steps.services.database.transaction() as tx:
        connections.set_columns(tx, steps.connection.id, **columns)


def _state(steps: Steps, state: ConnectionState, reason: str | None) -> None:
    with steps.services.database.transaction() as tx:
        connections.set_state(tx, steps.connection.id, state, reason)


def _failure(error: BaseException, out_of_time: tuple[type[Exception], ...]) -> tuple[str, str]:
    if isinstance(error, KeyboardInterrupt | SystemExit | CancelledError):
        return "cancelled", "it was interrupted; what it had done stays done"
    if isinstance(error, QuotaExhausted):
        return "waiting", error.reason
    if isinstance(error, out_of_time):
        return "waiting", "its worker had been at it for long; what it had done stays done"
    if isinstance(error, ConnectorError | ConcordError):
        return "failed", str(error)
    return "failed", f"an unforeseen error ({type(error).__name__})"


def _note_failure(steps: Steps, error: BaseException) -> None:
    open_states = (ConnectionState.ACTIVE, ConnectionState.NEW)
    if isinstance(error, QuotaExhausted):
        with steps.services.database.transaction() as tx:
            quota.wait(tx, steps.connection.id, error.until)
    if isinstance(error, AuthFailed) and steps.connection.state in open_states:
        _state(steps, ConnectionState.AUTH_FAILED, error.reason)


def _close(steps: Steps, state: str, reason: str | None) -> Report:
    """Close the run's row and report."""
    counts, calls, order = steps.tally.counts(), dict(steps.connector.calls()), steps.order
    covered = bool(order.approval or order.undoing) or steps.connection.row["first_sync"] != "done"
    carried_out = state in ("done", "needs_approval")
    with steps.services.database.transaction() as tx:
        if order.selection is not None:  # jobs are locked before runs, here as everywhere
            jobs.withdraw(tx, steps.connection.id, "resync", steps.run_id)
        if not order.by_person and state == "done" and steps.tally.nothing:
            runs.drop(tx, steps.run_id)  # a look at what had not changed leaves no trace in the list
        else:
            told = {"counts": counts, "calls": calls, "approved": covered, "progress": steps.tally.progress()}
            if not orders.close(tx, steps.run_id, steps.services.owner, state, reason=reason, **told):
                state, reason = (
                    "cancelled",
                    "it was cancelled while it was at work; what it had done stays done",
                )
        if order.approval is not None and carried_out:
            planned.settle(tx, steps.connection.organisation_id, order.approval)
        open_rows = conflicts.count_open(tx, conflicts.of_connection(steps.connection.id))
        plan = runs.plan_of(tx, steps.run_id) if order.dry or state == "needs_approval" else None
    return Report(
        run=steps.run_id,
        connection=steps.connection.name,
        state=state,
        counts=counts,
        open=open_rows,
        calls=calls,
        reason=reason,
        planned=plan,
    )
