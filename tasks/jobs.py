"""From rows to use-cases: take what is due, and let each connection's failure be its own."""

from __future__ import annotations

import logging
import time
from enum import Enum

from sqlalchemy.exc import DBAPIError

from connectors.errors import ConnectorError, Retryable
from sync.crash import crash_here
from sync.cycle import run
from sync.errors import ConcordError, ConfigurationError
from sync.lanes import BusyError
from sync.orders import carry_out
from sync.services import Services
from sync.steps import Order
from sync.store import connections, jobs, lanes, orders
from sync.work import Progress

_log = logging.getLogger("concord")
LONGEST = 60.0
"""Seconds after which a worker takes a new wake-up, so that it can be told to stop under any load."""


def drain(services: Services, progress: Progress) -> int:
    """Do everything that is due, one connection after the other; returns how many runs were made.

    A connection whose CRM is down, or that another worker is at, does not stop the others.
    """
    with services.database.transaction() as tx:
        dead = services.dead(lanes.owners(tx))
        orders.give_up_lost(tx, jobs.give_up_lost(tx, dead_owners=dead))
    crash_here("drain.woken")
    done = 0
    passed: set[tuple[str, str]] = set()
    down: set[str] = set()
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        with services.database.reading() as tx:
            waiting = [
                (row["connection_id"], row["kind"])
                for row in jobs.due(tx, dead_owners=dead)
                if row["connection_id"] not in down and (row["connection_id"], row["kind"]) not in passed
            ]
        if not waiting:
            break
        for connection_id, kind in waiting:
            if connection_id in down:
                continue
            outcome = _one(services, connection_id, kind, progress)
            done += outcome is not _Outcome.BUSY
            if outcome is _Outcome.DOWN:
                down.add(connection_id)
            if outcome is not _Outcome.DONE:
                # What is done is looked at again: whoever was woken meanwhile found its lane taken.
                passed.add((connection_id, kind))
    return done


class _Outcome(Enum):
    DONE = "done"
    FAILED = "failed"
    DOWN = "down"  # the CRM does not serve us just now, or cannot be asked, whatever it is
    BUSY = "busy"  # another worker is at it


def _one(services: Services, connection_id: str, kind: str, progress: Progress) -> _Outcome:
    with services.database.reading() as tx:
        connection = connections.load(tx, connection_id)
    trigger = "webhook" if kind == "fetch" else "schedule"
    order = Order(kind=kind, trigger=trigger, actor="concord", full=kind == "full")
    try:
        if kind == jobs.ORDER:
            ordered = carry_out(services, connection, progress)
            if ordered is None:
                return _Outcome.BUSY
            report = ordered
        else:
            report = run(services, connection, order, progress)
    except BusyError:
        return _Outcome.BUSY
    except (ConnectorError, ConcordError) as error:
        _log.warning("%s of %s failed: %s", kind, connection.name, error)
        progress({"event": "failed", "connection": connection.name, "kind": kind, "reason": str(error)})
        return _Outcome.DOWN if isinstance(error, Retryable | ConfigurationError) else _Outcome.FAILED
    except DBAPIError as error:
        # Its text may hold a record's values: only its kind is told.
        reason = f"The database refused a statement ({type(error.orig).__name__})."
        _log.warning("%s of %s failed: %s", kind, connection.name, reason)
        progress({"event": "failed", "connection": connection.name, "kind": kind, "reason": reason})
        return _Outcome.FAILED
    progress({"event": "run", "kind": kind, **report.as_json()})
    return _Outcome.DONE
