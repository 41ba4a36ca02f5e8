"""A connection's scope is changed: what that moves is a plan that a person approves."""

from __future__ import annotations

from contextlib import ExitStack

from sync.anew import plan_anew
from sync.connect import note_change
from sync.lanes import lane
from sync.rules import parse_settings
from sync.scoping import as_json, parse_lines
from sync.services import Services
from sync.steps import LANES, PATIENCE
from sync.store import connections
from sync.store.connections import RESCOPED, StoredConnection
from sync.work import Progress


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
            plan_anew(tx, present, RESCOPED)
            note_change(tx, present, ["scope"], actor=actor)
    return True
