"""`undo`: previewed, asked about, carried out, and shown record by record."""

from __future__ import annotations

from typing import Any

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
