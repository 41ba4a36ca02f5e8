"""From rows to use-cases: take what is due, and let each connection's failure be its own."""

from __future__ import annotations

import logging

from connectors.errors import ConnectorError
from sync.cycle import run
from sync.errors import ConcordError
from sync.lanes import BusyError
from sync.services import Services
from sync.steps import Order
from sync.store import connections, jobs
from sync.work import Progress

_log = logging.getLogger("concord")


def drain(services: Services, progress: Progress) -> int:
    """Do everything that is due, one connection after the other; returns how many runs were made.

    A connection whose CRM is down, or that another worker is at, does not stop the others.
    """
    done = 0
    tried: set[tuple[str, str]] = set()
    while True:
        with services.database.reading() as tx:
            waiting = [
                (row["connection_id"], row["kind"])
                for row in jobs.due(tx)
                if (row["connection_id"], row["kind"]) not in tried
            ]
        if not waiting:
            return done
        for connection_id, kind in waiting:
            tried.add((connection_id, kind))
            done += _one(services, connection_id, kind, progress)


def _one(services: Services, connection_id: str, kind: str, progress: Progress) -> bool:
    with services.database.reading() as tx:
        connection = connections.load(tx, connection_id)
    order = Order(kind=kind, trigger="schedule", actor="concord")
    try:
        report = run(services, connection, order, progress)
    except BusyError:
        return False
    except (ConnectorError, ConcordError) as error:
        _log.warning("%s of %s failed: %s", kind, connection.name, error)
        progress({"event": "failed", "connection": connection.name, "kind": kind, "reason": str(error)})
        return True
    progress({"event": "run", "kind": kind, **report.as_json()})
    return True
