"""When work that failed is tried again: after pauses that grow, by itself or once a person has acted."""

from __future__ import annotations

from contextlib import ExitStack

from connectors.errors import QuotaExhausted, RateLimited, Retryable
from sync.errors import ConfigurationError, StoreError
from sync.lanes import BusyError, lane
from sync.services import Services
from sync.store import jobs, quota
from sync.store.connections import StoredConnection
from sync.store.session import Tx
from sync.work import LeaseLostError, Work

LONGEST_PAUSE = 300.0
CREATE_PAUSE = 60.0  # seconds before a creation that failed is tried again
BOTH = ("pull", "push")
BATCH = 500
_WAITED_FOR = (Retryable, StoreError, LeaseLostError, ConfigurationError)
"""What says nothing of the work itself: it is waited for, however long."""


def pause(error: Exception, attempts: int) -> tuple[float, bool]:
    """Seconds before a failed job is tried again, and whether it may be given up one day.

    A CRM that is down or busy, and settings that a person has to correct, are waited for, however long; what
    fails by itself is not tried for ever.
    """
    growing = min(2.0**attempts, LONGEST_PAUSE)
    if isinstance(error, RateLimited):
        return error.retry_after, False
    if isinstance(error, QuotaExhausted):
        return quota.PAUSE, False
    return growing, not isinstance(error, _WAITED_FOR)


def put_off_all(services: Services, connection: StoredConnection, error: Exception) -> None:
    """Put off every due job of a connection of which not even the connector could be built.

    None is given up, as the fault is not theirs. Whoever holds a lane has built it, and needs none of this.
    """
    with ExitStack() as stack:
        try:
            for name in BOTH:
                stack.enter_context(
                    lane(services, connection, name, patience=0, progress=lambda _event: None)
                )
        except BusyError:
            return
        more = True
        while more:
            with services.database.transaction() as tx:
                begun = jobs.begin(tx, connection.id, jobs.KINDS, limit=BATCH)
                after, _ = pause(error, max((job.attempts for job in begun), default=1))
                jobs.put_off(tx, begun, type(error).__name__, after=after, give_up=False)
            more = bool(begun)


def create_later(tx: Tx, work: Work) -> None:
    """Creations that failed leave no dirty link to be found by: they are asked for again."""
    if work.unmade:
        jobs.ask(
            tx,
            organisation_id=work.organisation_id,
            connection_id=work.connection_id,
            kind="push",
            keys=[jobs.CREATE],
            after=CREATE_PAUSE,
        )
        work.unmade = 0
