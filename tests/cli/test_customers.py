"""A day with `customers`, `db` and `doctor`; two organisations that do not see one another."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Terminal

JANE = {
    "external_id": "C-1",
    "customer_name": "Jane Roe Ltd",
    "email": "jane@example.com",
    "address": {"line1": "1 Main St", "city": "Springfield", "state": "IL", "country": "US"},
    "custom_data": {"tier": "gold"},
}


def names(terminal: Terminal, *options: str) -> list[str]:
    found = terminal.json("customers", "list", *options)["customers"]
    return [each["external_id"] for each in found]


def test_the_life_of_a_customer(terminal: Terminal) -> None:
    made = terminal.json("customers", "add", json.dumps(JANE))["id"]
    shown = terminal.json("customers", "show", "C-1")
    assert {key: shown[key] for key in ("external_id", "customer_name", "email", "version")} == {
        "external_id": "C-1",
        "customer_name": "Jane Roe Ltd",
        "email": "jane@example.com",
        "version": 1,
    }
    assert shown["address"]["city"] == "Springfield"
    assert shown["links"] == shown["open"] == []
    assert terminal.json("customers", "show", made[:20])["id"] == made

    assignments = ["phone_number=+1 217 555 0100", "address.city=Chicago", "custom_data.tier=", "email="]
    changed = terminal.json("customers", "set", "C-1", *assignments)["changed"]
    assert changed["email"] == ["jane@example.com", None]
    assert changed["address"][1]["city"] == "Chicago"
    assert changed["address"][1]["line1"] == "1 Main St"
    assert terminal.json("customers", "set", "C-1", *assignments)["changed"] == {}
    again = terminal.json("customers", "show", "C-1")
    assert (again["version"], again["email"], again["custom_data"].get("tier")) == (2, None, None)

    assert "1 of 1" in terminal.run("customers", "list").out
    assert "Chicago" in terminal.run("customers", "show", "C-1").out
    assert again["address"]["validation_status"] == "invalid"
    assert [each["field"] for each in again["address"]["validation_reasons"]] == ["zipCode"]
    assert "invalid: zipCode is missing" in " ".join(terminal.run("customers", "show", "C-1").out.split())
    assert terminal.json("customers", "delete", "C-1")["state"] == "deleted"
    assert names(terminal) == []
    assert terminal.run("customers", "show", "C-1", code=2).out == ""
    assert terminal.json("customers", "add", "-", code=2)["exit_code"] == 2


def test_what_cannot_be_taken_is_named(terminal: Terminal) -> None:
    terminal.run("customers", "add", "-", stdin=json.dumps(JANE))
    same = terminal.json("customers", "add", json.dumps({**JANE, "external_id": "C-2"}), code=2)
    assert list(same["fields"]) == ["email"]
    wrong = terminal.json("customers", "add", '{"email": "nobody", "colour": "red"}', code=2)
    assert set(wrong["fields"]) == {"customer_name", "colour"}
    mail = terminal.json("customers", "add", '{"customer_name": "N", "email": "nobody"}', code=2)
    assert list(mail["fields"]) == ["email"]
    assert "nobody" not in json.dumps(mail), "values are personal data"
    assert "not JSON" in terminal.run("customers", "add", "{", code=2).err
    assert "C-9" in terminal.run("customers", "set", "C-9", "email=", code=2).err
    terminal.run("customers", "set", "C-1", "email", code=2)
    terminal.run("customers", code=2)
    assert names(terminal) == ["C-1"]


def test_a_file_is_loaded_once_however_often(terminal: Terminal, tmp_path: Path) -> None:
    lines = [{"external_id": f"L-{number}", "customer_name": f"Line {number}"} for number in range(5)]
    file = tmp_path / "customers.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    assert terminal.json("customers", "load", str(file)) == {
        "created": 5,
        "updated": 0,
        "unchanged": 0,
        "rejected": [],
    }
    lines[0]["customer_name"] = "Changed"
    text = "\n".join(map(json.dumps, lines)) + "\nbroken"
    done = terminal.run("customers", "load", "-", "--json", stdin=text, code=4)
    assert (done.json["created"], done.json["updated"], done.json["unchanged"]) == (0, 1, 4)
    assert done.json["rejected"][0]["line"] == 6
    assert names(terminal, "--search", "chang") == ["L-0"]
    page = terminal.json("customers", "list", "--limit", "2")
    assert (page["total"], len(page["customers"])) == (5, 2)
    rest = names(terminal, "--limit", "9", "--after", page["next"])
    assert sorted([*(each["external_id"] for each in page["customers"]), *rest]) == [
        f"L-{n}" for n in range(5)
    ]


def test_two_organisations_do_not_see_one_another(terminal: Terminal) -> None:
    """Invariant I9: the same keys and addresses on both sides are no clash."""
    terminal.run("customers", "add", json.dumps(JANE))
    other = ("--organisation", "other")
    assert names(terminal, *other) == []
    terminal.run("customers", "add", json.dumps({**JANE, "customer_name": "Another Jane"}), *other)
    terminal.run("customers", "set", "C-1", "phone_number=+1 217 555 0199", *other)
    mine = terminal.json("customers", "show", "C-1")
    assert (mine["customer_name"], mine["phone_number"]) == ("Jane Roe Ltd", None)
    terminal.run("customers", "show", mine["id"], *other, code=2)
    terminal.run("customers", "delete", mine["id"], *other, code=2)
    terminal.run("customers", "delete", "C-1", *other)
    assert names(terminal) == ["C-1"]


def test_a_fresh_installation_is_well(terminal: Terminal) -> None:
    assert terminal.json("db", "upgrade") == {"before": "empty", "now": "current"}
    assert terminal.json("db", "upgrade")["before"] == "current"
    body = terminal.json("doctor")
    assert body["healthy"]
    assert {each["what"] for each in body["findings"]} >= {"mode", "secret key", "database", "connections"}
    assert "embedded" in terminal.run("doctor").out
    for group in (["conflicts"], ["connections"], ["runs"], ["db"], []):
        assert "Usage" in terminal.run(*group, code=None).out + terminal.run(*group, code=None).err
