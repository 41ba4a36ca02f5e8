"""A connection's scope is changed: what that moves is a plan that a person approves."""

from __future__ import annotations

from contextlib import ExitStack

from connectors.records import JSON
from sync.connect import note_change
from sync.lanes import lane
from sync.look import DIGEST_STAGED
from sync.rules import parse_settings
from sync.scoping import as_json, parse_lines
from sync.services import Services
from sync.steps import LANES, PATIENCE
from sync.store import connections, jobs, runs, sightings
from sync.store.connections import RESCOPED, ConnectionState, StoredConnection
from sync.store.session import Tx
from sync.work import Progress

REASON = "its scope was changed; the next sync makes a plan to approve"
CLOSED = (ConnectionState.PAUSED, ConnectionState.AUTH_FAILED)


def rescope(
    services: Services,
    connection: StoredConnection,
    scope: object,
    *,
    actor: str,
    progress: Progress,
    patience: float = PATIENCE,
) -> bool:
    """Put a new scope in force; False if it is the one that was.

    No run is at work meanwhile: none goes on by the old scope after this, or hides from the plan what it
    saw. All in one transaction: after a crash the scope is the old one or the new one, with its plan to be
    made.

    Args:
        services: what use-cases are built from.
        connection: whose scope.
        scope: conditions as data, see `sync.scoping`; none takes in every record.
        actor: for the audit.
        progress: told while it waits for a run to end.
        patience: seconds that it waits.

    Raises:
        BadInput: a condition is wrong, or about a field that is not mapped; nothing was changed.
        BusyError: a run went on for longer than that.
    """
    mapped = [line.field for line in connection.settings.map]
    lines = parse_lines(scope, mapped, what="The scope")
    with ExitStack() as stack:
        for name in LANES["sync"]:
            stack.enter_context(lane(services, connection, name, patience=patience, progress=progress))
        with services.database.transaction() as tx:
            present = connections.load(tx, connection.id, lock=True)
            if present.settings.scope == lines:
                return False
            body = {**present.settings.model_dump(mode="json"), "scope": as_json(lines)}
            connections.change_settings(tx, present, parse_settings(body))
            _plan_anew(tx, present)
            note_change(tx, present, ["scope"], actor=actor)
    return True


def _plan_anew(tx: Tx, connection: StoredConnection) -> None:
    """Whatever was planned by the old scope counts no longer; every record is looked at once more."""
    runs.cancel_waiting(tx, connection.id, "the scope was changed after this plan was made")
    if connection.row["first_sync"] == "waiting":
        # The first sync is a plan to approve anyway, and it looks at everything.
        if connection.state is ConnectionState.NEEDS_APPROVAL:
            connections.set_state(tx, connection.id, ConnectionState.NEW)
        return
    sightings.doubt_all(tx, connection.id, DIGEST_STAGED)
    listing: dict[str, JSON] | None = {} if connection.row["listed_at"] is not None else None
    connections.set_columns(tx, connection.id, first_sync=RESCOPED, listing=listing)
    if connection.state not in CLOSED:
        connections.set_state(tx, connection.id, ConnectionState.NEEDS_APPROVAL, REASON)
    jobs.ask(
        tx,
        organisation_id=connection.organisation_id,
        connection_id=connection.id,
        kind=jobs.RESCOPE,
    )
