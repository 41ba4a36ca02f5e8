"""When a connection is looked at, and when compared in full: what a person sets of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from sync.core.timing import read_cron, read_quiet, read_zone, spread_daily
from sync.errors import BadInput
from sync.store import schedules
from sync.store.query import Row
from sync.store.session import Tx

T = TypeVar("T")
DAY = 86_400
NONE = "none"
"""In place of quiet hours: there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """What of the schedules is to change; None leaves it as it is.

    Args:
        every: seconds between two looks, in place of `cron`.
        cron: five fields: when to look, in place of `every`.
        full_every: seconds between two full compares, in place of `full_cron`.
        full_cron: when to compare in full, in place of `full_every`.
        quiet: hours in which neither begins, as `HH:MM-HH:MM`, or `none`.
        timezone: of the cron lines and the quiet hours.
    """

    every: int | None = None
    cron: str | None = None
    full_every: int | None = None
    full_cron: str | None = None
    quiet: str | None = None
    timezone: str | None = None

    @property
    def given(self) -> list[str]:
        """Names of what is to change."""
        return [each.name for each in fields(self) if getattr(self, each.name) is not None]


def begin(tx: Tx, connection_id: str, every: int) -> None:
    """The schedules of a new connection: looks by interval, a full compare a day.

    The minute of the full compare is spread over the day by the connection's id.
    """
    schedules.put(tx, connection_id, "pull", every)
    schedules.put(tx, connection_id, "full", DAY, cron=spread_daily(connection_id))


def change(tx: Tx, connection_id: str, wanted: Timetable) -> None:
    """Put new times in force; slots that keep their times keep their next one, too.

    Raises:
        BadInput: names the option that is wrong, the reason and the cure.
    """
    _check(wanted)
    known = {row["kind"]: row for row in schedules.of(tx, connection_id)}
    given = {
        "pull": (wanted.every, wanted.cron),
        "full": (wanted.full_every, wanted.full_cron),
    }
    fallback: dict[str, dict[str, Any]] = {
        "pull": {"every_seconds": DAY},
        "full": {"every_seconds": DAY, "cron": spread_daily(connection_id)},
    }
    for kind in schedules.KINDS:
        before = known.get(kind)
        after = _merged(before or {"cron": None, "quiet": None, "timezone": "UTC", **fallback[kind]}, wanted)
        every, cron = given[kind]
        if every is not None:
            after |= {"every_seconds": every, "cron": None}
        elif cron is not None:
            after["cron"] = read_cron(cron)
        if before is None or any(before[name] != value for name, value in after.items()):
            schedules.put(tx, connection_id, kind, after.pop("every_seconds"), **after)


def _merged(before: Row | Mapping[str, Any], wanted: Timetable) -> dict[str, Any]:
    after = {name: before[name] for name in ("every_seconds", "cron", "quiet", "timezone")}
    if wanted.quiet is not None:
        after["quiet"] = None if wanted.quiet.casefold() == NONE else wanted.quiet.strip()
    if wanted.timezone is not None:
        after["timezone"] = wanted.timezone.strip()
    return after


def _check(wanted: Timetable) -> None:
    for every, cron in (("every", "cron"), ("full_every", "full_cron")):
        if getattr(wanted, every) is not None and getattr(wanted, cron) is not None:
            names = f"--{_option(every)} and --{_option(cron)}"
            raise BadInput(f"{names} exclude each other.", cure="Give the one that is to be in force.")
    example = "Five fields: minute, hour, day, month, weekday; for instance --{} '0 6 * * 1-5'"
    for name in ("cron", "full_cron"):
        _read(name, getattr(wanted, name), read_cron, example.format(_option(name)))
    if wanted.quiet is not None and wanted.quiet.casefold() != NONE:
        _read("quiet", wanted.quiet, read_quiet, "For instance --quiet 22:00-06:00, or --quiet none")
    _read("timezone", wanted.timezone, read_zone, "For instance --timezone Europe/Berlin")


def _option(name: str) -> str:
    return name.replace("_", "-")


def _read(name: str, text: str | None, read: Callable[[str], T], cure: str) -> None:
    if text is None:
        return
    try:
        read(text)
    except ValueError as error:
        raise BadInput(
            f"--{_option(name)} {text[:100]!r} {error}.", fields={name: str(error)}, cure=cure
        ) from error
