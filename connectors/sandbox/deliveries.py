"""What a sandbox sends by itself: its knobs, one event, and the book of what became of every event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from connectors.sandbox.control import ControlError

Whole = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class OutboxSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The knobs, under `webhooks` of `/_sandbox/settings`.

    Attributes:
        target: the full URL to send to; None sends nothing and forgets what waits.
        secret: what the CRM shares with the receiver.
        delay_ms: how long the CRM takes before it sends.
        jitter_ms: up to so much longer, drawn for each event.
        batch_ms: how long events are gathered into one POST.
        duplicate: share of the events that come twice.
        reorder: share of the events that are held back for `hold_ms` more, so that later ones come first.
        hold_ms: see `reorder`.
        forge: share of the events that come once more, not from the CRM: wrong signature or secret.
        stale: share of the events that come once more with a signature six minutes old.
        retries: how often a delivery that was not accepted is repeated.
        retry_ms: how long after; a duplicate comes up to so much later.
        timeout_ms: how long an answer is awaited.
        concurrency: POSTs under way at once.
    """

    target: Text | None = None
    secret: str = ""
    delay_ms: Whole = 0
    jitter_ms: Whole = 0
    batch_ms: Whole = 20
    duplicate: Share = 0.0
    reorder: Share = 0.0
    hold_ms: Whole = 500
    forge: Share = 0.0
    stale: Share = 0.0
    retries: Whole = 10
    retry_ms: Whole = 1_000
    timeout_ms: Annotated[int, msgspec.Meta(ge=1)] = 5_000
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=64)] = 10

    def changed(self, given: Mapping[str, Any]) -> OutboxSettings:
        """The knobs with these set.

        Raises:
            ControlError: a knob that there is not, or a value that does not fit it.
        """
        try:
            return msgspec.convert({**msgspec.structs.asdict(self), **given}, OutboxSettings)
        except msgspec.ValidationError as error:
            raise ControlError(f"webhooks: {error}") from None


class Twist(StrEnum):
    """What is special about a POST."""

    NONE = "none"
    DUPLICATE = "duplicate"
    FORGED = "forged"
    """Not from the CRM: to be sent with a wrong signature or secret."""
    STALE = "stale"
    """Signed as if it had been sent six minutes ago."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One event, as the code of the CRM hands it to the outbox.

    Args:
        event: the id under which the CRM sends it.
        ref: the record that it speaks of.
        content: all that is needed to render it.
    """

    event: str
    ref: str
    content: Any


@dataclass(slots=True, eq=False)
class Record:
    """What became of one event. Times are Unix seconds of this machine's clock.

    `sent_at` is the first attempt. `answered_at` and `status` tell of the answer that accepted it, or of
    the last one so far (status 0: none came). `attempts` counts duplicates and repetitions too.
    """

    seq: int
    notification: Notification
    changed_at: float
    sent_at: float | None = None
    answered_at: float | None = None
    status: int | None = None
    attempts: int = 0
    accepted: bool = False

    def shown(self) -> dict[str, Any]:
        """The record as JSON."""
        return {
            "seq": self.seq,
            "event": self.notification.event,
            "ref": self.notification.ref,
            "changed_at": self.changed_at,
            "sent_at": self.sent_at,
            "answered_at": self.answered_at,
            "status": self.status,
            "attempts": self.attempts,
            "accepted": self.accepted,
        }


class Book:
    """Every event since the last `clear`, and counts of POSTs and of what was done on purpose."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.counts: Counter[str] = Counter()
        self.refused: dict[Twist, Counter[str]] = {Twist.FORGED: Counter(), Twist.STALE: Counter()}
        self._seq = 0

    def begin(self, notification: Notification, at: float) -> Record:
        """Open the record of an event."""
        self._seq += 1
        record = Record(self._seq, notification, at)
        self.records.append(record)
        return record

    def note(
        self,
        records: Sequence[Record],
        twist: Twist,
        *,
        sent_at: float,
        answered_at: float,
        status: int,
        accepted: bool,
    ) -> None:
        """Write down one POST; what the CRM did not send itself is only counted, by the status answered."""
        self.counts["posts"] += 1
        if twist in self.refused:
            self.refused[twist][str(status)] += 1
            return
        self.counts["posts_accepted" if accepted else "posts_failed"] += 1
        for record in records:
            record.attempts += 1
            record.sent_at = sent_at if record.sent_at is None else record.sent_at
            if not record.accepted:
                record.answered_at, record.status, record.accepted = answered_at, status, accepted

    def clear(self) -> None:
        """Forget the records and the counts; numbers go on."""
        self.records.clear()
        self.counts.clear()
        for each in self.refused.values():
            each.clear()

    def shown(self, since: int) -> dict[str, Any]:
        """The counts, and the records after number `since`."""
        return {
            "counts": {
                "events": len(self.records),
                "accepted": sum(each.accepted for each in self.records),
                **self.counts,
                **{twist.value: dict(found) for twist, found in self.refused.items()},
            },
            "deliveries": [each.shown() for each in self.records if each.seq > since],
        }
