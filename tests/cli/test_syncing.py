"""From connecting a CRM to its removal: plan, approval, sync, resync, pause; exit codes 0, 1, 2, 3."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.conftest import Terminal
from tests.tasks.conftest import Crm

COUNTS = [
    "run",
    "connection",
    "state",
    "pulled",
    "matched",
    "created_local",
    "created_remote",
    "updated_local",
    "updated_remote",
    "held",
    "open",
    "unchanged",
    "quarantined",
    "writes",
    "calls",
]


def connect(terminal: Terminal, crm: Crm, *options: str, name: str = "crm") -> dict[str, Any]:
    keys = [text for key, value in crm.credentials.items() for text in (f"--{key.replace('_', '-')}", value)]
    where = ("connect", "salesforce", "--name", name, "--url", crm.url)
    return terminal.json(*where, *keys, *options)


def accounts(crm: Crm) -> dict[str, dict[str, Any]]:
    found = crm.control("GET", "records")
    return {each["External_ID__c"]: each for each in found if each.get("External_ID__c")}


def state(terminal: Terminal) -> str:
    return str(terminal.json("connections", "show", "crm")["state"])


def test_a_first_sync_is_planned_approved_and_done(terminal: Terminal, crm: Crm) -> None:
    crm.create("k1", "One")
    terminal.run("customers", "add", '{"external_id": "k2", "customer_name": "Two"}')
    assert connect(terminal, crm)["problems"] == []
    assert "Connected" not in terminal.json("connections", "list")["connections"][0]["state"]

    plan = terminal.json("plan", "crm")
    assert (plan["created_local"], plan["created_remote"], plan["planned_records"]) == (1, 1, 2)
    actions = {action["action"] for record in plan["records"] for action in record["actions"]}
    assert {"create_local", "create_remote"} <= actions
    asked = terminal.json("sync", "crm", code=3)
    assert asked["state"] == "needs_approval"
    assert state(terminal) == "needs_approval"
    assert set(accounts(crm)) == {"k1"}
    assert terminal.json("customers", "list")["total"] == 1

    assert terminal.json("runs", "cancel", asked["run"]) == {
        "run": asked["run"],
        "before": "needs_approval",
        "state": "cancelled",
    }
    assert "cancelled" in terminal.run("runs", "approve", asked["run"], code=1).err
    told = terminal.run("sync", "crm", code=3)
    assert "concord runs approve" in told.err
    run = told.err.split("concord runs approve ")[1].split()[0]
    shown = terminal.json("runs", "show", run, code=2) if len(run) < 12 else terminal.json("runs", "list")
    waiting = shown["runs"][0]
    assert waiting["run"].startswith(run)
    assert terminal.json("runs", "show", waiting["run"])["planned_records"] == 2
    report = terminal.json("runs", "approve", waiting["run"])
    assert [key for key in COUNTS if key not in report] == []
    assert (report["state"], report["created_local"], report["created_remote"]) == ("done", 1, 1)
    assert set(accounts(crm)) == {"k1", "k2"}
    assert state(terminal) == "active"

    changes = terminal.json("runs", "show", report["run"])["changes"]
    assert {(each["side"], each["action"]) for each in changes} >= {
        ("local", "create_customer"),
        ("crm", "create_crm"),
    }
    nothing = terminal.json("sync", "crm", "--full")
    assert (nothing["writes"], nothing["state"]) == (0, "done")
    kinds = [(each["kind"], each["state"]) for each in terminal.json("runs", "list")["runs"]]
    assert kinds[0] == ("sync", "done")
    assert ("plan", "done") in kinds
    assert "needs" in terminal.run("runs", "list").out or "cancelled" in terminal.run("runs", "list").out
    assert terminal.run("runs", "show", "none", code=2).out == ""
    assert "approve" not in terminal.run("runs", "show", report["run"]).err


def test_a_connection_is_paused_changed_resynced_and_removed(terminal: Terminal, crm: Crm) -> None:
    crm.create("k1", "One")
    connect(terminal, crm, "--every", "30")
    assert terminal.json("sync", "crm", "--yes")["created_local"] == 1
    shown = terminal.run("connections", "show", "crm", "--json")
    assert shown.json["schedule"]["pull"]["every"] == 30
    for secret in crm.credentials.values():
        assert secret not in shown.out
        assert secret not in terminal.run("connections", "show", "crm").out

    terminal.run("connections", "pause", "crm")
    assert "paused" in terminal.run("sync", "crm", code=1).err
    assert terminal.json("connections", "resume", "crm")["state"] == "active"
    assert "not paused" in terminal.run("connections", "resume", "crm", code=1).err

    rule = ["--rule", "customer_name=always_crm", "--every", "7"]
    changed = terminal.json("connections", "set", "crm", *rule, "--address-policy", "three_way")
    assert (changed["map_version"], changed["resync_needed"]) == (2, True)
    assert terminal.json("connections", "show", "crm")["schedule"]["pull"]["every"] == 7
    for wrong in (["--rule", "x"], ["--rule", "customer_name=no_such"], ["--address-policy", "lax"], []):
        terminal.run("connections", "set", "crm", *wrong, code=2)

    terminal.run("customers", "set", "k1", "customer_name=Mine")
    preview = terminal.json("resync", "crm", "--external-id", "k1", "--preview")
    assert preview["updated_local"] == 1
    assert terminal.json("customers", "show", "k1")["customer_name"] == "Mine"
    assert terminal.json("resync", "crm", "--external-id", "k1")["updated_local"] == 1
    assert terminal.json("customers", "show", "k1")["customer_name"] == "One"

    assert "--yes" in terminal.run("connections", "remove", "crm", code=2).err
    assert terminal.json("connections", "remove", "crm", "--yes")["state"] == "removed"
    terminal.run("sync", "crm", code=2)
    assert terminal.json("customers", "list")["total"] == 1
    assert "No connection yet" in terminal.run("connections", "list").out


def test_organisations_keep_their_connections_apart(terminal: Terminal, crm: Crm) -> None:
    """Invariant I9."""
    crm.create("k1", "One")
    other = ("--organisation", "other")
    connect(terminal, crm)
    connect(terminal, crm, *other)
    run = terminal.json("sync", "crm", "--yes")["run"]
    assert terminal.json("customers", "list", *other)["total"] == 0
    assert terminal.json("runs", "list", *other)["runs"] == []
    terminal.run("runs", "show", run, *other, code=2)
    terminal.run("runs", "cancel", run, *other, code=2)
    terminal.run("connections", "remove", "crm", "--yes", *other)
    assert state(terminal) == "active"
    terminal.run("sync", "crm", *other, code=2)


def test_with_json_stdout_is_json_alone(terminal: Terminal, crm: Crm) -> None:
    crm.create("k1", "One")
    connect(terminal, crm)
    commands = [
        (["plan", "crm"], 0),
        (["sync", "crm"], 3),
        (["sync", "crm", "--yes"], 0),
        (["sync", "none"], 2),
        (["connections", "list"], 0),
        (["conflicts", "list"], 0),
        (["customers", "show", "k1"], 0),
        (["runs", "list"], 0),
        (["doctor"], 0),
        (["conflicts", "show", "none"], 2),
        (["conflicts", "resolve"], 2),
        (["customers", "set", "k1", "nonsense=1"], 2),
        (["sync", "--nonsense"], 2),
    ]
    for arguments, code in commands:
        done = terminal.run(*arguments, "--json", code=code)
        body = json.loads(done.out)
        assert isinstance(body, dict), arguments
        assert ("error" in body) == (code in (1, 2)), arguments
