"""Waking the workers of a distributed installation from a process of another kind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sync.settings import Settings
from tasks import wiring
from tasks.app import make_app, send_wake
from tasks.waker import Waker

_log = logging.getLogger("concord")
PATIENCE = 1.0
"""Seconds that a command waits for the broker, once its work is done."""


@contextmanager
def waking(settings: Settings) -> Iterator[Callable[[], None]]:
    """What wakes a worker and returns at once; embedded it does nothing: the next tick of `up` finds the job.

    Raises:
        ConfigurationError: the installation is distributed, and no broker is set.
    """
    if settings.embedded:
        yield lambda: None
        return
    broker = make_app(wiring.broker_url(settings), lambda: 0, prefix=settings.redis_prefix)
    waker = Waker(lambda: send_wake(broker))
    try:
        yield waker.wake
    finally:
        waker.close()


def wake_once(settings: Settings) -> None:
    """Wake a worker for what a command has left behind, if the broker takes it soon; else the next tick does.

    Nothing is sent where there is no broker: embedded, or on a machine that was told of none.
    """
    if settings.embedded or settings.redis_url is None:
        return
    broker = make_app(wiring.broker_url(settings), lambda: 0, prefix=settings.redis_prefix)

    def send() -> None:
        try:
            send_wake(broker)
        except Exception as error:  # the command has succeeded, whatever is wrong with the broker's address
            _log.warning("no worker was woken (%s); check CONCORD_REDIS_URL", type(error).__name__)

    waker = Waker(send)
    waker.wake()
    waker.close(PATIENCE)
