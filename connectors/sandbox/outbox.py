"""Sends what a sandbox has to tell, as a CRM does: in batches, later, twice, out of order, again on failure.

The code of the CRM hands in one `Notification` per event, on the event loop that answers calls, and a
function that renders a batch of them; that is all it has to do. One thread waits for what is due, others
send it, so that no call is held up.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

import urllib3

from connectors.sandbox.control import ControlError
from connectors.sandbox.deliveries import Book, Notification, OutboxSettings, Record, Twist

__all__ = ["Attempt", "Notification", "Outbox", "Prepared", "Twist"]

MOST = 100
"""Events in one POST, of HubSpot and of Salesforce alike."""

_log = logging.getLogger("concord.sandbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One POST that is about to be made.

    Args:
        target: where the receiver wants it.
        secret: what the CRM shares with the receiver.
        number: 0 for the first, 1 for the first repetition.
        twist: what is to be wrong with it, if anything.
        at: Unix seconds; for a stale one they lie six minutes back.
    """

    target: str
    secret: str = field(repr=False)
    number: int
    twist: Twist
    at: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """A POST ready to be sent."""

    url: str
    headers: Mapping[str, str]
    body: bytes


Render = Callable[[Sequence[Notification], Attempt], Prepared]
Accepts = Callable[[int, bytes], bool]


def any_success(status: int, _: bytes) -> bool:
    """Whether the answer is a 2xx."""
    return 200 <= status < 300


@dataclass(slots=True)
class _Parcel:
    """Events that go in one POST."""

    records: list[Record]
    twist: Twist
    number: int = 0


class Outbox:
    """What waits to be sent and what became of it. No thread runs before a target is set; `close` it.

    Args:
        render: makes the POST of up to 100 events. Called in a thread of the outbox.
        seed: of the draws.
        accepts: whether an answer (status, body) means that the receiver has it; else it is repeated.
        dated: deliveries carry a signed time, so that `stale` can be set.
    """

    def __init__(
        self, render: Render, *, seed: int, accepts: Accepts = any_success, dated: bool = False
    ) -> None:
        self.settings = OutboxSettings()
        self._render, self._accepts, self._dated = render, accepts, dated
        self._random = Random(seed)  # noqa: S311 - repeatable
        self._book = Book()
        self._lanes: dict[Twist | None, list[tuple[float, int, _Parcel]]] = {}
        self._order = count()
        self._under_way = 0
        self._closed = False
        self._changed = threading.Condition()
        self._dispatcher: threading.Thread | None = None
        self._pool = ThreadPoolExecutor(max_workers=64, thread_name_prefix="outbox")
        self._http = urllib3.PoolManager(num_pools=4, maxsize=64, retries=False)

    def checked(self, given: Mapping[str, Any]) -> OutboxSettings:
        """The knobs with these set, to be handed to `use` once all else is known to be right.

        Raises:
            ControlError: something of it does not fit.
        """
        settings = self.settings.changed(given)
        if settings.stale and not self._dated:
            raise ControlError("webhooks: stale does not fit: these deliveries carry no signed time")
        return settings

    def use(self, settings: OutboxSettings) -> None:
        """Let these knobs be in force. What waits stays, unless there is no target any more."""
        with self._changed:
            self.settings = settings
            if settings.target is None:
                self._lanes.clear()
            elif self._dispatcher is None and not self._closed:
                self._dispatcher = threading.Thread(target=self._dispatch, name="outbox", daemon=True)
                self._dispatcher.start()
            self._changed.notify_all()

    def add(self, notifications: Sequence[Notification]) -> None:
        """Take over the events of a commit; nothing is kept where no target is set."""
        with self._changed:
            if self.settings.target is None or self._closed:
                return
            now = time.time()
            for each in notifications:
                self._plan(self._book.begin(each, now))
            self._changed.notify_all()

    def shown(self, since: int = 0) -> dict[str, Any]:
        """`counts`, and `deliveries`: one record per event after number `since` (`deliveries.Record`)."""
        with self._changed:
            found = self._book.shown(since)
            waiting = sum(len(parcel.records) for lane in self._lanes.values() for *_, parcel in lane)
            found["counts"] |= {"waiting": waiting, "posts_under_way": self._under_way}
            return found

    def clear(self) -> None:
        """Forget what became of the events so far; what waits is still sent."""
        with self._changed:
            self._book.clear()

    def close(self) -> None:
        """Send nothing more, and end every thread: at the latest when the POSTs under way time out."""
        with self._changed:
            self._closed = True
            self._lanes.clear()
            self._changed.notify_all()
        if self._dispatcher is not None:
            self._dispatcher.join()
        self._pool.shutdown(cancel_futures=True)
        self._http.clear()

    def _plan(self, record: Record) -> None:
        knobs, draw = self.settings, self._random.random
        due = time.monotonic() + (knobs.batch_ms + knobs.delay_ms + knobs.jitter_ms * draw()) / 1000
        if draw() < knobs.reorder:
            self._book.counts["held_back"] += 1
            due += knobs.hold_ms / 1000
        self._put(due, _Parcel([record], Twist.NONE))
        if draw() < knobs.duplicate:
            self._book.counts["duplicates"] += 1
            self._put(due + knobs.retry_ms * draw() / 1000, _Parcel([record], Twist.DUPLICATE))
        if draw() < knobs.forge:
            self._put(due, _Parcel([record], Twist.FORGED))
        if draw() < knobs.stale:
            self._put(due, _Parcel([record], Twist.STALE))

    def _put(self, due: float, parcel: _Parcel) -> None:
        """Fresh events of one kind share a lane and may travel together; repetitions stay as they are."""
        lane = self._lanes.setdefault(None if parcel.number else parcel.twist, [])
        heapq.heappush(lane, (due, next(self._order), parcel))

    def _take(self, now: float) -> tuple[_Parcel | None, float | None]:
        """What is due, or else for how many seconds nothing is."""
        waiting = [(lane[0][0], name) for name, lane in self._lanes.items() if lane]
        if not waiting or self._under_way >= self.settings.concurrency:
            return None, None
        due, name = min(waiting, key=lambda found: found[0])
        if due > now:
            return None, due - now
        lane = self._lanes[name]
        parcel = heapq.heappop(lane)[2]
        # An event waits `batch_ms` for others: those that came meanwhile are due by then.
        gathered = now + self.settings.batch_ms / 1000
        while name is not None and lane and lane[0][0] <= gathered and len(parcel.records) < MOST:
            parcel.records += heapq.heappop(lane)[2].records
        return parcel, None

    def _dispatch(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                parcel, patience = self._take(time.monotonic())
                if parcel is None:
                    self._changed.wait(patience)
                    continue
                self._under_way += 1
                # Under the lock, so that `close` cannot shut the pool in between.
                self._pool.submit(self._send, parcel, self.settings)

    def _send(self, parcel: _Parcel, knobs: OutboxSettings) -> None:
        sent_at = time.time()
        status, accepted = 0, False
        try:
            if knobs.target is not None:
                status, accepted = self._post(parcel, knobs, knobs.target, sent_at)
        except Exception:
            _log.exception("the sandbox cannot render a delivery")
        with self._changed:
            self._under_way -= 1
            self._book.note(
                parcel.records,
                parcel.twist,
                sent_at=sent_at,
                answered_at=time.time(),
                status=status,
                accepted=accepted,
            )
            if not accepted:
                self._repeat(parcel)
            self._changed.notify_all()

    def _repeat(self, parcel: _Parcel) -> None:
        knobs = self.settings
        if self._closed or knobs.target is None or parcel.twist in (Twist.FORGED, Twist.STALE):
            return
        if parcel.number >= knobs.retries:
            self._book.counts["given_up"] += len(parcel.records)
            return
        parcel.number += 1
        self._put(time.monotonic() + knobs.retry_ms / 1000, parcel)

    def _post(self, parcel: _Parcel, knobs: OutboxSettings, target: str, at: float) -> tuple[int, bool]:
        attempt = Attempt(
            target=target,
            secret=knobs.secret,
            number=parcel.number,
            twist=parcel.twist,
            at=at - (360 if parcel.twist is Twist.STALE else 0),
        )
        prepared = self._render([each.notification for each in parcel.records], attempt)
        try:
            answer = self._http.request(
                "POST",
                prepared.url,
                body=prepared.body,
                headers=dict(prepared.headers),
                timeout=knobs.timeout_ms / 1000,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError:
            return 0, False
        return answer.status, self._accepts(answer.status, answer.data)
