"""`up` and `demo`: two CRMs and billing in one process."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sync import signin
from sync.store import conflicts, connections
from sync.store.schema import organisations
from sync.store.session import Database
from tests.cli.conftest import Terminal
from tests.e2e.conftest import CONCORD, Shell
from tests.tasks.conftest import Crm, until


class Live:
    """`concord up --json` as a process, with its events as they come."""

    def __init__(self, shell: Shell, *options: str) -> None:
        self.process = subprocess.Popen(
            [CONCORD, "up", "--json", "--port", "0", *options],
            env=shell.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.events: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def find(self, **wanted: object) -> list[dict[str, Any]]:
        """Events that have these values."""
        return [each for each in list(self.events) if wanted.items() <= each.items()]

    def ended(self) -> str:
        """Wait for its end; returns what it said on stderr."""
        assert self.process.stderr
        said = self.process.stderr.read()
        assert self.process.wait(timeout=30) == 0, said
        self._reader.join(10)
        return said

    def close(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()


def record(crm: Crm, key: str, field: str) -> dict[str, Any] | None:
    for each in crm.control("GET", "records"):
        values = each.get("properties", each)
        if values.get(field) == key:
            return {**values, "id": each.get("Id") or each.get("id")}
    return None


def sign_in_at(shell: Shell, given: Mapping[str, str]) -> bool:
    """Whether somebody gets in."""
    database = Database(f"sqlite:///{shell.folder / 'concord.db'}")
    try:
        return bool(signin.sign_in(database, given["email"], given["password"]))
    finally:
        database.close()


def kinds_of(shell: Shell) -> set[tuple[str, str]]:
    """Connection and kind of all open questions."""
    database = Database(f"sqlite:///{shell.folder / 'concord.db'}")
    try:
        with database.reading() as tx:
            (mine,) = tx.execute(select(organisations.c.id)).scalars()
            names = connections.named(tx, mine)
            found = conflicts.listing(tx, mine, limit=1_000)
            return {(names[each.row["connection_id"]], each.row["kind"]) for each in found}
    finally:
        database.close()


@pytest.mark.slow
def test_an_edit_in_one_crm_reaches_the_other_within_three_ticks(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "data")
    live = Live(shell)
    try:
        until(lambda: live.find(event="live") or live.process.poll() is not None)
        assert [each["connection"] for each in live.find(event="sync")] == [
            *("salesforce", "hubspot"),
            *("salesforce", "salesforce", "hubspot"),
        ]
        (said,) = live.find(event="live")
        assert sign_in_at(shell, said["sign_in"])
        assert kinds_of(shell) >= {
            ("salesforce", "address_mismatch"),
            ("salesforce", "field_conflict"),
            ("salesforce", "missing_external_id"),
            ("hubspot", "address_mismatch"),
            ("hubspot", "ambiguous_match"),
        }
        salesforce, hubspot = (
            Crm(live.find(event="sandbox", name=name)[0]["url"], {}) for name in ("salesforce", "hubspot")
        )
        phones = {
            each["External_ID__c"]: each
            for each in salesforce.control("GET", "records")
            if each.get("External_ID__c")
            and each.get("Phone")
            and not each.get("IsDeleted")
            and each.get("BillingStreet") != "4711 Relocation Road"  # that record is held
        }
        key, account = next(
            (key, each)
            for key, each in phones.items()
            if (other := record(hubspot, key, "company_id")) and other.get("phone") == each["Phone"]
        )
        salesforce.control("POST", "edit", {"id": account["Id"], "fields": {"Phone": "+1 212 555 0166"}})
        edited = time.monotonic()

        def arrived() -> bool:
            there = record(hubspot, key, "company_id")
            return there is not None and str(there.get("phone")).endswith("0166")

        until(arrived, 60)
        # The time of three ticks, and what a busy machine needs for two syncs.
        assert time.monotonic() - edited < 3 * 2.0 + 4
        until(lambda: live.find(event="change", connection="hubspot", side="crm", external_id=key), 20)
        (here,) = live.find(event="change", connection="salesforce", side="local", external_id=key)
        assert here["fields"] == ["phone_number"]
        assert "0166" not in json.dumps(live.events), "events name fields, not values"
        live.process.send_signal(signal.SIGINT)
        told = live.ended()
    finally:
        live.close()
    assert "Traceback" not in told
    assert said["sign_in"]["password"] not in told
    assert live.events[-1] == {"event": "stopped"}

    again = Live(shell, "--for", "0.5")
    try:
        assert "Traceback" not in again.ended()
    finally:
        again.close()
    assert [each["event"] for each in again.events][-2:] == ["live", "stopped"]
    (anew,) = again.find(event="live")
    assert anew["sign_in"]["email"] == said["sign_in"]["email"]
    assert sign_in_at(shell, anew["sign_in"])
    assert again.find(event="sync") == [], "the first sync was done the first time"


def test_the_demo_comes_to_rest(terminal: Terminal) -> None:
    phases = terminal.json("demo")["phases"]
    by_name = {each["name"]: each for each in phases}
    assert list(by_name)[:3] == ["first sync", "edits", "second sync"]
    assert by_name["first sync"]["created_local"] > 1_500
    assert by_name["first sync"]["matched"] > 1_500
    assert by_name["second sync"]["writes"] > 0
    assert (phases[-1]["writes"], phases[-1]["state"]) == (0, "done")
    assert {"pulled", "held", "open", "calls", "unchanged", "quarantined"} <= phases[-1].keys()
    assert not (terminal.folder / "concord.db").exists(), "the demo touches nothing of the installation"
