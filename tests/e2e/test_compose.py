"""The compose file, without Docker: what it says, and its services as processes of this machine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
import redis
import yaml

from tests import servers
from tests.cli.conftest import Terminal
from tests.e2e.conftest import CONCORD
from tests.servers import _free_port
from tests.tasks.conftest import Crm, until

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
LONG_LIVED = ("worker", "tick", "web", "sandbox-salesforce", "sandbox-hubspot")
OURS = (*LONG_LIVED, "migrate")
SECRET = re.compile(r"KEY|PASSWORD|SECRET|TOKEN")


def test_it_starts_everything() -> None:
    assert set(SERVICES) == {"postgres", "redis", *OURS}
    for name in OURS:
        for needed in SERVICES[name].get("depends_on", {}):
            assert needed in SERVICES
    for name in ("worker", "tick", "web"):
        assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert SERVICES[name]["depends_on"]["redis"]["condition"] == "service_healthy"


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_watched_restarted_and_unprivileged(name: str) -> None:
    service = SERVICES[name]
    once = name == "migrate"
    assert service["restart"] == ("no" if once else "unless-stopped")
    assert once or {"test", "interval", "timeout", "retries"} <= service["healthcheck"].keys()
    if name != "postgres":  # which drops its rights itself, after it has made its folder
        uid = str(service["user"]).split(":")[0]
        assert uid not in ("0", "root", "")
    if name in OURS:
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), "nothing is open to the network by itself"
    for volume in service.get("volumes", []):
        assert volume.split(":")[0] in COMPOSE["volumes"], "what is kept has a name"


def test_no_secret_stands_in_it() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if SECRET.search(name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]*\}", value), name
            if "@" in value:
                assert re.search(r"://\w+:\$\{\w+:\?[^}]*\}@", value), name


def test_the_image_runs_as_the_user_of_the_services() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    (user,) = [line.split()[1] for line in lines if line.startswith("USER")]
    assert all(str(SERVICES[name]["user"]).startswith(user) for name in OURS)
    copied = {line.split()[1] for line in lines if line.startswith("COPY")}
    assert {"connectors", "sync", "tasks", "web", "cli", "requirements.lock"} <= copied


def test_the_sandboxes_may_be_reached_by_their_names_without_tls() -> None:
    hosts = SERVICES["worker"]["environment"]["CONCORD_PLAIN_HTTP_HOSTS"]
    assert set(hosts.split(",")) == {name for name in SERVICES if name.startswith("sandbox-")}


@dataclass
class Host:
    """This machine in the place of the containers."""

    folder: Path
    environment: Mapping[str, str]
    ports: dict[str, int] = field(default_factory=dict)

    def here(self, service: str, command: Sequence[str]) -> list[str]:
        """A command of the compose file, with addresses, folders and the ticker's pace of this test."""
        assert command[0] == "concord"
        own = str(self.ports.setdefault(service, _free_port()))
        line = "\0".join(command[1:])
        line = re.sub(r"(?<=--port\0)\d+|(?<=127\.0\.0\.1:)\d+", own, line)
        line = line.replace("0.0.0.0", "127.0.0.1").replace("/data/", f"{self.folder}/")  # noqa: S104
        line = line.replace("--every\x0060", "--every\x001")
        fresh = ["--empty"] if service.startswith("sandbox") and "health" not in command else []
        return [CONCORD, *line.split("\0"), *fresh]

    @contextmanager
    def running(self, service: str) -> Iterator[subprocess.Popen[bytes]]:
        """A service as a process, with what it prints in a file; it has to end well when told to."""
        log = self.log(service)
        with log.open("wb") as file:
            process = subprocess.Popen(
                self.here(service, SERVICES[service]["command"]),
                env=self.environment,
                cwd=self.folder,
                stdout=file,
                stderr=file,
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    def log(self, service: str) -> Path:
        """Where a service prints."""
        return self.folder / f"{service}.log"

    def healthy(self, service: str) -> bool:
        """Run the health check of a service once."""
        kind, *command = SERVICES[service]["healthcheck"]["test"]
        assert kind == "CMD"
        done = subprocess.run(
            self.here(service, command), env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 1), done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode == 0


@pytest.fixture
def host(tmp_path: Path, worker_id: str) -> Iterator[Host]:
    """An empty database, keys of our own in Redis, and the environment that the compose file gives."""
    prefix = f"concord-compose-{uuid4().hex[:8]}:"
    with servers.own_database(f"concord_compose_{worker_id}") as url:
        local = {
            "CONCORD_DATABASE_URL": url,
            "CONCORD_REDIS_URL": os.environ[servers.REDIS],
            "CONCORD_SECRET_KEY": uuid4().hex,
            "CONCORD_WEB_TOKEN": uuid4().hex,
            "CONCORD_PUBLIC_URL": "",
        }
        given = SERVICES["web"]["environment"]
        assert set(local) < set(given), "the test must map all that the file sets"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path / "no-home"),  # the user of the image has none
            "PYTHONUNBUFFERED": "1",
            **given,
            **local,
            "CONCORD_REDIS_PREFIX": prefix,
        }
        yield Host(tmp_path, environment)
    with redis.Redis.from_url(os.environ[servers.REDIS]) as client:
        if keys := list(client.scan_iter(f"{prefix}*")):
            client.delete(*keys)


def connect(terminal: Terminal, host: Host, crm: str) -> Crm:
    """Connect a sandbox with the credentials that it prints, as a person copies them from its log."""
    said = until(lambda: re.search(r"concord (connect .*)", host.log(f"sandbox-{crm}").read_text()))
    terminal.json(*said[1].split())
    return Crm(f"http://127.0.0.1:{host.ports[f'sandbox-{crm}']}", {})


def announced(terminal: Terminal, host: Host, crm: Crm, connection: str) -> None:
    """Let the connection be looked at once an hour, and its CRM send webhooks to the site."""
    secret = uuid4().hex
    terminal.run("connections", "set", connection, "--every", "3600", "--webhook-secret", secret)
    path = f"/webhooks/{connection}/{connection}"
    shown = terminal.json("connections", "show", connection, "--reveal")["webhook"]
    assert shown == f"http://127.0.0.1:8700{path}/{secret}"
    target = f"http://127.0.0.1:{host.ports['web']}{path}"
    crm.control("PUT", "settings", {"webhooks": {"target": target, "secret": secret}})


def metrics(host: Host) -> str:
    token = {"Authorization": f"Bearer {host.environment['CONCORD_WEB_TOKEN']}"}
    request = Request(f"http://127.0.0.1:{host.ports['web']}/metrics", headers=token)
    with urlopen(request, timeout=10) as response:
        found: str = response.read().decode()
    return found


def name_in_hubspot(hubspot: Crm) -> list[str]:
    return [str(each["properties"]["name"]) for each in hubspot.control("GET", "records")]


@pytest.mark.slow
def test_its_services_start_sync_and_stop(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CONCORD_")]:
        monkeypatch.delenv(name)
    for name, value in host.environment.items():
        if name.startswith("CONCORD_"):
            monkeypatch.setenv(name, value)
    terminal = Terminal(host.folder)
    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        crms = [stack.enter_context(host.running(f"sandbox-{crm}")) for crm in ("salesforce", "hubspot")]
        assert not host.healthy("tick"), "nothing is migrated yet"
        with host.running("migrate") as process:
            assert process.wait(timeout=60) == 0, host.log("migrate").read_text()
        work = [stack.enter_context(host.running(name)) for name in ("worker", "tick", "web")]
        waits = [
            pool.submit(until, lambda name=name: host.healthy(name), 120)  # type: ignore[misc]
            for name in LONG_LIVED
        ]
        for each in waits:
            each.result()

        salesforce, hubspot = (connect(terminal, host, crm) for crm in ("salesforce", "hubspot"))
        salesforce.create("k1", "First")
        assert terminal.json("sync", "salesforce", "--yes")["created_local"] == 1
        assert terminal.json("sync", "hubspot", "--yes")["created_remote"] == 1
        (account,) = salesforce.control("GET", "records")
        for connection in ("salesforce", "hubspot"):
            terminal.run("connections", "set", connection, "--every", "1")
        salesforce.control("POST", "edit", {"id": account["Id"], "fields": {"Name": "Renamed"}})
        salesforce.create("k2", "Second")
        until(lambda: sorted(name_in_hubspot(hubspot)) == ["Renamed", "Second"], 90)
        announced(terminal, host, salesforce, "salesforce")
        account = {"id": account["Id"], "fields": {"Name": "Announced"}}
        salesforce.control("POST", "edit", account)
        until(lambda: sorted(name_in_hubspot(hubspot)) == ["Announced", "Second"], 20)
        # A look by the schedule may have been quicker.
        until(lambda: 'outcome="accepted"} 1.0' in metrics(host), 20)

        for name, process in zip(LONG_LIVED, (*work, *crms), strict=True):
            process.send_signal(signal.SIGTERM)
            patience = float(SERVICES[name].get("stop_grace_period", "10s").removesuffix("s"))
            assert process.wait(timeout=patience) == 0, host.log(name).read_text()
            assert "Traceback" not in host.log(name).read_text()
            assert host.environment["CONCORD_SECRET_KEY"] not in host.log(name).read_text()
        assert not host.healthy("worker"), "a worker that has ended is not well"
    kept = {path.name for path in host.folder.iterdir()} - {host.log(name).name for name in OURS}
    assert kept == {"salesforce.jsonl", "hubspot.jsonl"}, "only volumes are written to"
