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
        self._stir = threading.Event()  # after either of them
        self._thread = threading.Thread(target=self._work, name="waker", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Ask for a wake-up; returns at once."""
        self._asked.set()
        self._stir.set()

    def close(self, patience: float = 5) -> None:
        """Send what was asked for, and end the thread; after so many seconds it is left to itself."""
        self._stop.set()
        self._stir.set()
        self._thread.join(patience)

    def _work(self) -> None:
        stopping = False
        while not stopping:
            self._stir.wait()
            self._stir.clear()
            stopping = self._stop.is_set()
            if self._asked.is_set():
                self._asked.clear()
                self._send()
                self._stop.wait(self._pause)
