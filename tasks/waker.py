"""Wake-ups from places that must not wait for the broker."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Waker:
    """Sends wake-ups from a thread of its own: one for all that were asked for while it was at it.

    Args:
        send: sends one; it may be slow, and must not raise.
        pause: seconds after each, so that a burst of requests is a few messages.
    """

    def __init__(self, send: Callable[[], object], *, pause: float = 0.1) -> None:
        self._send, self._pause = send, pause
        self._asked, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="waker", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Ask for a wake-up; returns at once."""
        self._asked.set()

    def close(self) -> None:
        """Send what was asked for, and end the thread."""
        self._stop.set()
        self._asked.set()
        self._thread.join(5)

    def _work(self) -> None:
        while not self._stop.is_set():
            self._asked.wait()
            self._asked.clear()
            self._send()
            self._stop.wait(self._pause)
