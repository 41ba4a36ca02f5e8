"""How many requests may wait for a CRM at once: few, so that one that hangs does not hold up the others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from web.problems import Refusal

MOST_AT_ONCE = 3
"""Well below the number of requests that are worked on at once; see `web.server.THREADS`."""
RETRY_AFTER = 5
BUSY = "busy: this server asks CRMs for other requests at the moment; ask again in a few seconds"
FILES_BUSY = "Other files are coming in at the moment. Send it again in a few seconds."


class Outward:
    """Counts the requests of this process that call out, or do other long work; none waits for a place.

    Args:
        most: how many places there are.
        busy: what is said where none is free.
    """

    def __init__(self, most: int = MOST_AT_ONCE, busy: str = BUSY) -> None:
        self.busy = busy
        self._places = threading.BoundedSemaphore(most)

    @contextmanager
    def asked(self) -> Iterator[bool]:
        """Whether there is a place; it is kept until the block ends."""
        free = self._places.acquire(blocking=False)
        try:
            yield free
        finally:
            if free:
                self._places.release()

    @contextmanager
    def required(self) -> Iterator[None]:
        """Keep a place until the block ends.

        Raises:
            Refusal: 503, there is none.
        """
        with self.asked() as free:
            if not free:
                raise Refusal(503, self.busy, headers={"Retry-After": str(RETRY_AFTER)})
            yield
