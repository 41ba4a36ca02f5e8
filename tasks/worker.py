"""Celery workers: a process of its own for production, a thread for `concord up`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from celery import Celery
from celery.apps.worker import Worker

from connectors.records import JSON
from sync.deliver import Outgoing
from sync.errors import ConcordError
from sync.services import Services
from sync.settings import Settings
from sync.work import Progress
from tasks import wiring
from tasks.app import make_app, send_tell, send_wake
from tasks.jobs import drain
from tasks.schedule import Ticker
from tasks.telling import owes, tell_all, tell_turn
from tasks.waker import Waker

_log = logging.getLogger("concord")


def run_worker(
    settings: Settings, broker: str, *, concurrency: int, progress: Progress | None = None
) -> None:
    """Run a worker in this process until it is told to stop (SIGTERM lets what is under way end).

    Raises:
        ConcordError: it could not go on; its log says why.
    """

    @cache
    def services() -> Services:
        # Built in the child that uses it: a database connection must not cross a fork.
        return wiring.build(settings)

    @cache
    def outgoing() -> Outgoing:
        return wiring.build_outgoing(settings, services().database)

    def wake() -> int:
        done = drain(services(), progress or _logged)
        tell_all(outgoing())  # what the runs have just brought about
        return done

    app = make_app(broker, wake, tell=lambda: tell_turn(outgoing()), prefix=settings.redis_prefix)
    # Workers have nothing to tell one another: the database knows who is at what.
    alone: dict[str, Any] = {"without_mingle": True, "without_gossip": True}
    worker = Worker(app=app, concurrency=concurrency, loglevel="WARNING", quiet=True, **alone)
    worker.start()
    if worker.exitcode:
        raise ConcordError("The worker could not go on.", cure="Its log says why; start it again.")


def _logged(event: Mapping[str, JSON]) -> None:
    if event.get("event") == "run" and event.get("writes"):
        _log.info("%s of %s: %s writes", event["kind"], event["connection"], event["writes"])


class EmbeddedWorker:
    """A worker and a ticker in two threads of this process, over an in-memory broker.

    Other `concord` commands meet them in the database only.
    """

    def __init__(
        self, services: Services, progress: Progress, *, every: float, outgoing: Outgoing | None = None
    ) -> None:
        self._ticker, self._every, self._outgoing = Ticker(services), every, outgoing
        self._stop = threading.Event()
        self._app: Celery = make_app(
            "memory://localhost/", lambda: drain(services, progress), tell=self._tell
        )
        # Without this a retry in the worker's thread would talk to amqp://localhost.
        self._app.set_default()
        self._worker = self._app.WorkController(
            pool="solo", concurrency=1, without_heartbeat=True, without_mingle=True, without_gossip=True
        )
        self._waker: Waker | None = None
        self._threads = [
            threading.Thread(target=self._worker.start, name="worker", daemon=True),
            threading.Thread(target=self._tick, name="tick", daemon=True),
        ]

    def start(self) -> None:
        """Start both threads, and that of the wake-ups."""
        self._waker = Waker(lambda: send_wake(self._app))
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Let the worker look for what is due now; returns at once."""
        if self._waker is not None:
            self._waker.wake()

    def stop(self, *, patience: float = 30.0) -> None:
        """Let what is under way end, then stop both."""
        self._stop.set()
        if self._waker is not None:
            self._waker.close()
        self._worker.stop()
        for thread in self._threads:
            thread.join(patience)

    def _tell(self) -> bool:
        return self._outgoing is not None and tell_turn(self._outgoing)

    def _tick(self) -> None:
        while not self._stop.is_set():
            self._beat()
            self._stop.wait(self._every)

    def _beat(self) -> None:
        try:
            if self._ticker.beat():
                send_wake(self._app)
            if self._outgoing is not None and owes(self._outgoing.database):
                send_tell(self._app)
        except Exception as error:  # a ticker outlives whatever one beat meets
            _log.warning("a tick failed (%s); the next one tries again", type(error).__name__)
