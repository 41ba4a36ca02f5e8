"""Short versions of the parts of the torture programme that need the whole of Concord, a process each."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from bench.torture.alive import alive
from bench.torture.crashes import GROUPS, POINTS, crashes
from bench.torture.frozen import POINTS as FREEZING
from bench.torture.frozen import frozen
from bench.torture.outages import broker, database
from bench.torture.registry import Order, Result
from bench.torture.storms import faults
from bench.torture.whole.proxy import Fate, proxies

ROOT = Path(__file__).resolve().parents[2]
PASSES = "from sync.crash import crash_here; [crash_here('a.point') for _ in range(3)]"


def holds(result: Result) -> None:
    assert result.wrong == []
    assert (result.lost, result.duplicated, result.phantom_deletes, result.echoes) == (0, 0, 0, 0)


def test_every_named_point_is_in_the_programme_once() -> None:
    named: Counter[str] = Counter()
    for package in ("sync", "tasks", "web"):
        for path in (ROOT / package).rglob("*.py"):
            named.update(re.findall(r'crash_here\("([a-z_.]+)"\)', path.read_text()))
    assert max(named.values()) == 1
    assert sorted(named) == sorted(POINTS)
    assert len(POINTS) >= 30
    assert set(FREEZING) <= set(POINTS)
    assert all(set(group.first) <= set(POINTS) for group in GROUPS)


@pytest.mark.parametrize(
    ("armed", "code"),
    [("", 0), ("another.point:1", 0), ("a.point:4", 0), ("a.point:3", -9), ("a.point", -9)],
)
def test_a_process_dies_at_the_point_that_it_is_told(armed: str, code: int) -> None:
    environment = {**os.environ, "CONCORD_CRASH_AT": armed}
    done = subprocess.run(
        [sys.executable, "-c", PASSES], cwd=ROOT, env=environment, capture_output=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert (b"SIGKILL at a.point" in done.stderr) == (code != 0)


@pytest.mark.parametrize("fate", Fate)
def test_a_connection_meets_its_fate(fate: Fate) -> None:
    sent = b"x" * 4_000

    def echo(server: socket.socket) -> None:
        client, _ = server.accept()
        with client:
            client.sendall(client.recv(len(sent), socket.MSG_WAITALL))

    def ask(port: int) -> bytes | None:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(1 if fate is Fate.HALF_OPEN else 10)
            client.sendall(sent)
            try:
                with client.makefile("rb") as answer:
                    return answer.read()
            except TimeoutError:
                return None
            except ConnectionResetError:
                return b"reset"

    with proxies(["one"], seed=1) as made, socket.create_server(("127.0.0.1", 0)) as server:
        proxy = made["one"]
        proxy.fates = {fate: 1.0}
        proxy.lead_to(server.getsockname()[1])
        if fate not in (Fate.RESET, Fate.HALF_OPEN):  # of which the server hears nothing
            threading.Thread(target=echo, args=(server,), daemon=True).start()
        got = ask(proxy.port)
    if fate is Fate.HALF_OPEN:
        assert got is None
    elif fate is Fate.RESET:
        assert got == b"reset"
    elif fate is Fate.DROP:
        assert got == b"reset" or (got is not None and len(got) < len(sent))
    else:
        assert got == sent
    assert proxy.met == {fate: 1}


def test_a_proxy_cuts_what_is_open() -> None:
    with proxies(["one"], seed=1) as made, socket.create_server(("127.0.0.1", 0)) as server:
        made["one"].lead_to(server.getsockname()[1])
        with socket.create_connection(("127.0.0.1", made["one"].port)) as client:
            carried, _ = server.accept()
            made["one"].cut()
            client.settimeout(10)
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
            carried.close()


@pytest.mark.slow
def test_whoever_is_killed_at_a_point_leaves_nothing_behind() -> None:
    holds(crashes(Order(seed=POINTS.index("push.intent_stored") + 1, count=2)))


@pytest.mark.slow
def test_a_worker_that_wakes_after_its_lease_leaves_nothing_older_standing() -> None:
    holds(frozen(Order(count=1)))


@pytest.mark.slow
def test_a_broker_may_forget_everything() -> None:
    holds(broker(Order(count=1)))


@pytest.mark.slow
def test_a_database_may_stop_at_any_time() -> None:
    holds(database(Order(count=1)))


@pytest.mark.slow
def test_edits_outlive_a_storm_of_faults() -> None:
    holds(faults(Order(count=20)))


@pytest.mark.slow
def test_what_is_broken_for_good_holds_up_nothing_else() -> None:
    holds(alive(Order(count=1)))
