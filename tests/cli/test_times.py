"""`connections set`: when to look, when not to, and how many calls a day; shown as it is in force."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.cli.conftest import Terminal
from tests.cli.test_syncing import connect
from tests.tasks.conftest import Crm


def test_times_and_calls_are_set_shown_and_taken_away(terminal: Terminal, crm: Crm) -> None:
    connect(terminal, crm)
    new = terminal.json("connections", "show", "crm")["schedule"]
    assert (new["pull"]["every"], new["pull"]["cron"], new["pull"]["quiet"]) == (60, None, None)
    assert new["full"]["cron"].endswith(" * * *"), "compared once a day"

    times = ["--cron", "0 6 * * 1-5", "--quiet", "22:00-06:00", "--timezone", "Europe/Berlin"]
    calls = ["--daily-calls", "5000", "--reserve", "0.2"]
    changed = terminal.json("connections", "set", "crm", *times, "--full-cron", "30 7 * * *", *calls)
    assert not changed["resync_needed"]
    shown = terminal.json("connections", "show", "crm")
    pull, full = shown["schedule"]["pull"], shown["schedule"]["full"]
    assert pull | {"next": ""} == {
        "every": None,
        "cron": "0 6 * * 1-5",
        "quiet": "22:00-06:00",
        "timezone": "Europe/Berlin",
        "next": "",
    }
    assert full["cron"] == "30 7 * * *"
    assert datetime.fromisoformat(pull["next"]).hour in (4, 5)
    settings = shown["settings"]
    assert (settings["daily_calls"], settings["reserve"], settings["timezone"]) == (
        5000,
        0.2,
        "Europe/Berlin",
    )
    said = terminal.run("connections", "show", "crm").out
    assert "0 6 * * 1-5" in said
    assert "22:00-06:00" in said

    terminal.run("connections", "set", "crm", "--every", "30", "--quiet", "none", "--daily-calls", "0")
    shown = terminal.json("connections", "show", "crm")
    assert (shown["schedule"]["pull"]["every"], shown["schedule"]["full"]["quiet"]) == (30, None)
    assert shown["settings"]["daily_calls"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--cron", "x"], "--cron 'x' must have five fields"),
        (["--quiet", "9-10"], "--quiet '9-10' must be of the form HH:MM-HH:MM"),
        (["--timezone", "Nowhere"], "Nowhere"),
        (["--every", "5", "--cron", "* * * * *"], "exclude each other"),
    ],
)
def test_a_wrong_time_is_named_and_nothing_changes(
    terminal: Terminal, crm: Crm, options: list[str], said: str
) -> None:
    connect(terminal, crm)
    before = terminal.json("connections", "show", "crm")
    refused = terminal.run("connections", "set", "crm", *options, code=2).err
    assert said in " ".join(refused.split())
    assert terminal.json("connections", "show", "crm")["schedule"] == before["schedule"]


def test_a_person_without_calls_is_told_until_when(terminal: Terminal, crm: Crm) -> None:
    connect(terminal, crm)
    terminal.json("sync", "crm", "--yes")
    for number in range(3):
        crm.create(f"k{number}")
    terminal.run("connections", "set", "crm", "--daily-calls", "1")
    refused = [terminal.run("sync", "crm", code=None) for _ in range(3)][-1]
    assert refused.code == 1
    assert "--daily-calls" in refused.err
    assert "daily calls" in " ".join(refused.err.split())
    (latest, *_) = terminal.json("runs", "list")["runs"]
    assert latest["state"] == "waiting"
    assert "UTC" in latest["reason"]
    terminal.run("connections", "set", "crm", "--daily-calls", "1000")
    assert terminal.json("sync", "crm")["state"] == "done"


def test_what_quiet_hours_do_not_stop_is_said_in_the_help(terminal: Terminal) -> None:
    said = " ".join(terminal.run("connections", "set", "--help").out.replace("│", " ").split())
    assert "Webhooks, changes to be pushed and people are not kept waiting" in said
