"""The leases of a run: a connection has one lane for pulling and one for pushing.

Whoever works in a lane holds its job. A person's run waits for a worker that is at it, and takes over at
once from a process of this machine that is gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sync.errors import ConcordError
from sync.services import Services
from sync.store import jobs
from sync.store.connections import StoredConnection
from sync.store.jobs import Claim
from sync.work import LEASE_SECONDS, Progress

WAIT_SECONDS = 600.0
POLL_SECONDS = 0.2


class BusyError(ConcordError):
    """Another process works on this connection and goes on doing so."""


@contextmanager
def lane(services: Services, connection: StoredConnection, kind: str, progress: Progress) -> Iterator[Claim]:
    """Hold a lane; waits for it. The lease is given back however the block ends.

    Raises:
        BusyError: another process held it for ten minutes.
    """
    claim = _wait_for(services, connection, kind, progress)
    try:
        yield claim
    except BaseException as error:
        with services.database.transaction() as tx:
            jobs.put_back(tx, claim, type(error).__name__, after=0.0)
        raise
    with services.database.transaction() as tx:
        jobs.finish(tx, claim)


def _wait_for(services: Services, connection: StoredConnection, kind: str, progress: Progress) -> Claim:
    deadline = time.monotonic() + WAIT_SECONDS
    told = False
    while True:
        with services.database.transaction() as tx:
            jobs.ask(tx, organisation_id=connection.organisation_id, connection_id=connection.id, kind=kind)
            jobs.make_due(tx, connection.id, kind)
            claim = jobs.claim(
                tx,
                owner=services.owner,
                lease_seconds=LEASE_SECONDS,
                connection_id=connection.id,
                kind=kind,
                dead_owners=services.dead(jobs.owners(tx)),
            )
            holder = None if claim else jobs.holder(tx, connection.id)
        if claim is not None:
            return claim
        if not told and holder is not None:
            progress({"event": "waiting", "holder": holder["lease_owner"], "kind": kind})
            told = True
        if time.monotonic() > deadline:
            raise BusyError(
                f"Another process has been at work on {connection.name} for ten minutes.",
                cure="Look at: concord runs list",
            )
        time.sleep(POLL_SECONDS)
