"""`concord retention` tells of every table what is kept, and until when."""

from __future__ import annotations

from typing import Any

import pytest

from sync.store.schema import metadata
from tests.cli.conftest import Terminal


def test_every_table_is_shown_with_its_setting(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.run("customers", "add", '{"customer_name": "Acme", "external_id": "A-1"}')
    monkeypatch.setenv("CONCORD_KEEP_AUDIT_DAYS", "30")
    monkeypatch.setenv("CONCORD_KEEP_RUNS_DAYS", "0")
    body: Any = terminal.run("retention", "--json").json
    found = {row["table"]: row for row in body["tables"]}
    assert found.keys() == metadata.tables.keys()
    audit = found["audit"]
    assert (audit["rows"], audit["days"], audit["over"]) == (1, 30, 0)
    assert audit["setting"] == "CONCORD_KEEP_AUDIT_DAYS"
    assert audit["oldest"] < audit["goes"]
    assert (found["runs"]["days"], found["customers"]["setting"]) == (None, "")
    text = terminal.run("retention").out
    assert "30 days after the deed" in text
    assert "for ever; after their end" in text


def test_a_wrong_setting_is_named(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCORD_KEEP_EVENTS_DAYS", "1")
    assert "CONCORD_KEEP_EVENTS_DAYS" in terminal.run("retention", code=1).err
