"""Waking the workers of a distributed installation from a process of another kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sync.settings import Settings
from tasks import wiring
from tasks.app import make_app, send_wake
from tasks.waker import Waker


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
