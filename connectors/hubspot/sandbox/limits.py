"""HubSpot's rate limits and the headers that tell of them.

Source: HubSpot docs, API usage guidelines: a rolling ten seconds per app, a day per account that ends
at midnight of the portal's time zone, and a limit of its own for searches, which send no headers.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from connectors.hubspot.sandbox.errors import Refusal
from connectors.hubspot.sandbox.knobs import Knobs

TIME_ZONE = "US/Eastern"
_INTERVAL = 10.0
_DAILY = 650_000


def limited(policy: str) -> Refusal:
    """The 429 of a policy: TEN_SECONDLY_ROLLING, SECONDLY or DAILY."""
    more = {"errorType": "RATE_LIMIT", "policyName": policy, "groupName": "publicapi:private-apps"}
    message = f"You have reached your {policy.lower()} limit."
    return Refusal(429, message, category="RATE_LIMITS" if policy == "DAILY" else None, more=more)


class Limits:
    """Counts the calls and refuses those beyond the limits that are in force."""

    def __init__(self) -> None:
        self._calls: deque[float] = deque()
        self._searches: deque[float] = deque()
        self._day = ""
        self.today = 0

    def take(self, knobs: Knobs, now: int, *, search: bool) -> None:
        """Count a call at `now` (ms).

        Raises:
            Refusal: 429, the call is beyond a limit.
        """
        day = datetime.fromtimestamp(now / 1000, UTC).astimezone(ZoneInfo(TIME_ZONE)).date().isoformat()
        if day != self._day:
            self._day, self.today = day, 0
        if knobs.daily_limit is not None and self.today >= knobs.daily_limit:
            raise limited("DAILY")
        self.today += 1
        if not knobs.rate_limit:
            return
        if search:
            _roll(self._searches, 1.0, knobs.search_per_second, "SECONDLY")
        else:
            _roll(self._calls, _INTERVAL, knobs.ten_secondly_limit, "TEN_SECONDLY_ROLLING")

    def headers(self, knobs: Knobs) -> Mapping[str, str]:
        """What every answer but a search's says of the limits."""
        daily = _DAILY if knobs.daily_limit is None else knobs.daily_limit
        return {
            "X-HubSpot-RateLimit-Max": str(knobs.ten_secondly_limit),
            "X-HubSpot-RateLimit-Remaining": str(max(0, knobs.ten_secondly_limit - len(self._calls))),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Daily": str(daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, daily - self.today)),
        }


def _roll(calls: deque[float], seconds: float, most: int, policy: str) -> None:
    now = time.monotonic()
    while calls and calls[0] <= now - seconds:
        calls.popleft()
    if len(calls) >= most:
        raise limited(policy)
    calls.append(now)
