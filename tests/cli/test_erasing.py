"""`concord customers erase` shows what would go, and does it once it is told so."""

from __future__ import annotations

from typing import Any

from tests.cli.conftest import Terminal


def test_it_asks_first_and_says_what_went(terminal: Terminal) -> None:
    body = '{"customer_name": "Zqcanary", "external_id": "A-1", "email": "a@zqcanary.example"}'
    made: Any = terminal.run("customers", "add", body, "--json").json
    asked: Any = terminal.run("customers", "erase", "A-1", "--json", code=3).json
    assert asked["state"] == "needs_approval"
    assert asked["removed"] == {"audit": 1, "customers": 1}
    planned: Any = terminal.run("customers", "erase", "A-1", "--preview", "--json").json
    assert planned == {**asked, "state": "planned"}
    assert "say the same with --yes" in terminal.run("customers", "erase", "A-1", code=3).err
    done: Any = terminal.run("customers", "erase", made["id"][:12], "--yes", "--json").json
    assert done == {**asked, "state": "erased"}
    assert "Zqcanary" not in terminal.run("customers", "show", made["id"]).out
    assert "no customer" in terminal.run("customers", "erase", "A-1", "--yes", code=2).err
