"""Deliveries to hooks: sent until they are taken, in pauses that grow; at least once, and not for ever.

Hooks take turns. One that fails rests, so that one that is down costs one try at a time, whatever waits for
it. What is given up, and a hook that has failed for days, is shown and never silent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sync import hooks as use
from sync.clock import new_id, utc_now
from sync.errors import ConfigurationError
from sync.hook_message import TEST, Message, message
from sync.store import audit, hooks
from sync.store.query import Row, now
from sync.store.seal import Seal
from sync.store.session import Database

_log = logging.getLogger("concord")
BATCH = 50
LEASE = 60.0
LONGEST = 20.0
"""Seconds that one look may take: others wait for the worker."""
TURN = 4.0
"""Seconds that one hook may take of it before the next one's turn; a try that has begun ends."""
DEAD_AFTER = timedelta(days=5)
_MINUTE, _HOUR = 60.0, 3_600.0
LONGEST_REST = 10 * _MINUTE
GONE = 410


class Failure(StrEnum):
    """Why a delivery was not taken; it says when it is tried again."""

    AWAY = "away"  # no answer, 5xx, 429: it may be better in a moment
    REFUSED = "refused"  # any other answer: somebody has to mend something


PAUSES: Mapping[Failure, tuple[float, ...]] = {
    Failure.AWAY: (
        *(10, 30, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE),
        *(_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, 24 * _HOUR),
    ),
    Failure.REFUSED: (10 * _MINUTE, _HOUR, 6 * _HOUR, 24 * _HOUR),
}
"""Seconds before each further try; after the last one it is given up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one try: a status, or why there is none.

    `after`: seconds that the answer asks to wait.
    """

    status: int | None
    problem: str = ""
    failure: Failure | None = None
    after: float = 0


Post = Callable[[str, Message], Answer]
"""Sends a message to an address; never raises for what the other side does."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What it takes to tell others.

    Args:
        database: where hooks stand.
        seal: what their secrets are sealed with.
        post: sends.
        public_url: where the site is found, for links; None if nobody said.
    """

    database: Database
    seal: Seal
    post: Post
    public_url: str | None = None


def owed(database: Database) -> bool:
    """Whether something is to be sent now, and nobody is at it: whoever is goes on."""
    with database.reading() as tx:
        return hooks.owed(tx)


def deliver(outgoing: Outgoing, *, longest: float = LONGEST) -> int:
    """Send what is due, hook after hook, round and round; returns how many deliveries were tried."""
    tried, end = 0, time.monotonic() + longest
    while time.monotonic() < end:
        with outgoing.database.transaction() as tx:
            hook = hooks.take(tx, seconds=LEASE)
            batch = [] if hook is None else hooks.due(tx, hook["id"], limit=BATCH)
        if hook is None:
            break
        tried += _tell(outgoing, hook, batch, min(end, time.monotonic() + TURN))
    return tried


def send_test(outgoing: Outgoing, organisation_id: str, hook_id: str) -> Answer:
    """Send a message of no consequence, now, whether or not the hook is paused; it is not tried again.

    Raises:
        NotFoundError: there is no such hook.
    """
    with outgoing.database.reading() as tx:
        hook = use.find(tx, organisation_id, hook_id)
    row = {"id": new_id(), "event": TEST, "data": {"hook_id": hook_id}, "created_at": utc_now()}
    return _send(outgoing, hook, row)


def _tell(outgoing: Outgoing, hook: Row, batch: list[Row], end: float) -> int:
    tried = 0
    failures = int(hook["failures"])
    for delivery in batch:
        if time.monotonic() >= end:
            break
        answer = _send(outgoing, hook, delivery)
        tried += 1
        failures = 0 if answer.failure is None else failures + 1
        if not _note(outgoing.database, hook, delivery, answer, failures) or answer.failure:
            break
    with outgoing.database.transaction() as tx:
        hooks.hold(tx, hook, None)
    return tried


def _send(outgoing: Outgoing, hook: Row, delivery: Row) -> Answer:
    try:
        secret = use.secret_of(outgoing.seal, hook)
    except ConfigurationError:
        _log.warning("the secret of the hook %s cannot be opened", hook["id"])
        return Answer(None, "its secret cannot be opened with the present CONCORD_SECRET_KEY", Failure.AWAY)
    made = message(delivery, secret, at=utc_now(), public_url=outgoing.public_url)
    return outgoing.post(str(hook["url"]), made)


def _note(database: Database, hook: Row, delivery: Row, answer: Answer, failures: int) -> bool:
    """Keep what became of a try; whether the hook goes on."""
    state, again = hooks.DELIVERED, None
    if answer.failure is not None:
        pauses = PAUSES[answer.failure]
        over = delivery["attempts"] >= len(pauses)
        state = hooks.FAILED if over else hooks.WAITING
        again = None if over else max(pauses[delivery["attempts"]], answer.after)
    with database.transaction() as tx:
        present = hooks.find(tx, hook["organisation_id"], hook["id"], lock=True)
        if present is None or (answer.failure and present["url"] != hook["url"]):
            return False  # what an address said that is no longer the hook's tells nothing of it
        told = {"status": answer.status, "problem": answer.problem or None}
        hooks.note(tx, delivery["id"], state=state, again=again, **told)
        at = now(tx)
        if answer.failure is None:
            well = {"failures": 0, "failing_since": None, "problem": None, "not_before": None}
            hooks.save(tx, hook["id"], delivered_at=at, **well)
            hooks.hold(tx, hook, LEASE)
            return bool(present["state"] == hooks.ACTIVE and present["url"] == hook["url"])
        pauses = PAUSES[Failure.AWAY]
        rest = max(min(pauses[min(failures, len(pauses)) - 1], LONGEST_REST), answer.after)
        since = present["failing_since"] or at
        # Where nothing waits nothing is tried: days without a try are no days of failure.
        idle = state == hooks.FAILED and not hooks.others_wait(tx, hook["id"], delivery["id"])
        columns = {
            "failures": failures,
            "failing_since": None if idle else since,
            "problem": answer.problem,
        }
        hooks.save(tx, hook["id"], not_before=at + timedelta(seconds=rest), **columns)
        why = "the address says that it is gone" if answer.status == GONE else None
        if why is None and at - since >= DEAD_AFTER:
            why = f"nothing was taken for {DEAD_AFTER.days} days"
        if why is not None and present["state"] == hooks.ACTIVE:
            hooks.save(tx, hook["id"], state=hooks.PAUSED, reason=why)
            audit.write(
                tx,
                hook["organisation_id"],
                actor="concord",
                action="hook.paused",
                subject=hook["id"],
                details={"reason": why},
            )
    return False
