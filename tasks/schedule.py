"""The tick: asks for what is due, and wakes a worker. Any number of tickers may run."""

from __future__ import annotations

import time
from collections.abc import Callable

from sync.crash import crash_here
from sync.expiry import expire
from sync.services import Services
from sync.store import imports, jobs, retention, schedules
from sync.store.jobs import Wanted

DEFAULT_EVERY = 60
TIDY_EVERY = 3_600.0
MOST_BATCHES = 20


class Ticker:
    """Ticks, calls contracts expired that have ended, and removes what is over its time once an hour.

    Args:
        services: where.
        clock: seconds that only grow.
    """

    def __init__(self, services: Services, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._services, self._clock = services, clock
        self._tidied: float | None = None

    def beat(self) -> bool:
        """Tick once; True if there is work to wake somebody for."""
        due = tick(self._services)
        expire(self._services.database)
        if self._tidied is None or self._clock() - self._tidied >= TIDY_EVERY:
            self._tidied = self._clock()
            if tidy(self._services):
                self._tidied = None  # what is left over goes at the next beats
        return due


def tick(services: Services) -> bool:
    """Turn due schedules into jobs; True if there is work to wake somebody for.

    What has to be pushed is asked for where it comes about. Here only what was left over is asked for once
    more, by the index of dirty links.
    """
    with services.database.transaction() as tx:
        slots = [
            Wanted(slot["connection_id"], slot["kind"], organisation_id=slot["organisation_id"])
            for slot in schedules.take_due(tx)
        ]
        crash_here("tick.slots_taken")
        jobs.ask_for(tx, [*slots, *jobs.forgotten_pushes(tx)])
        crash_here("tick.asked")
        return bool(jobs.due(tx, limit=1))


def tidy(services: Services) -> bool:
    """Remove what is over its time, in short transactions; True if some was left over."""
    with services.database.transaction() as tx:
        imports.drop_abandoned(tx)
    for _ in range(MOST_BATCHES):
        with services.database.transaction() as tx:
            more = retention.forget_old(tx, services.keep)
        if not more:
            return False
    return True
