"""`undo`: previewed, asked about, carried out, and shown record by record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from cli import sandboxes
from connectors.sandbox.server import SandboxServer
from tests.cli.conftest import Terminal
from tests.cli.test_resync import fill, rename
from tests.cli.test_syncing import accounts
from tests.tasks.conftest import Crm


def names(terminal: Terminal) -> set[Any]:
    return {
        each["customer_name"] for each in terminal.json("customers", "list", "--limit", "100")["customers"]
    }


def test_a_run_is_previewed_undone_and_taken_back_in_turn(terminal: Terminal, crm: Crm) -> None:
    fill(terminal, crm, 3)
    rename(crm, "New")
    run = terminal.json("sync", "crm")["run"]
    terminal.json("customers", "set", "k1", "customer_name=Mine")
    for _ in range(2):
        (shown,) = terminal.json("undo", run, "--preview")["runs"]
        assert (shown["state"], shown["updated_local"], shown["undone"]) == ("done", 2, {"left": 1})
    text = terminal.run("undo", run, "--preview").out
    assert "Name 0" in text
    assert "it was changed here since" in text
    assert names(terminal) == {"New", "Mine"}

    terminal.run("undo", run, "--record", "none", code=2)
    (done,) = terminal.json("undo", run, "--record", accounts(crm)["k0"]["Id"])["runs"]
    assert done["records"][0]["actions"] == [
        {"action": "restore_local", "changes": {"customer_name": ["New", "Name 0"]}}
    ]
    assert names(terminal) == {"New", "Mine", "Name 0"}
    text = terminal.run("undo", run).out
    assert "To take it back in turn: concord undo" in text
    assert names(terminal) == {"Mine", "Name 0", "Name 2"}
    listed = terminal.json("runs", "list")["runs"][0]
    assert (listed["trigger"], listed["state"]) == ("undo", "done")
    assert "leave" in terminal.run("runs", "show", listed["run"]).out
    terminal.json("undo", listed["run"])
    assert names(terminal) == {"New", "Mine", "Name 0"}


def test_many_records_are_asked_about(terminal: Terminal, crm: Crm) -> None:
    fill(terminal, crm, 51)
    run = terminal.json("runs", "list")["runs"][0]["run"]
    asked = terminal.run("undo", run, "--json", code=3)
    assert "--yes" in asked.err
    assert len(names(terminal)) == 51
    (done,) = terminal.json("undo", run, "--yes")["runs"]
    assert done["undone"] == {"delete": 51}
    assert names(terminal) == set()
    terminal.run("undo", "nonsense", code=2)


def test_a_decision_names_the_run_that_takes_it_back(terminal: Terminal, crm: Crm) -> None:
    fill(terminal, crm, 1)
    terminal.json("customers", "set", "k0", "customer_name=Ours")
    rename(crm, "Theirs")
    terminal.json("sync", "crm")
    decided = terminal.json("conflicts", "resolve", "--all", "--take", "theirs")
    assert names(terminal) == {"Theirs"}
    terminal.json("undo", decided["run"])
    assert names(terminal) == {"Ours"}
    assert terminal.json("conflicts", "list")["open"] == {"field_conflict": 1}


def test_a_question_about_nobodys_record_is_asked_again(terminal: Terminal, crm: Crm) -> None:
    fill(terminal, crm, 1)
    terminal.json("customers", "set", "k0", "customer_name=Ours")
    rename(crm, "Theirs")
    terminal.json("sync", "crm")
    decided = terminal.json("conflicts", "resolve", "--all", "--dismiss")
    assert "asked again in the queue" in terminal.run("undo", decided["run"]).out
    assert terminal.json("conflicts", "list")["open"] == {"field_conflict": 1}


@dataclass(frozen=True)
class Words:
    """What a CRM calls things."""

    ref: str
    key: str
    name: str
    phone: str


WORDS = {
    "salesforce": Words("Id", "External_ID__c", "Name", "Phone"),
    "hubspot": Words("id", "company_id", "name", "phone"),
}


@pytest.mark.parametrize("product", ["salesforce", "hubspot"])
def test_both_sides_go_back_in_each_crm(terminal: Terminal, product: str) -> None:
    words = WORDS[product]
    sandbox = sandboxes.build(product, seed=1, empty=True)
    with SandboxServer(sandbox.app) as server:
        crm = Crm(server.url, sandbox.credentials)

        def records() -> dict[str, Any]:
            found = [{**each, **each.get("properties", {})} for each in crm.control("GET", "records")]
            return {each[words.key]: each for each in found if each.get(words.key)}

        for number in range(4):
            body = {words.key: f"k{number}", words.name: f"Name {number}", words.phone: "+1 217 555 0100"}
            crm.control("POST", "create", {"fields": body})
        keys = [
            text for key, value in crm.credentials.items() for text in (f"--{key.replace('_', '-')}", value)
        ]
        terminal.json("connect", product, "--name", "crm", "--url", crm.url, *keys)
        terminal.json("sync", "crm", "--yes")
        before = records()
        for number in range(2):
            edit = {"id": before[f"k{number}"][words.ref], "fields": {words.name: "Theirs"}}
            crm.control("POST", "edit", edit)
        for number in (2, 3):
            terminal.json("customers", "set", f"k{number}", "customer_name=Ours", "phone_number=")
        run = terminal.json("sync", "crm")
        assert (run["updated_local"], run["updated_remote"]) == (2, 2)
        edit = {"id": before["k3"][words.ref], "fields": {words.name: "Edited since"}}
        crm.control("POST", "edit", edit)

        (done,) = terminal.json("undo", run["run"])["runs"]
        assert (done["updated_local"], done["updated_remote"]) == (2, 1)
        assert done["undone"] == {"left": 1}
        found = records()
        assert [found[f"k{n}"][words.name] for n in range(4)] == [
            "Theirs",
            "Theirs",
            "Name 2",
            "Edited since",
        ]
        assert names(terminal) == {"Name 0", "Name 1", "Ours"}
        after = terminal.json("sync", "crm", "--full")
        assert (after["updated_local"], after["updated_remote"]) == (1, 0), "the edit since is heard"
        assert names(terminal) == {"Name 0", "Name 1", "Ours", "Edited since"}
        assert terminal.json("sync", "crm", "--full")["writes"] == 0
    sandbox.close()
