"""How often a key may be used: a bucket of requests per key, shared by the processes that serve together."""

from __future__ import annotations

import fcntl
import math
import mmap
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from web.problems import Refusal

BURST_SECONDS = 2.0
"""So many seconds' worth of requests may come at once."""
KEYS = 4_096
"""Buckets that are kept. With more keys in use at once the one that has rested longest begins anew, full."""

_BUCKET = struct.Struct("16sdd")  # the key's name, what is left, and since when
_NOBODY = bytes(16)
_TRIED = 16


class Pace:
    """Counts the requests of each key.

    Args:
        rate: requests a second that a key may make which has no rate of its own.
        passed: seconds that have passed, of a clock that nobody sets and that all processes share.
        shared: a file through which processes count together; without it this one counts alone.
    """

    def __init__(
        self, rate: float, passed: Callable[[], float] = time.monotonic, *, shared: Path | None = None
    ) -> None:
        self._rate, self._passed = rate, passed
        self._lock = threading.Lock()
        self._file = None if shared is None else shared.open("a+b")
        if self._file is not None:
            self._file.truncate(KEYS * _BUCKET.size)  # as others have made it, or of zeros
        self._buckets = mmap.mmap(-1 if self._file is None else self._file.fileno(), KEYS * _BUCKET.size)

    def take(self, key_id: str, rate: float | None) -> None:
        """Count one request.

        Raises:
            Refusal: 429, with the seconds after which the next one is answered.
        """
        allowed = rate or self._rate
        most = max(1.0, allowed * BURST_SECONDS)
        name = blake2b(key_id.encode(), digest_size=16).digest()
        with self._alone():
            at = self._passed()
            place, kept = self._find(name)
            left = most if kept is None else min(most, kept[0] + (at - kept[1]) * allowed)
            taken = left >= 1
            _BUCKET.pack_into(self._buckets, place, name, left - 1 if taken else left, at)
        if not taken:
            wait = str(max(1, math.ceil((1 - left) / allowed)))
            raise Refusal(
                429, f"This key may make {allowed:g} requests a second.", headers={"Retry-After": wait}
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A process that dies gives its lock back: the kernel sees to that."""
        with self._lock:
            if self._file is None:
                yield
                return
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _find(self, name: bytes) -> tuple[int, tuple[float, float] | None]:
        """Where a key's bucket is, with what is left and since when; or where it may begin."""
        first = int.from_bytes(name[:4])
        places = [(first + step) % KEYS * _BUCKET.size for step in range(_TRIED)]
        free, rested = places[0], math.inf
        for place in places:
            other, left, since = _BUCKET.unpack_from(self._buckets, place)
            if other == name:
                return place, (left, since)
            if other == _NOBODY or since < rested:
                free, rested = place, since
            if other == _NOBODY:
                break
        return free, None
