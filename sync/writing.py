"""Writing a batch to the CRM in portions, each under a lease that is ours."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.errors import ConnectorError, Fatal, Retryable
from connectors.port import Failed, Landed, Receipt, Unknown, Update, Write
from connectors.records import Fields
from sync.crash import crash_here
from sync.work import Work


def write(work: Work, batch: Sequence[Write]) -> list[tuple[Receipt, Fields]]:
    """Write, and ask the CRM's history what updates overwrote unseen, if it keeps one.

    The lease outlives a portion, however slow the CRM is. Once a portion fails as a whole the rest is not
    even tried.

    Returns:
        For each write its receipt, and the foreign values that it overwrote.

    Raises:
        LeaseLostError: another process has taken over; the intents of what was not sent, or whose receipt
            nobody has kept, are for that one to settle.
    """
    size = work.connector.capabilities.write_batch
    done: list[tuple[Receipt, Fields]] = []
    down: ConnectorError | None = None
    for start in range(0, len(batch), size):
        portion = batch[start : start + size]
        if down is not None:
            done += [(Failed(down), {}) for _ in portion]
            continue
        with work.database.transaction() as tx:
            work.hold(tx)
        crash_here("write.held")
        written = _write(work, portion)
        done += written
        down = _down([receipt for receipt, _ in written])
    return done


def _write(work: Work, portion: Sequence[Write]) -> list[tuple[Receipt, Fields]]:
    """While the history cannot be read an outcome counts as unknown: its intent stays, and asks again."""
    receipts = work.connector.write(portion)
    crash_here("write.landed")
    updates = [each for each in portion if isinstance(each, Update)]
    if not updates or not work.connector.capabilities.history:
        return [(receipt, {}) for receipt in receipts]
    try:
        overwrote = iter(work.connector.overwritten(updates))
    except Retryable as error:
        return [(Unknown(error), {}) for _ in portion]
    return [
        (receipt, next(overwrote) if isinstance(each, Update) else {})
        for each, receipt in zip(portion, receipts, strict=True)
    ]


def _down(receipts: Sequence[Receipt]) -> ConnectorError | None:
    """The last error, if nothing of a portion landed and no record was to blame."""
    errors = [each.error for each in receipts if not isinstance(each, Landed)]
    whole = len(errors) == len(receipts) and all(isinstance(each, Retryable | Fatal) for each in errors)
    return errors[-1] if whole else None
