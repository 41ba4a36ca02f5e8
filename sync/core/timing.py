"""When a schedule fires next: an interval or cron, outside of quiet hours, by the clock on the wall."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

CRON_FIELDS = 5
MINUTE = timedelta(minutes=1)
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of every day in which no slot begins; `end` is after midnight if it is before `start`."""

    start: time
    end: time

    def holds(self, wall: time) -> bool:
        """Whether a time of the day lies in them."""
        if self.start < self.end:
            return self.start <= wall < self.end
        return wall >= self.start or wall < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often something is done.

    Args:
        every: seconds between two times; without a meaning if there is `cron`.
        cron: five fields.
        quiet: hours in which nothing begins.
        zone: whose clock `cron` and `quiet` mean.
    """

    every: int
    cron: str | None = None
    quiet: Quiet | None = None
    zone: ZoneInfo

    def after(self, at: datetime) -> datetime:
        """The first time after `at`, aware and in UTC; one that falls into quiet hours comes at their end.

        Hours that the clock jumps over or repeats are treated as cron does: what was to happen in them
        happens once.
        """
        if self.cron is None:
            following = at + timedelta(seconds=self.every)
        else:
            following = next(CronSim(self.cron, at.astimezone(self.zone))).astimezone(UTC)
        return self.loud(following)

    def loud(self, at: datetime) -> datetime:
        """The first time from `at` on that is not in quiet hours, in UTC."""
        moment = at.astimezone(UTC)
        if self.quiet is None or not self._is_quiet(moment):
            return moment
        # Minute by minute, as the clock may jump to either side of the end; at most some two thousand.
        moment = moment.replace(second=0, microsecond=0)
        while self._is_quiet(moment):
            moment += MINUTE
        return moment

    def _is_quiet(self, moment: datetime) -> bool:
        return self.quiet is not None and self.quiet.holds(moment.astimezone(self.zone).time())


def read_cron(text: str) -> str:
    """A cron line of five fields: minute, hour, day of the month, month, day of the week.

    Raises:
        ValueError: it is none, or its day never comes; the text says why.
    """
    line = " ".join(text.split())
    if len(line.split()) != CRON_FIELDS:
        raise ValueError(f"must have five fields, not {len(line.split())}")
    try:
        CronSim(line, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(str(error)[:1].lower() + str(error)[1:]) from error
    return line


def read_quiet(text: str) -> Quiet:
    """Quiet hours, as `HH:MM-HH:MM`.

    Raises:
        ValueError: it is not of that form, or would last for ever.
    """
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        raise ValueError("must be of the form HH:MM-HH:MM")
    first, second, third, fourth = map(int, found.groups())
    quiet = Quiet(time(first, second), time(third, fourth))
    if quiet.start == quiet.end:
        raise ValueError("must not begin and end at the same time")
    return quiet


def read_zone(text: str) -> ZoneInfo:
    """A time zone by its name, such as Europe/Berlin.

    Raises:
        ValueError: there is none of that name.
    """
    try:
        return ZoneInfo(text.strip())
    except (KeyError, ValueError, OSError):  # what ZoneInfo raises depends on what the name looks like
        raise ValueError("is no time zone") from None


def day_of(at: datetime, zone: ZoneInfo) -> tuple[str, datetime]:
    """The day of a time as YYYY-MM-DD, and when the next one begins, in UTC."""
    local = at.astimezone(zone)
    following = datetime.combine(local.date() + timedelta(days=1), time(), tzinfo=zone)
    return local.date().isoformat(), following.astimezone(UTC)


def spread_daily(identity: str) -> str:
    """A cron line for once a day, at a minute of the day that an id (hexadecimal) chooses."""
    minute = int(identity[-8:], 16) % (24 * 60)
    return f"{minute % 60} {minute // 60} * * *"
