"""`resync` of a list, a filter or everything; `connections set --scope`; rules that are taken away."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Terminal
from tests.cli.test_syncing import accounts, connect, state
from tests.tasks.conftest import Crm


def fill(terminal: Terminal, crm: Crm, count: int) -> None:
    for number in range(count):
        crm.create(f"k{number}", f"Name {number}")
    connect(terminal, crm)
    terminal.json("sync", "crm", "--yes")


def rename(crm: Crm, name: str) -> None:
    for record in crm.control("GET", "records"):
        crm.control("POST", "edit", {"id": record["Id"], "fields": {"Name": name}})


def test_few_records_are_resynced_at_once_and_a_list_may_come_from_anywhere(
    terminal: Terminal, crm: Crm, tmp_path: Path
) -> None:
    fill(terminal, crm, 3)
    rename(crm, "New")
    ref = accounts(crm)["k0"]["Id"]
    shown = terminal.json("resync", "crm", "--ref", ref, "--preview")
    assert (shown["updated_local"], shown["planned_records"]) == (1, 1)
    changes = [action["changes"] for action in shown["records"][0]["actions"] if "changes" in action]
    assert changes == [{"customer_name": ["Name 0", "New"]}]
    assert "Name 0" in terminal.run("resync", "crm", "--ref", ref, "--preview").out
    assert terminal.json("resync", "crm", "--ref", ref)["updated_local"] == 1

    listed = tmp_path / "ids.txt"
    listed.write_text("k1\n\n  none \r\n")
    told = terminal.run("resync", "crm", "--file", str(listed), code=2).err
    assert "none" in told
    assert "--skip-unknown" in told
    report = terminal.json("resync", "crm", "--file", str(listed), "--skip-unknown")
    assert (report["updated_local"], report["unknown"]) == (1, ["none"])
    assert "none" in terminal.run("resync", "crm", "--file", str(listed), "--skip-unknown").out
    done = terminal.run("resync", "crm", "--file", "-", "--json", stdin="k2\n")
    assert json.loads(done.out)["updated_local"] == 1

    run = terminal.json("runs", "show", report["run"])
    assert run["selection"] == {"ids": ["k1", "none"], "skip_unknown": True}
    assert run["progress"]["done"] >= 1
    text = terminal.run("runs", "show", report["run"]).out
    assert "asked for by cli" in text
    assert "ids: " in text


def test_many_records_are_previewed_and_asked_about(terminal: Terminal, crm: Crm) -> None:
    fill(terminal, crm, 52)
    terminal.json("connections", "set", "crm", "--rule", "customer_name=always_local")
    asked = terminal.json("resync", "crm", "--all", code=3)
    assert (asked["state"], asked["pulled"]) == ("needs_approval", 52)
    assert "--yes" in terminal.run("resync", "crm", "--all", code=3).err
    assert terminal.json("resync", "crm", "--all", "--yes")["state"] == "done"
    few = terminal.json("resync", "crm", "--where", "customer_name=Name 7")
    assert (few["state"], few["pulled"]) == ("done", 1)
    ways = ['[{"field": "customer_name", "in": ["Name 1", "Name 2"]}]', '{"field": "email", "blank": true}']
    both = terminal.json("resync", "crm", "--where", ways[0], "--where", ways[1], "--preview")
    assert both["pulled"] == 2
    assert terminal.json("resync", "crm", "--where", "email=", "--preview")["pulled"] == 52


def test_a_wrong_selection_is_named(terminal: Terminal, crm: Crm, tmp_path: Path) -> None:
    fill(terminal, crm, 1)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "latin").write_bytes(b"caf\xe9\n")
    for wrong, told in (
        ([], "exactly one kind"),
        (["--all", "--ref", "x"], "exactly one kind"),
        (["--where", "nonsense"], "FIELD=VALUE"),
        (["--where", "nonsense=1"], "nonsense is no field"),
        (["--where", "{"], "not JSON"),
        (["--file", str(tmp_path / "none")], "cannot be read"),
        (["--file", str(tmp_path / "empty")], "names no record"),
        (["--file", str(tmp_path / "latin")], "not UTF-8"),
    ):
        assert told in terminal.run("resync", "crm", *wrong, code=2).err, wrong


def test_a_scope_is_set_planned_and_approved(terminal: Terminal, crm: Crm, tmp_path: Path) -> None:
    fill(terminal, crm, 2)
    crm.create("k9", "Outside")
    file = tmp_path / "scope.json"
    file.write_text('[{"field": "customer_name", "starts": "Name"}]')
    assert terminal.json("connections", "set", "crm", "--scope", str(file))["rescoped"] is True
    assert state(terminal) == "needs_approval"
    shown = terminal.json("connections", "show", "crm")["settings"]["scope"]
    assert shown == [{"field": "customer_name", "starts": "Name"}]
    assert "needs_approval" in terminal.run("connections", "show", "crm").out
    assert "scope" in terminal.run("resync", "crm", "--all", "--yes", code=3).err
    plan = terminal.json("sync", "crm", code=3)
    assert (plan["state"], plan["out_of_scope"], plan["created_local"]) == ("needs_approval", 1, 0)
    assert terminal.json("runs", "approve", plan["run"])["state"] == "done"
    assert terminal.json("customers", "list")["total"] == 2

    told = terminal.run("connections", "set", "crm", "--scope", "none")
    assert "concord sync crm" in told.out
    waiting = terminal.run("sync", "crm", code=3)
    assert "scope was changed" in waiting.err
    run = terminal.json("runs", "list")["runs"][0]["run"]
    assert terminal.json("runs", "approve", run)["created_local"] == 1
    for wrong in ('{"field": "customer_name"}', '{"field": "custom_data.no", "eq": 1}', "{", "no/such/file"):
        terminal.run("connections", "set", "crm", "--scope", wrong, code=2)
    assert state(terminal) == "active"


def test_a_rule_is_taken_away(terminal: Terminal, crm: Crm) -> None:
    connect(terminal, crm)
    terminal.json("connections", "set", "crm", "--rule", "email=always_crm", "--rule", "phone_number=ignore")
    terminal.json("connections", "set", "crm", "--rule", "email=default")
    assert list(terminal.json("connections", "show", "crm")["settings"]["rules"]) == ["phone_number"]
    assert "email" in terminal.run("connections", "set", "crm", "--rule", "email=default", code=2).err
