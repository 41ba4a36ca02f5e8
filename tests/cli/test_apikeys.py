"""`api-key`: made, listed and revoked in an embedded installation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sync.apikeys import look
from sync.store.session import Database
from tests.cli.conftest import Terminal


def test_a_key_is_made_shown_once_listed_and_revoked(terminal: Terminal) -> None:
    made = terminal.json("api-key", "create", "--organisation", "Acme", "--scope", "write")
    assert set(made) == {"key", "organisation", "id", "scope", "expires_at"}
    assert (made["organisation"], made["scope"], made["expires_at"]) == ("Acme", "write", None)
    assert made["key"].startswith(f"cc_live_{made['id']}_")
    (listed,) = terminal.json("api-key", "list")["keys"]
    assert (listed["id"], listed["scope"], listed["organisations"]) == (made["id"], "write", ["Acme"])
    assert listed["created_by"].startswith("cli")
    secret = made["key"].rpartition(f"{made['id']}_")[2]
    for shown in (terminal.run("api-key", "list").out, f"{listed}"):
        assert secret not in shown
    files = [path for path in terminal.folder.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
    database = Database(f"sqlite:///{next(path for path in files if path.suffix == '.db')}")
    assert look(database, made["key"]) is not None
    assert terminal.json("api-key", "revoke", made["id"]) == {"id": made["id"], "revoked": True}
    assert look(database, made["key"]) is None
    database.close()
    assert "revoked before" in terminal.run("api-key", "revoke", made["id"]).out
    (listed,) = terminal.json("api-key", "list")["keys"]
    assert listed["revoked_at"] is not None


def test_a_key_of_two_organisations_that_expires(terminal: Terminal) -> None:
    given = ("--organisation", "B", "--organisation", "A", "--scope", "admin", "--name", "erp", "--rate", "9")
    made = terminal.json("api-key", "create", *given, "--expires", "90d")
    assert made["organisation"] == "B"
    until = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert abs(until - timedelta(days=90)) < timedelta(minutes=10)
    (listed,) = terminal.json("api-key", "list")["keys"]
    assert (listed["name"], listed["rate"], listed["organisations"]) == ("erp", 9, ["A", "B"])


def test_people_are_told_that_it_is_shown_once_and_scripts_can_take_it(terminal: Terminal) -> None:
    assert "api-key create" in terminal.run("api-key", "list").out
    done = terminal.run("api-key", "create", "--organisation", "A", "--scope", "read")
    assert done.out.startswith("cc_live_")
    assert len(done.out.split()) == 1, "the key alone is on stdout"
    assert "shown this once" in done.err
    assert done.out.strip() not in done.err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--scope", "read"), "--organisation"),
        (("--organisation", "A"), "--scope"),
        (("--organisation", "A", "--scope", "root"), "'admin'"),
        (("--organisation", "A", "--scope", "read", "--expires", "soon"), "90d"),
        (("--organisation", "A", "--scope", "read", "--expires", "0d"), "more than nothing"),
        (("--organisation", "A", "--scope", "read", "--expires", "9999999d"), "at most"),
        (("--organisation", "A", "--scope", "read", "--rate", "0"), "--rate"),
        (("--organisation", " ", "--scope", "read"), "organisation"),
    ],
)
def test_what_cannot_be_is_refused(terminal: Terminal, given: tuple[str, ...], told: str) -> None:
    assert told in terminal.run("api-key", "create", *given, code=2).err
    assert terminal.json("api-key", "list") == {"keys": []}
