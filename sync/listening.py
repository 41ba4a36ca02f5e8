"""Listening to a CRM's stream of changes: what is heard is kept together with the place to go on from."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from connectors.capture import Capture, Heard, PositionLostError
from connectors.errors import RateLimited, Retryable
from sync.store import captures, inbox, jobs
from sync.store.inbox import Announced
from sync.store.jobs import Wanted
from sync.store.session import Database, Tx

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
SETTLING = 5.0
"""Seconds between the start of a stream without a position and the listing of what came before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who listens.

    Args:
        database: where hints and position are kept.
        organisation_id: whose connection it is.
        connection_id: the connection.
        wake: wakes a worker; returns at once.
        tell: told what goes wrong and that it goes on, in words.
        first_pause: seconds before the first new attempt; each further one waits twice as long.
    """

    database: Database
    organisation_id: str
    connection_id: str
    wake: Callable[[], None]
    tell: Callable[[str], None]
    first_pause: float = FIRST_PAUSE


def listen(listener: Listener, capture: Capture, stop: threading.Event) -> None:
    """Listen until `stop` is set and the capture closed, over broken streams and lost positions.

    Raises:
        ConnectorError: the stream cannot be had, and waiting will not help.
    """
    pause = listener.first_pause
    while not stop.is_set():
        position = _begin(listener)
        try:
            for heard in capture.listen(position):
                keep(listener, heard)
                pause = listener.first_pause
            return
        except PositionLostError:
            with listener.database.transaction() as tx:
                captures.keep(tx, listener.connection_id, None)
            listener.tell("The CRM no longer keeps what came after the last event; the changes are listed.")
        except Retryable as error:
            asked = error.retry_after if isinstance(error, RateLimited) else 0.0
            wait = max(pause, asked) * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
            listener.tell(f"{error.reason} Listening again in {wait:.0f} s.")
            stop.wait(wait)
            pause = min(pause * 2, LONGEST_PAUSE)


def _list_changes(tx: Tx, listener: Listener, *, after: float = 0) -> None:
    jobs.ask(
        tx,
        organisation_id=listener.organisation_id,
        connection_id=listener.connection_id,
        kind="pull",
        after=after,
    )


def _begin(listener: Listener) -> bytes | None:
    """The place to go on from. Without one, what came before the stream begins has to be listed."""
    with listener.database.transaction() as tx:
        position = captures.position(tx, listener.connection_id)
        if position is None:
            _list_changes(tx, listener, after=SETTLING)
    return position


def keep(listener: Listener, heard: Heard) -> None:
    """Hints, jobs and position, in one transaction; then a worker is woken if there is news."""
    mine = {"organisation_id": listener.organisation_id}
    announced = [Announced(listener.connection_id, hint.event, hint.ref, **mine) for hint in heard.hints]
    with listener.database.transaction() as tx:
        fresh = inbox.add(tx, announced)
        jobs.ask_for(tx, [Wanted(each.connection_id, "fetch", each.ref, **mine) for each in fresh])
        if heard.unnamed:
            _list_changes(tx, listener)
        captures.keep(tx, listener.connection_id, heard.position)
    if fresh or heard.unnamed:
        listener.wake()
