"""When a connection is looked at and compared in full, by which clock, with how many calls a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from fastapi.responses import Response

from sync.connect import digest_of
from sync.errors import Conflicted
from sync.store import schedules
from sync.store.connections import StoredConnection
from sync.store.query import Row
from sync.timetable import DAY, NONE
from web.api.connecting import change
from web.api.connection import ConnectionChangeIn, ScheduleIn, SettingsIn
from web.pages import place, words
from web.pages.place import WrongForm, checked
from web.pages.visit import Visit

KINDS = (("pull", "", "Look for changes"), ("full", "full_", "Compare everything"))
"""Kind of a schedule, how its fields begin, and its name."""
UNITS = (("86400", "days"), ("3600", "hours"), ("60", "minutes"), ("1", "seconds"))
"""Seconds of a unit, and its name."""


def in_words(slot: Row) -> str:
    """When something is done."""
    if slot["cron"]:
        return f"by cron, {slot['cron']} ({slot['timezone']})"
    seconds = int(slot["every_seconds"])
    size, name = next((int(size), name) for size, name in UNITS if seconds % int(size) == 0)
    return f"every {words.plural(seconds // size, name.removesuffix('s'))}"


def show(asked: Visit) -> Response:
    """The page."""
    return _page(asked, place.found(asked), None)


def save(asked: Visit) -> Response:
    """Put times and the calls of a day in force."""
    connection = place.found(asked)
    kept, typed = _kept(connection, _slots(asked, connection)), _typed(asked)
    fresh = {name: text for name, text in typed.items() if text != kept[name]}
    if not fresh:
        return place.onwards(asked, connection, "schedule", "same")
    try:
        with checked():
            given = ConnectionChangeIn(
                schedule=ScheduleIn.model_validate(_times(typed, fresh)),
                settings=SettingsIn.model_validate(_budget(typed, fresh)),
            )
            change(asked.caller, connection, given, shown=asked.given("shown"))
    except WrongForm as error:
        names = {name.rpartition(".")[2]: why for name, why in error.problems.items()}
        return _page(asked, connection, typed, names, 422)
    except Conflicted as error:
        told = {"": f"{error.reason} These are the fresh ones."}
        return _page(asked, place.found(asked), None, told, 409)
    asked.site.wake()
    return place.onwards(asked, connection, "schedule", "schedule")


def _times(typed: Mapping[str, str], fresh: Mapping[str, str]) -> dict[str, Any]:
    """What is to change of the times.

    Raises:
        WrongForm: a number is none.
    """
    wanted: dict[str, Any] = {}
    for _, start, _ in KINDS:
        names = [f"{start}{each}" for each in ("by", "number", "unit", "cron")]
        if not set(names) & set(fresh):
            continue
        if typed[f"{start}by"] == "cron":
            wanted[f"{start}cron"] = typed[f"{start}cron"]
        elif typed[f"{start}by"] != "every" or typed[f"{start}unit"] not in dict(UNITS):
            raise WrongForm({f"{start}every": "must be a cron line, or a number of seconds up to days"})
        else:
            seconds = _whole(f"{start}every", typed[f"{start}number"]) * int(typed[f"{start}unit"])
            wanted[f"{start}every"] = seconds
    if {"quiet_from", "quiet_to"} & set(fresh):
        both = (typed["quiet_from"], typed["quiet_to"])
        if any(both) and not all(both):
            raise WrongForm({"quiet": "needs a beginning and an end, or neither"})
        wanted["quiet"] = "-".join(both) if all(both) else NONE
    if "timezone" in fresh:
        wanted["timezone"] = typed["timezone"]
    return wanted


def _budget(typed: Mapping[str, str], fresh: Mapping[str, str]) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if "daily_calls" in fresh:
        wanted["daily_calls"] = _whole("daily_calls", typed["daily_calls"]) if typed["daily_calls"] else 0
    if "reserve" in fresh:
        wanted["reserve"] = _whole("reserve", typed["reserve"]) / 100
    return wanted


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 11):
        raise WrongForm({name: "must be a whole number"})
    return int(text)


def _typed(asked: Visit) -> dict[str, str]:
    return {name: asked.given(name).strip() for name in _names()}


def _names() -> list[str]:
    each = [f"{start}{name}" for _, start, _ in KINDS for name in ("by", "number", "unit", "cron")]
    return [*each, "quiet_from", "quiet_to", "timezone", "daily_calls", "reserve"]


def _slots(asked: Visit, connection: StoredConnection) -> list[Row]:
    with asked.database.reading() as tx:
        return schedules.of(tx, connection.id)


def _kept(connection: StoredConnection, present: Sequence[Row]) -> dict[str, str]:
    """What is in force, as the form has it."""
    none: Row = {"every_seconds": DAY, "cron": None, "quiet": None, "timezone": "UTC"}
    slots = {kind: none for kind, _, _ in KINDS} | {row["kind"]: row for row in present}
    made: dict[str, str] = {}
    for kind, start, _ in KINDS:
        slot = slots[kind]
        seconds = int(slot["every_seconds"])
        size = next(int(size) for size, _ in UNITS if seconds % int(size) == 0)
        made[f"{start}by"] = "cron" if slot["cron"] else "every"
        made[f"{start}number"], made[f"{start}unit"] = str(seconds // size), str(size)
        made[f"{start}cron"] = slot["cron"] or ""
    begins, _, ends = (slots["pull"]["quiet"] or "").partition("-")
    settings = connection.settings
    return made | {
        "quiet_from": begins,
        "quiet_to": ends,
        "timezone": slots["pull"]["timezone"],
        "daily_calls": str(settings.daily_calls or ""),
        "reserve": str(round(settings.reserve * 100)),
    }


@cache
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))


def _page(
    asked: Visit,
    connection: StoredConnection,
    typed: Mapping[str, str] | None,
    problems: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    present = _slots(asked, connection)
    return place.frame(
        asked,
        connection,
        "connection_schedule.html",
        "schedule",
        problems=problems,
        shown=digest_of(connection, present),
        status=status,
        typed=typed or _kept(connection, present),
        kinds=KINDS,
        units=UNITS,
        zones=_zones(),
    )
