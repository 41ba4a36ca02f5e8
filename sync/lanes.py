"""Holding the lanes of a connection while a run is at work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sync.crash import crash_here
from sync.errors import Conflicted
from sync.services import Services
from sync.store import lanes
from sync.store.connections import StoredConnection
from sync.store.lanes import Lease
from sync.work import Progress

POLL_SECONDS = 0.2


class BusyError(Conflicted):
    """Another process works on this connection."""


@contextmanager
def lane(
    services: Services, connection: StoredConnection, name: str, *, patience: float, progress: Progress
) -> Iterator[Lease]:
    """Hold a lane; it is given back however the block ends.

    A person's run waits for a worker that is at it, and takes over at once from a process of this machine
    that is gone.

    Raises:
        BusyError: another process has held it for `patience` seconds.
    """
    lease = _wait_for(services, connection, name, patience, progress)
    crash_here("lane.taken")
    try:
        yield lease
    finally:
        with services.database.transaction() as tx:
            lanes.give_back(tx, lease)
        crash_here("lane.given_back")


def _wait_for(
    services: Services, connection: StoredConnection, name: str, patience: float, progress: Progress
) -> Lease:
    deadline = time.monotonic() + patience
    told = False
    while True:
        with services.database.transaction() as tx:
            lease = lanes.take(
                tx,
                connection.id,
                name,
                owner=services.owner,
                seconds=services.lease_seconds,
                dead_owners=services.dead(lanes.owners(tx)),
            )
            holder = None if lease else lanes.holder(tx, connection.id, name)
        if lease is not None:
            return lease
        if time.monotonic() >= deadline:
            raise BusyError(
                f"Another process is at work on {connection.name}.", cure="Look at: concord runs list"
            )
        if not told and holder is not None:
            progress({"event": "waiting", "connection": connection.name, "holder": holder["owner"]})
            told = True
        time.sleep(POLL_SECONDS)
