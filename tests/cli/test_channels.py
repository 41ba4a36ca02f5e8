"""`channel`: people are told what waits for them, in an embedded installation."""

from __future__ import annotations

from tests.cli.conftest import Terminal
from tests.hooks.conftest import receiver
from tests.hooks.receiver import Receiver

__all__ = ["receiver"]


def test_a_channel_is_made_tried_changed_and_removed(terminal: Terminal, receiver: Receiver) -> None:
    assert "channel add" in terminal.run("channel", "list").out
    url = receiver.url.replace("http://", "json://") + "/t0ken"
    done = terminal.run("channel", "add", "billing", "-", "--digest", "daily", stdin=f"{url}\n")
    assert "channel test billing" in done.out
    (row,) = terminal.json("channel", "list")["channels"]
    assert (row["name"], row["kind"], row["digest"], row["daily_at"]) == ("billing", "json", "daily", "08:00")
    assert row["causes"] == ["conflicts", "halted", "credentials", "quarantined"]
    assert terminal.json("channel", "test", "billing") == {"sent": True, "problem": None}
    assert [each.path for each in receiver.take()] == ["/t0ken"]
    receiver.answers.append((500, {}))
    assert "did not take it" in terminal.run("channel", "test", row["id"], code=1).out
    changed = terminal.json(
        "channel",
        "set",
        "billing",
        "--quiet",
        "22:00-06:00",
        "--timezone",
        "Europe/Berlin",
        "--cause",
        "halted",
    )
    assert (changed["quiet"], changed["timezone"], changed["causes"]) == (
        "22:00-06:00",
        "Europe/Berlin",
        ["halted"],
    )
    shown = terminal.run("channel", "list").out
    assert "22:00-06:00" in shown
    assert "t0ken" not in shown
    assert terminal.json("channel", "pause", "billing")["state"] == "paused"
    assert terminal.json("channel", "resume", "billing")["state"] == "active"
    assert "there is" in terminal.run("channel", "add", "billing", url, code=2).err.lower()
    assert terminal.json("channel", "remove", "billing")["removed"]
    assert "channel list" in terminal.run("channel", "remove", "billing", code=2).err


def test_what_cannot_be_is_refused(terminal: Terminal) -> None:
    assert "must begin with" in terminal.run("channel", "add", "x", "file:///etc/passwd", code=2).err
    assert "HH:MM" in terminal.run("channel", "add", "x", "jsons://a.example/", "--at", "8", code=2).err
    assert "stdin" in terminal.run("channel", "add", "x", code=2).err
