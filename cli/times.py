"""Options of `connections set` about schedules and the calls of a day, and how they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from connectors.records import JSON
from sync.store.query import Row

Every = Annotated[int | None, typer.Option("--every", min=1, help="Seconds between looks; replaces --cron.")]
Cron = Annotated[
    str | None,
    typer.Option("--cron", help="When to look: five fields, such as '0 6 * * 1-5'; replaces --every."),
]
FullEvery = Annotated[
    int | None,
    typer.Option("--full-every", min=60, help="Seconds between full compares; replaces --full-cron."),
]
FullCron = Annotated[
    str | None, typer.Option("--full-cron", help="When to compare everything; once a day if never set.")
]
Quiet = Annotated[
    str | None,
    typer.Option(
        "--quiet",
        help="HH:MM-HH:MM, in which no scheduled look or compare begins, or none. "
        "Webhooks, changes to be pushed and people are not kept waiting.",
    ),
]
Timezone = Annotated[
    str | None, typer.Option("--timezone", help="Of cron, quiet hours and the day of calls: Europe/Berlin.")
]
DailyCalls = Annotated[
    int | None, typer.Option("--daily-calls", min=0, help="Calls to the CRM a day at most; 0 is no limit.")
]
Reserve = Annotated[
    float | None,
    typer.Option("--reserve", min=0, max=0.99, help="Share of the daily calls that is kept for people; 0.1."),
]


def budget(daily_calls: int | None, reserve: float | None, timezone: str | None) -> dict[str, Any]:
    """The settings that these options change."""
    settings: dict[str, Any] = {}
    if daily_calls is not None:
        settings["daily_calls"] = daily_calls or None
    if reserve is not None:
        settings["reserve"] = reserve
    if timezone is not None:
        settings["timezone"] = timezone
    return settings


def waiting(until: datetime) -> str:
    """What is said of a connection, or a run, that waits for the calls of a new day."""
    return f"waiting until {until:%Y-%m-%d %H:%M} UTC for new calls"


def shown(slots: Sequence[Row]) -> dict[str, JSON]:
    """Schedules by kind, as `connections show` prints them."""
    return {
        slot["kind"]: {
            "every": None if slot["cron"] else slot["every_seconds"],
            "cron": slot["cron"],
            "quiet": slot["quiet"],
            "timezone": slot["timezone"],
            "next": slot["next_run_at"].isoformat(),
        }
        for slot in slots
    }
