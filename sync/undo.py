"""Undo: what a run or a bulk decision did, or what it did with one record, goes back; previewed if asked.

An undo is a run of its own, and can be undone like any other.
"""

from __future__ import annotations

from dataclasses import replace

from sync import orders
from sync.cycle import run
from sync.errors import BadInput, Conflicted, NotFoundError
from sync.report import Report
from sync.services import Services
from sync.steps import Order
from sync.store import audit, conflicts, connections, runs
from sync.store import undo as store
from sync.store.connections import StoredConnection
from sync.store.imports import KIND
from sync.store.query import Row
from sync.store.session import Database, Tx
from sync.undoing import Undoing
from sync.work import Progress

AT_WORK = ("queued", "running")


def undo(
    services: Services,
    organisation_id: str,
    run_id: str,
    *,
    actor: str,
    record: str | None = None,
    preview: bool = False,
    progress: Progress,
) -> list[Report]:
    """Undo a run; what was decided at once on several connections is undone on each of them.

    What a record's fields go back to, and what is left alone and why, is kept with the new run as its plan.

    Args:
        services: the outside.
        organisation_id: whose run it is.
        run_id: the run, or the beginning of its id.
        actor: who asks.
        record: only what the run did to this customer: its external id, id, or the ref of its record.
        preview: plan only; nothing is written on either side.
        progress: told how far it is.

    Returns:
        A report for each connection, the last one first.

    Raises:
        NotFoundError: there is no such run, or it did nothing to that record.
        BadInput: the run changed nothing.
        Conflicted: it is still at work.
        ConnectorError: the CRM failed; asked for again, the undo goes on.
        ConcordError: the CRM did not take everything, with the same cure.
    """
    with services.database.transaction() as tx:
        wanted = _parts(tx, organisation_id, run_id, record, actor=actor, preview=preview)
    reports: list[Report] = []
    for connection, undoing in wanted:
        part = replace(undoing, part_of=reports[0].run if reports else None)
        order = Order(kind="undo", trigger="undo", actor=actor, dry=preview, undoing=part)
        reports.append(run(services, connection, order, progress))
    return reports


def ask_undo(
    database: Database,
    organisation_id: str,
    run_id: str,
    *,
    actor: str,
    record: str | None = None,
    preview: bool = False,
) -> list[str]:
    """As `undo`, by a worker; the runs to follow, one for each connection.

    Raises:
        NotFoundError: there is no such run, or it did nothing to that record.
        BadInput: the run changed nothing.
        Conflicted: it is still at work.
    """
    with database.transaction() as tx:
        wanted = _parts(tx, organisation_id, run_id, record, actor=actor, preview=preview)
        asked: list[str] = []
        for connection, undoing in wanted:
            part = replace(undoing, part_of=asked[0] if asked else None)
            order = Order(kind="undo", trigger="undo", actor=actor, dry=preview, undoing=part)
            asked.append(orders.place(database.joined(tx), connection, order))
    return asked


def _parts(
    tx: Tx, organisation_id: str, run_id: str, record: str | None, *, actor: str, preview: bool
) -> list[tuple[StoredConnection, Undoing]]:
    """What is to be undone on each connection, the last one first."""
    head = runs.find(tx, organisation_id, run_id)
    parts = store.parts(tx, head)
    if any(row["state"] in AT_WORK for row in parts):
        raise Conflicted(
            "This run is still at work.", cure="Wait for its end, or cancel it: concord runs cancel RUN"
        )
    only = None if record is None else frozenset(store.find_customers(tx, organisation_id, record))
    touched = [row for row in parts if store.count(tx, row["id"], only) or (only is None and _asked(tx, row))]
    if not touched and only is not None:
        raise NotFoundError(
            "The run changed no such record.", cure=f"See what it did with: concord runs show {run_id}"
        )
    if not touched and head["kind"] == KIND:
        raise BadInput(
            "This import changed nothing, and none of its questions is open.",
            cure="What was decided on its rows is undone by those decisions' own runs: concord runs list",
        )
    if not touched:
        raise BadInput("This run changed nothing.", cure="See what others did with: concord runs list")
    if not preview:
        audit.write(tx, organisation_id, actor=actor, action="run.undone", subject=head["id"])
    return [
        (
            connections.load(tx, row["connection_id"]),
            Undoing(run_id=row["id"], customer_ids=only, record=record),
        )
        for row in reversed(touched)
    ]


def _asked(tx: Tx, row: Row) -> bool:
    """Whether a run is an import with questions that are open still."""
    return row["kind"] == KIND and bool(conflicts.asked_by(tx, row["connection_id"], row["id"]))
