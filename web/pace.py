"""How often a key may be used: a bucket of requests per key, in this process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from web.problems import Refusal

BURST_SECONDS = 2.0
"""So many seconds' worth of requests may come at once."""


class Pace:
    """Counts the requests of each key.

    Args:
        rate: requests a second that a key may make which has no rate of its own.
        passed: seconds that have passed, of a clock that nobody sets.
    """

    def __init__(self, rate: float, passed: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._passed = rate, passed
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, key_id: str, rate: float | None) -> None:
        """Count one request.

        Raises:
            Refusal: 429, with the seconds after which the next one is answered.
        """
        allowed = rate or self._rate
        most = max(1.0, allowed * BURST_SECONDS)
        at = self._passed()
        with self._lock:
            left, since = self._left.get(key_id, (most, at))
            left = min(most, left + (at - since) * allowed)
            taken = left >= 1
            self._left[key_id] = (left - 1 if taken else left, at)
        if not taken:
            wait = str(max(1, math.ceil((1 - left) / allowed)))
            raise Refusal(
                429, f"This key may make {allowed:g} requests a second.", headers={"Retry-After": wait}
            )
