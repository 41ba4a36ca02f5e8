"""Several processes that serve one site."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import suppress
from subprocess import Popen
from typing import Any

import psutil
import pytest
import requests

from tests.cli.conftest import Terminal
from tests.tasks.conftest import until

TOKEN = "a-token-of-these-tests-alone-that-is-long-enough"


class Serving:
    """`concord serve` with two processes."""

    def __init__(self, process: Popen[str]) -> None:
        assert process.stdout
        self.process = process
        self.said: dict[str, Any] = json.loads(process.stdout.readline())

    def ask(self, path: str, method: str = "GET", **headers: str) -> requests.Response:
        """By a connection of its own, so that any process may be the one that answers."""
        return requests.request(method, self.said["url"] + path, headers=headers, timeout=30)

    def members(self) -> list[psutil.Process]:
        """The processes that answer, or are about to."""
        found = []
        for each in psutil.Process(self.process.pid).children():
            with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
                found += [each] if any("spawn_main" in word for word in each.cmdline()) else []
        return found


@pytest.fixture
def serving(terminal: Terminal) -> Iterator[Serving]:
    terminal.more["CONCORD_WEB_TOKEN"] = TOKEN
    with terminal.background("serve", "--port", "0", "--json", "--processes", "2") as process:
        yield Serving(process)


def test_a_key_is_counted_by_all_of_them_together(terminal: Terminal, serving: Serving) -> None:
    options = ("--organisation", "default", "--scope", "read", "--rate", "4")
    key = terminal.json("api-key", "create", *options)["key"]
    answers = [serving.ask("/customers", **{"x-api-key": key}) for _ in range(40)]
    taken = sum(each.status_code == 200 for each in answers)
    # Eight at once, and four in each further second: twice as many if each process counted for itself.
    spent = sum(each.elapsed.total_seconds() for each in answers)
    assert 8 <= taken <= 8 + 4 * (spent + 1)
    assert {each.status_code for each in answers} == {200, 429}


def test_their_metrics_are_those_of_all(serving: Serving) -> None:
    for _ in range(24):
        assert serving.ask("/webhooks/hubspot/nobody", "POST").status_code == 404
    for _ in range(8):
        told = serving.ask("/metrics", authorization=f"Bearer {TOKEN}").text
        counted = [line for line in told.splitlines() if line.startswith("concord_webhook_deliveries_total")]
        assert sum(float(line.rpartition(" ")[2]) for line in counted) == 24
        assert "concord_jobs_open" in told


def test_one_that_dies_is_replaced_and_all_end_with_the_first(serving: Serving) -> None:
    first, second = serving.members()
    first.send_signal(signal.SIGKILL)
    until(
        lambda: first.pid not in [each.pid for each in serving.members()] and len(serving.members()) == 2, 30
    )
    assert serving.ask("/health").json() == {"status": "ok"}
    members = serving.members()
    serving.process.send_signal(signal.SIGTERM)
    until(lambda: serving.process.poll() is not None, 30)
    assert serving.process.returncode == 0
    assert not any(each.is_running() for each in (second, *members))
    with pytest.raises(requests.ConnectionError):
        serving.ask("/health")


def test_none_outlives_the_one_that_started_them(serving: Serving) -> None:
    members = serving.members()
    assert len(members) == 2
    serving.process.kill()
    serving.process.wait(10)
    until(lambda: not any(each.is_running() for each in members), 30)


def test_a_port_that_they_serve_is_taken(terminal: Terminal, serving: Serving) -> None:
    port = serving.said["url"].rpartition(":")[2]
    for count in ("1", "2"):
        told = terminal.run("serve", "--port", port, "--processes", count, code=2).err
        assert f"The port {port} is taken." in told


def test_what_keeps_them_from_starting_is_said_once(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONCORD_SECRET_KEY", "too short")
    told = terminal.run("serve", "--port", "0", "--processes", "2", code=1).err
    assert told.count("CONCORD_SECRET_KEY") == 1
