"""The org's clock and the ways Salesforce writes a time.

Records carry *stamps*: `2022-01-02T21:28:22.000+0000`, always UTC and whole seconds, so that the order
of the texts is the order of the times. The clock can be set off, or stopped to give many records the
same stamp.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

STAMP = "%Y-%m-%dT%H:%M:%S.000+0000"
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d{1,6})?(Z|[+-]\d\d:?\d\d)", re.ASCII | re.IGNORECASE
)
_HTTP_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    r"(\d{4} \d\d:\d\d:\d\d) GMT",
    re.ASCII,
)


class Clock:
    """Tells the org's time in seconds since 1970.

    Attributes:
        offset: seconds that it is ahead of the machine's clock.
        stopped: the time at which it stands still; None while it runs.
    """

    def __init__(self) -> None:
        self.offset = 0.0
        self.stopped: float | None = None
        self._cached = (-1, "")

    def now(self) -> float:
        """Seconds since 1970."""
        return (time.time() if self.stopped is None else self.stopped) + self.offset

    def stamp(self) -> str:
        """The time now as a stamp."""
        second = int(self.now())
        if self._cached[0] != second:
            self._cached = (second, stamp_of(second))
        return self._cached[1]


def stamp_of(seconds: float) -> str:
    """Seconds since 1970 as a stamp."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime(STAMP)


def seconds_of(stamp: str) -> float:
    """A stamp as seconds since 1970."""
    return datetime.strptime(stamp, STAMP).replace(tzinfo=UTC).timestamp()


def parse_iso(text: str) -> str | None:
    """An ISO 8601 time with its offset as a stamp, fractions of a second dropped; None if it is none.

    Source: the SOQL reference's dateTime formats; Salesforce ignores milliseconds in comparisons.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    day, clock, offset = found.groups()
    if offset not in "Zz" and ":" not in offset:
        offset = f"{offset[:3]}:{offset[3:]}"
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{offset.upper()}")
        return moment.astimezone(UTC).strftime(STAMP)
    except (ValueError, OverflowError):
        return None


def parse_date(text: str) -> str | None:
    """A day as it is (`2022-01-02`) if there is such a day, else None."""
    if len(text) != 10:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def parse_http_date(text: str) -> str | None:
    """A date of RFC 1123, as in If-Unmodified-Since, as a stamp; None if it is not one."""
    found = _HTTP_DATE.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return datetime.strptime(" ".join(found.groups()), "%d %b %Y %H:%M:%S").strftime(STAMP)  # noqa: DTZ007
    except ValueError:
        return None


def http_date(stamp: str) -> str:
    """A stamp as a date of RFC 1123, as in Last-Modified."""
    return format_datetime(datetime.strptime(stamp, STAMP).replace(tzinfo=UTC), usegmt=True)


def minute_of(stamp: str) -> str:
    """The stamp with its seconds at nought."""
    return stamp[:17] + "00.000+0000"


def days_before(stamp: str, days: int) -> str:
    """The stamp so many days earlier."""
    moment = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC) - timedelta(days=days)
    return moment.strftime(STAMP)
