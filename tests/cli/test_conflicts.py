"""The queue at the terminal: look, preview, decide one, decide many; hostile CRM text does no harm."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.ways import WAYS
from sync.core.actions import ConflictKind
from tests.cli.conftest import Terminal
from tests.cli.test_syncing import accounts, connect
from tests.tasks.conftest import Crm

HERE = {"line1": "1 Main St", "city": "Springfield", "state": "IL", "country": "US"}
THERE = {"BillingStreet": "9 Elm St", "BillingCity": "Chicago", "BillingState": "IL", "BillingCountry": "US"}


def queue(terminal: Terminal, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = terminal.json("conflicts", "list", *options)["conflicts"]
    return found


@pytest.fixture
def moved(terminal: Terminal, crm: Crm) -> Terminal:
    """Four customers whose addresses are different places here and there."""
    for number in range(4):
        body = {"external_id": f"k{number}", "customer_name": f"Moved {number}", "address": HERE}
        terminal.run("customers", "add", json.dumps(body))
        fields = {"External_ID__c": f"k{number}", "Name": f"Moved {number}", **THERE}
        crm.control("POST", "create", {"fields": fields})
    connect(terminal, crm)
    assert terminal.json("sync", "crm", "--yes")["held"] == {"address_mismatch": 4}
    return terminal


def test_rows_are_decided_one_by_one_and_together(moved: Terminal, crm: Crm) -> None:
    rows = queue(moved)
    assert {row["kind"] for row in rows} == {"address_mismatch"}
    assert queue(moved, "--kind", "field_conflict") == []
    assert len(queue(moved, "--connection", "crm", "--limit", "3")) == 3
    one = moved.json("conflicts", "show", rows[0]["id"])
    assert one["local"]["address"]["city"] == "Springfield"
    assert one["remote"]["address"]["city"] == "Chicago"
    assert any(reason["why"] for reason in one["reasons"])
    text = moved.run("conflicts", "show", rows[0]["id"]).out
    assert "Springfield" in text
    assert "Chicago" in text

    preview = moved.json("conflicts", "resolve", rows[0]["id"], "--take", "theirs", "--preview")
    assert preview["writes"]["local"]["address"][1]["city"] == "Chicago"
    assert len(queue(moved)) == 4, "a preview decides nothing"
    assert moved.json("conflicts", "resolve", rows[0]["id"], "--take", "theirs")["result"] == "resolved"
    moved.run("conflicts", "resolve", rows[0]["id"], "--take", "ours", code=1)
    moved.json("conflicts", "resolve", rows[1]["id"], "--set", "address.city=Decatur")

    every = ("conflicts", "resolve", "--all", "--kind", "address_mismatch", "--take", "ours")
    assert len(moved.json(*every, "--preview")["preview"]) == 2
    assert len(queue(moved)) == 2
    assert moved.json(*every)["counts"] == {"resolved": 2}
    assert queue(moved) == []
    assert moved.json("sync", "crm")["updated_remote"] == 3
    cities = {key: each["BillingCity"] for key, each in accounts(crm).items()}
    assert sorted(cities.values()) == ["Chicago", "Decatur", "Springfield", "Springfield"]
    assert moved.json("sync", "crm")["writes"] == 0


def test_a_decision_needs_a_way_and_a_row(moved: Terminal) -> None:
    row = queue(moved)[0]["id"]
    for wrong in (
        [row],
        ["--take", "ours"],
        [row, "--all", "--take", "ours"],
        [row, "--take", "mine"],
        [row, "--set", "address.city"],
        ["none", "--take", "ours"],
        ["--all", "--kind", "nonsense", "--take", "ours"],
        [row, "--link", "nobody"],
        ["--all", "--version", "1", "--take", "ours"],
    ):
        moved.run("conflicts", "resolve", *wrong, code=2)
    other = ("--organisation", "other")
    moved.run("conflicts", "show", row, *other, code=2)
    moved.run("conflicts", "resolve", row, "--take", "ours", *other, code=2)
    assert moved.json("conflicts", "list", *other)["open"] == {}
    assert len(queue(moved)) == 4


def test_a_decision_on_values_that_have_moved_is_refused(moved: Terminal) -> None:
    row = queue(moved)[0]
    moved.run("customers", "set", moved.json("customers", "show", row["customer_id"])["id"], "address.city=X")
    told = moved.run("conflicts", "resolve", row["id"], "--take", "theirs", code=1)
    assert told.err
    assert len(queue(moved)) == 4


def test_what_is_decided_is_what_was_shown(moved: Terminal, crm: Crm) -> None:
    row = queue(moved)[0]
    how = ("conflicts", "resolve", row["id"], "--version", str(row["version"]))
    assert f"concord {' '.join(how)} --take" in moved.run("conflicts", "show", row["id"]).out
    seen = moved.run(*how, "--take", "theirs", "--preview").out
    assert f"say --version {row['version']} in place of --preview" in seen
    key = moved.json("customers", "show", row["customer_id"])["external_id"]
    fields = {"BillingStreet": "500 Oak Ave", "BillingCity": "Denver"}
    crm.control("POST", "edit", {"id": accounts(crm)[key]["Id"], "fields": fields})
    moved.run("sync", "crm")
    for more in ((), ("--preview",)):
        told = moved.run(*how, "--take", "theirs", *more, code=1)
        assert "has changed since it was shown" in told.out + told.err
    assert len(queue(moved)) == 4
    fresh = moved.json("conflicts", "show", row["id"])["version"]
    assert fresh > row["version"]
    moved.run(*how[:4], str(fresh), "--take", "theirs")
    assert moved.json("customers", "show", row["customer_id"])["address"]["city"] == "Denver"


def test_crm_text_cannot_play_with_the_terminal(terminal: Terminal, crm: Crm) -> None:
    hostile = "Evil \x1b]0;owned\x07\x1b[31m [red]bold[/red] \u202egnp.exe"
    crm.create("k1", hostile)
    crm.create("k2", "Two")
    connect(terminal, crm)
    terminal.run("sync", "crm", "--yes")
    for number, text in enumerate(("Name A\x1b[2J", "Name B\x9b2J")):
        crm.control("POST", "edit", {"id": accounts(crm)["k2"]["Id"], "fields": {"Name": text}})
        terminal.run("customers", "set", "k2", f"customer_name=Mine {number}")
        terminal.run("sync", "crm", code=None)
    (row,) = queue(terminal)
    commands = (
        ["customers", "list"],
        ["customers", "show", "k1"],
        ["conflicts", "list"],
        ["conflicts", "show", row["id"]],
        ["conflicts", "resolve", row["id"], "--take", "theirs", "--preview"],
        ["runs", "show", terminal.json("runs", "list")["runs"][-1]["run"]],
        ["customers", "show", "\x1b[2J none"],
    )
    seen = ""
    for arguments in commands:
        done = terminal.run(*arguments, code=None)
        seen += done.out
        assert not set("\x1b\x07\x9b\u202e") & set(done.out + done.err), arguments
    assert "\\u001b]0;owned" in seen
    assert "[red]bold[/red]" in seen
    assert "\x1b" not in terminal.run("customers", "list", "--json").out
    assert terminal.json("customers", "show", "k1")["customer_name"] == hostile


def test_a_record_without_a_key_comes_with_suggestions(terminal: Terminal, crm: Crm) -> None:
    mine = [
        {"external_id": "k1", "customer_name": "Acme Holding", "email": "ap@acme.example"},
        {"external_id": "k2", "customer_name": "ACME Ltd"},
        {"external_id": "k3", "customer_name": "Acme Tools", "email": "tools@acme.example"},
        {"external_id": "k4", "customer_name": "Somebody else", "email": "x@else.example"},
    ]
    for body in mine:
        terminal.run("customers", "add", json.dumps(body))
    crm.control("POST", "create", {"fields": {"Name": "Acme Ltd", "Billing_Email__c": "AP@acme.example"}})
    connect(terminal, crm)
    terminal.json("sync", "crm", "--yes")
    (row,) = queue(terminal, "--kind", "missing_external_id")
    assert row["reasons"][0]["why"] == "the record has no external id"
    found = terminal.json("conflicts", "show", row["id"])["suggestions"]
    assert found == []  # all of them have records of their own by now
    assert "--link CUSTOMER" in terminal.run("conflicts", "show", row["id"]).out


def test_a_suggested_name_is_shown_as_it_is(terminal: Terminal, crm: Crm) -> None:
    crm.control("POST", "create", {"fields": {"Name": "Acme", "Billing_Email__c": "ap@acme.example"}})
    connect(terminal, crm)
    terminal.json("sync", "crm", "--yes")
    (row,) = queue(terminal, "--kind", "missing_external_id")
    hostile = "Acme [/b] [uk] \x1b[2J Ltd"
    body = {"external_id": "[red]k1", "customer_name": hostile, "email": "ap@acme.example"}
    terminal.run("customers", "add", json.dumps(body))
    shown = terminal.run("conflicts", "show", row["id"])
    assert "perhaps [red]k1 (Acme [/b] [uk] \\u001b[2J Ltd)" in shown.out


def test_every_kind_says_how_it_is_decided() -> None:
    assert set(WAYS) == set(ConflictKind)
