"""What a writer leaves behind that was overtaken while it wrote: a process that was frozen, or a slow CRM.

Its successor found nothing of the write in the CRM, settled it, and may have written what came since. If the
write landed after all, what it left there must not be taken for an edit of a person: its intents stand again,
and the next run settles them as it does any write of unknown outcome.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from sqlalchemy.exc import IntegrityError

from sync.store import intents, jobs
from sync.store.intents import NewIntent
from sync.work import LeaseLostError, Work

POLL_SECONDS = 0.1
PATIENCE = 60.0  # seconds in which whoever is at one of these records has it written


@contextmanager
def kept_if_late(work: Work, made: Sequence[NewIntent]) -> Iterator[None]:
    """Write to the CRM and settle it in this block.

    Args:
        work: the run that writes.
        made: the intents under which it does.

    Raises:
        LeaseLostError: as the block did; the intents stand again.
    """
    try:
        yield
    except LeaseLostError:
        _keep(work, made)
        raise


def _keep(work: Work, made: Sequence[NewIntent]) -> None:
    """Keep them under the lease that is lost, so that nobody waits for their writer."""
    left, end = list(made), time.monotonic() + PATIENCE
    while left and time.monotonic() < end:
        with suppress(IntegrityError):  # somebody has begun to write one of them just now
            left = _keep_some(work, left)
        if left:
            time.sleep(POLL_SECONDS)


def _keep_some(work: Work, made: Sequence[NewIntent]) -> list[NewIntent]:
    """Keep those that nobody is at; returns the others."""
    with work.database.transaction() as tx:
        known = intents.by_customers(each.customer_id for each in made)
        busy = {each.customer_id for each in intents.load(tx, work.connection_id, known)}
        intents.store(tx, work.writer, work.run_id, [each for each in made if each.customer_id not in busy])
        jobs.ask(
            tx, organisation_id=work.organisation_id, connection_id=work.connection_id, kind="push", keys=[""]
        )
    return [each for each in made if each.customer_id in busy]
