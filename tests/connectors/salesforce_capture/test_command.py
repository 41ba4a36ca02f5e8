"""`concord listen` as a process: it hears, goes on where it stopped, and ends cleanly when it is told to."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from sqlalchemy import select

from sync.store.session import Database
from sync.store.worktables import inbox
from tests.connectors.salesforce_capture.conftest import Broadcast
from tests.e2e.conftest import Shell
from tests.tasks.conftest import until

COMMAND = (sys.executable, "-m", "cli")


class House(Shell):
    """An installation with a connection to the sandbox."""

    def concord(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [*COMMAND, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stderr

    @contextmanager
    def listening(self, broadcast: Broadcast) -> Iterator[None]:
        before = broadcast.bus.subscribed
        command = [*COMMAND, "listen", "crm", "--server", broadcast.bus.target]
        process = subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, text=True)
        until(lambda: broadcast.bus.subscribed > before or process.poll() is not None, 30)
        yield
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=15)
        assert process.returncode == 0, told
        assert "Traceback" not in told
        assert "!AQ" not in told

    def hints(self) -> set[str]:
        database = Database(f"sqlite:///{self.folder}/concord.db")
        with database.reading() as tx:
            found = set(tx.execute(select(inbox.c.ref)).scalars())
        database.close()
        return found


@pytest.fixture
def house(tmp_path: Path, broadcast: Broadcast) -> House:
    made = House(tmp_path)
    keys = broadcast.config.credentials
    made.concord(
        *("connect", "salesforce", "--name", "crm", "--url", broadcast.config.url),
        *("--client-id", keys["client_id"], "--client-secret", keys["client_secret"]),
    )
    return made


def test_listen_hears_goes_on_and_ends(house: House, broadcast: Broadcast) -> None:
    house.concord("sync", "crm", "--yes")
    with house.listening(broadcast):
        first = broadcast.create()
        until(lambda: house.hints() == {first}, 10)
    second = broadcast.create("Other")
    with house.listening(broadcast):
        until(lambda: house.hints() == {first, second}, 10)


def test_listen_names_what_is_missing(house: House, broadcast: Broadcast) -> None:
    told = house.concord("listen", "crm", "--server", "example.com:443", code=1)
    assert "concord sync crm" in told or "not Salesforce's" in told


def test_the_sandbox_announces_its_changes(tmp_path: Path) -> None:
    house = House(tmp_path)
    command = [*COMMAND, "sandbox", "salesforce", "--empty", "--pubsub-port", "0", "--json"]
    process = subprocess.Popen(command, env=house.environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    ready = json.loads(process.stdout.readline())
    with grpc.insecure_channel(ready["pubsub"]) as channel:
        grpc.channel_ready_future(channel).result(timeout=10)
    taken = ready["pubsub"].rpartition(":")[2]
    assert "taken" in house.concord("sandbox", "salesforce", "--empty", "--pubsub-port", taken, code=2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=15)
    assert process.returncode == 0
