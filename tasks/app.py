"""The Celery app. A message says "wake up" and nothing else: the work stands in the database.

So a lost, doubled or forged message can only cause a look that finds what is due, or nothing.
Settings: reliability notes, section 2.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

WAKE = "concord.wake"
TELL = "concord.tell"
QUEUE = "concord"
WAKE_EXPIRES = 60
VISIBILITY = 3_600
SOFT_LIMIT = 3_000
HARD_LIMIT = 3_300
MEMORY_KB = 1_000_000  # a child that has grown beyond this is replaced between two tasks

_log = logging.getLogger("concord")


def make_app(
    broker: str,
    wake: Callable[[], int],
    *,
    tell: Callable[[], bool] = lambda: False,
    prefix: str = "concord:",
) -> Celery:
    """A Celery app whose tasks call `wake`, and `tell`.

    Args:
        broker: a Redis URL, or `memory://localhost/` in one process.
        wake: does what is due; returns how many runs it made.
        tell: tells others what they are to be told; True if it went on and more is owed: it is called again,
            after what else there is to do.
        prefix: of every key in Redis, for installations that share one.
    """
    app = Celery("concord", broker=broker, set_as_current=False)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        task_track_started=False,
        task_default_queue=QUEUE,
        accept_content=["json"],
        task_serializer="json",
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a worker waits for as long as the broker is away
        broker_channel_error_retry=True,  # a Redis that is full refuses commands: it is waited for
        task_publish_retry=False,
        worker_soft_shutdown_timeout=30,
        worker_max_tasks_per_child=1_000,
        worker_max_memory_per_child=MEMORY_KB,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        task_time_limit=HARD_LIMIT,
        task_soft_time_limit=SOFT_LIMIT,
        broker_transport_options=_transport(broker, prefix),
    )

    # Not shared: otherwise every app of this process would call what the first one was made with.
    @app.task(name=WAKE, ignore_result=True, shared=False)
    def _wake(wake_kind: str = "due") -> None:
        wake()

    @app.task(name=TELL, ignore_result=True, shared=False)
    def _tell() -> None:
        if tell():
            send_tell(app)

    return app


def _transport(broker: str, prefix: str) -> dict[str, Any]:
    if broker.startswith("memory"):
        return {"polling_interval": 0.05}
    return {
        "visibility_timeout": VISIBILITY,
        "socket_timeout": 5,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "global_keyprefix": prefix,
    }


def send_wake(app: Celery) -> bool:
    """Wake a worker. A failure is logged and never raised: the next tick wakes again."""
    return _send(app, WAKE, wake_kind="due")


def send_tell(app: Celery) -> bool:
    """Let a worker tell others what they are to be told; see `send_wake`."""
    return _send(app, TELL)


def _send(app: Celery, task: str, **arguments: str) -> bool:
    try:
        app.send_task(task, kwargs=arguments, expires=WAKE_EXPIRES, queue=QUEUE)
    except (OperationalError, OSError) as error:
        _log.warning("the broker does not answer (%s); the next tick tries again", type(error).__name__)
        return False
    return True
