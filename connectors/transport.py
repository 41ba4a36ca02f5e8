"""What every connector that talks HTTP shares: timeouts, retries, pacing, call counts, safe URLs."""

from __future__ import annotations

import math
import os
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import urlsplit

from connectors.access import Allowance
from connectors.errors import Misconfigured, QuotaExhausted, RateLimited, Retryable

T = TypeVar("T")

TIMEOUT = (5.0, 30.0)
"""Seconds to connect, and to wait for the next byte of an answer."""


class Meter:
    """Counts calls by kind, each before it is made; safe to use from several threads."""

    def __init__(self, allowance: Allowance | None = None) -> None:
        self._allowance = allowance
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, kind: str) -> None:
        """One more call.

        Raises:
            QuotaExhausted: the day's calls are used up; it must not be made.
        """
        if self._allowance is not None:
            self._allowance.take()
        with self._lock:
            self._counts[kind] += 1

    def close(self) -> None:
        """Give back what was allowed and not used."""
        if self._allowance is not None:
            self._allowance.give_back()

    def counts(self) -> dict[str, int]:
        """Calls by kind."""
        with self._lock:
            return dict(sorted(self._counts.items()))


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and how patiently, a call is tried again.

    A call whose outcome is unknown is repeated only if doing it twice is the same as doing it once. Waits
    grow and are spread, so that many workers do not come back together.

    Args:
        attempts: calls in all.
        first_wait: seconds before the second, doubled each time.
        longest_wait: the most seconds before any call, whatever the CRM asks for; longer means giving up.
        patience: seconds after the first call in which another one may begin.
        sleep: how to wait.
    """

    attempts: int = 5
    first_wait: float = 0.25
    longest_wait: float = 20.0
    patience: float = math.inf
    sleep: Callable[[float], None] = time.sleep
    spread: random.Random = field(default_factory=random.Random)

    @classmethod
    def of(cls, patience: float | None) -> Retries:
        """The usual retries, within so many seconds if any are named."""
        return cls() if patience is None else cls(patience=patience)

    def run(self, call: Callable[[], T], *, repeatable: bool) -> T:
        """Call until it succeeds.

        Raises:
            Retryable: it went on failing, or may not be repeated.
            ConnectorError: whatever else the call raises, at once.
        """
        started = time.monotonic()
        for attempt in range(1, self.attempts + 1):
            try:
                return call()
            except QuotaExhausted:
                raise
            except Retryable as error:
                wait = self._wait(error, attempt)
                late = time.monotonic() - started + wait > self.patience
                spent = attempt == self.attempts or wait > self.longest_wait or late
                if spent or (error.outcome_unknown and not repeatable):
                    raise
            self.sleep(wait)
        raise AssertionError("unreachable")  # pragma: no cover - the last attempt returns or raises

    def _wait(self, error: Retryable, attempt: int) -> float:
        if isinstance(error, RateLimited):
            return error.retry_after * (1 + self.spread.random() / 4)
        return float(self.first_wait * 2 ** (attempt - 1) * (0.5 + self.spread.random()))


class Pace:
    """At most `calls` in any `seconds`: waits before a call that would be one too many."""

    def __init__(
        self,
        calls: int,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._calls, self._seconds = calls, seconds
        self._clock, self._sleep = clock, sleep
        self._times: deque[float] = deque()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next call may be made, and count it."""
        while True:
            with self._lock:
                now = self._clock()
                while self._times and self._times[0] <= now - self._seconds:
                    self._times.popleft()
                if len(self._times) < self._calls:
                    self._times.append(now)
                    return
                pause = self._times[0] + self._seconds - now
            self._sleep(pause)


def base_url(url: str) -> str:
    """A CRM's address without a trailing slash: https, or plain http on this machine alone.

    Raises:
        Misconfigured: it is anything else; credentials would travel in the open or to the wrong place.
    """
    parts = urlsplit(url.strip())
    host = parts.hostname or ""
    if parts.username or parts.password or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise Misconfigured(
            "The URL must be scheme and host alone.", cure="For instance https://acme.my.salesforce.com"
        )
    if parts.scheme == "https" and host:
        return f"https://{parts.netloc}"
    if parts.scheme == "http" and is_trusted(host):
        return f"http://{parts.netloc}"
    raise Misconfigured(
        "The URL must begin with https:// (http:// is for this machine only).",
        cure="For instance https://acme.my.salesforce.com",
    )


def is_trusted(host: str) -> bool:
    """Whether plain http to a host is allowed: this machine, and what CONCORD_PLAIN_HTTP_HOSTS names.

    The variable is for sandboxes in containers beside this one.
    """
    named = os.environ.get("CONCORD_PLAIN_HTTP_HOSTS", "").split(",")
    return is_loopback(host) or host in {name.strip() for name in named if name.strip()}


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
