"""`concord restored` tells what waits for an approval."""

from __future__ import annotations

from typing import Any

from tests.cli.conftest import Terminal
from tests.cli.test_keys import options
from tests.tasks.conftest import Crm


def test_every_connection_waits_for_a_plan(terminal: Terminal, crm: Crm) -> None:
    assert terminal.run("restored", "--json").json == {"connections": []}
    terminal.run("connect", "salesforce", "--name", "sf", "--url", crm.url, *options(dict(crm.credentials)))
    crm.create("A-1")
    terminal.run("sync", "sf", "--yes")
    body: Any = terminal.run("restored", "--json").json
    (found,) = body["connections"]
    assert (found["name"], found["state"]) == ("sf", "needs_approval")
    plan: Any = terminal.run("sync", "sf", "--yes", "--json", code=3).json
    assert plan["state"] == "needs_approval", plan
    terminal.run("runs", "approve", plan["run"])
    again: Any = terminal.run("sync", "sf", "--json").json
    assert (again["state"], again["writes"]) == ("done", 0)
