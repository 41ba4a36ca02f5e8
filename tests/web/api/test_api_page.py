"""The page of the API tells the truth: each of its commands is run against a real server, in its order."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from sync.store import connections
from sync.store.connections import ConnectionState
from sync.store.session import Database
from tasks.jobs import drain
from tests.web.api.steered import Steered, steer

ROOT = Path(__file__).resolve().parents[3]
CURL = shutil.which("curl")
pytestmark = pytest.mark.skipif(CURL is None, reason="there is no curl on this machine")
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
_MADE = {
    "/customers": "CUSTOMER",
    "/contacts": "CONTACT",
    "/contracts": "CONTRACT",
    "/wallets": "WALLET",
    "/business_entities": "ENTITY",
    "/connections": "CONNECTION",
    "/runs": "RUN",
    "/imports": "IMPORT",
}
_CALLED = "#!/bin/sh\nexec {curl} -sS -o answer -w '%{{method}} %{{http_code}} %{{url}}' \"$@\" > told\n"


@dataclass
class Shell:
    """Runs commands of a page as a person would, and keeps the ids that it is told to."""

    folder: Path
    world: Steered
    known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        called = self.folder / "curl"
        called.write_text(_CALLED.format(curl=CURL))
        called.chmod(0o755)
        self.known |= {"CONCORD": self.world.api.served.url, "KEY": self.world.api.key}

    def run(self, command: str) -> tuple[int, Any]:
        """One command: the status and the body that it got."""
        environment = {**self.known, "PATH": f"{self.folder}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-eu", "-c", command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        method, status, url = (self.folder / "told").read_text().split(" ", 2)
        answer = self.folder / "answer"
        text = answer.read_text() if answer.is_file() else ""
        answer.unlink(missing_ok=True)
        body: Any = json.loads(text) if text[:1] in ("{", "[") else None
        name = _MADE.get(urlsplit(url).path)
        if method == "POST" and name and status.startswith("2"):
            self.known.setdefault(name, body["id"])
        return int(status), body


def commands(text: str) -> list[tuple[str, str]]:
    """Each curl command of a page, with the status that is said of it; without one it is a good one."""
    found = []
    for block in _BLOCK.findall(text):
        for command in re.split(r"^(?=curl )", block, flags=re.M):
            if command.startswith("curl "):
                said = re.search(r"# (\d{3})$", command.strip())
                found.append((command, said[1] if said else "2"))
    return found


@pytest.fixture
def shell(database: Database, tmp_path: Path) -> Iterator[Shell]:
    """A site with two CRMs: one with a question about a customer, one that was never synced."""
    for world in steer(database):
        crm = world.connect("salesforce")
        world.connect("hubspot", state=ConnectionState.NEW)
        with world.api.database.transaction() as tx:
            connections.set_state(tx, world.connection("crm").id, ConnectionState.PAUSED)
        world.crms["hubspot"].create({"key": "b", "name": "New there"})
        refs = world.pair("a", "salesforce", name="Asked")
        world.sync("salesforce")
        crm.edit(refs["salesforce"], {"name": "Theirs"})
        customer = world.customer("a")["id"]
        world.api.call("PATCH", f"/customers/{customer}", {"customer_name": "Ours"})
        world.sync("salesforce")
        (question,) = world.api.get("/conflicts")["data"]
        yield Shell(tmp_path, world, {"CONFLICT": question["id"]})


def test_every_command_of_the_page_does_what_it_says(shell: Shell) -> None:
    found = commands((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    assert len(found) > 40
    for command, said in found:
        status, body = shell.run(command)
        assert str(status).startswith(said), (command, status, body)
        if "/runs" in command or ("-X POST" in command and "/imports" in command):
            drain(shell.world.api.served.services, lambda _event: None)


def test_the_readmes_call_makes_the_customer(shell: Shell) -> None:
    section = (
        (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## The API\n")[2].partition("\n## ")[0]
    )
    ((command, _),) = commands(section)
    status, body = shell.run(command)
    assert (status, body["connector"]["name"]) == (201, "salesforce"), body


def test_the_digests_call_works_with_requests(shell: Shell) -> None:
    api = shell.world.api
    address: dict[str, Any] = {
        **{"line1": "1 Main Street", "line2": None, "line3": None, "city": "Springfield", "state": "IL"},
        **{"zipCode": "62701", "country": "United States", "country_code": "US"},
    }
    given: dict[str, Any] = {
        "external_id": "ACME-42",
        "customer_name": "Acme Limited",
        "email": "billing@acme.example",
        "phone_number": "+1-555-0100",
        "address": address,
        "ship_to_address": None,
        "tax_info": [{"country_code": "IND", "tax_code": "GST", "tax_id": "27AAPFU0939F1ZV"}],
        "custom_data": {"users": ["ada@acme.example"], "exempt_tax": True},
        "communications_enabled": True,
        "auto_charge_enabled": True,
        "connector": {"name": "salesforce", "reference_id": "0015g00000XyZabAAF"},
    }
    headers = {"x-api-key": api.key, "organisation": "default"}
    answer = requests.post(f"{api.served.url}/customers", json=given, headers=headers, timeout=20)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made.keys() >= {*given, "id", "created_at", "updated_at"}
    for name, value in given.items():
        assert name == "address" or made[name] == value, name
    assert {name: made["address"][name] for name in address} == address
    assert made["address"]["validation_status"] == "valid"
    twice = requests.post(f"{api.served.url}/customers", json=given, headers=headers, timeout=20)
    assert twice.status_code == 400
    for bad, status in (({"x-api-key": "no"}, 401), ({**headers, "organisation": "another"}, 404)):
        assert requests.get(f"{api.served.url}/customers", headers=bad, timeout=20).status_code == status
    wrong = requests.post(f"{api.served.url}/customers", json={}, headers=headers, timeout=20)
    assert wrong.status_code == 422
    assert [each["loc"] for each in wrong.json()["detail"]] == [["body", "customer_name"]]
    assert {"loc", "msg", "type"} == wrong.json()["detail"][0].keys()


def test_nothing_is_allowed_to_other_origins_nor_believed_of_a_proxy(shell: Shell) -> None:
    url, key = shell.world.api.served.url, shell.world.api.key
    told = {
        "Origin": "https://app.example.com",
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
    }
    told |= {"X-Forwarded-Host": "elsewhere.example", "Forwarded": "host=elsewhere.example"}
    asked = requests.options(
        f"{url}/customers", headers={**told, "Access-Control-Request-Method": "POST"}, timeout=20
    )
    assert asked.status_code == 405
    made = requests.post(
        f"{url}/customers", json={"customer_name": "A"}, headers={**told, "x-api-key": key}, timeout=20
    )
    assert made.status_code == 201
    assert made.headers["Location"].startswith("/customers/")
    for answer in (asked, made):
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert requests.get(f"{url}/openapi.json", timeout=20).json()["openapi"].startswith("3.1")
