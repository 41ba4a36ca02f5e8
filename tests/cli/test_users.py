"""`user`: people are let in, given roles, and let in no more, in an embedded installation."""

from __future__ import annotations

import pytest

from sync.signin import SignInRefused, look, sign_in
from sync.store.session import Database
from tests.cli.conftest import Terminal

EMAIL, PASSWORD = "jane@acme.example", "correct horse battery"


def add(terminal: Terminal, *options: str, code: int = 0) -> str:
    given = ("user", "add", EMAIL, "--role", "viewer", "--password-stdin", *options)
    done = terminal.run(*given, stdin=f"{PASSWORD}\nmore\n", code=code)
    return done.out + done.err


def test_a_person_is_let_in_and_let_in_no_more(terminal: Terminal) -> None:
    assert "user add" in terminal.run("user", "list").out
    assert PASSWORD not in add(terminal)
    (row,) = terminal.json("user", "list")["users"]
    assert (row["email"], row["roles"], row["disabled_at"]) == (EMAIL, {"default": "viewer"}, None)
    assert set(row) == {"id", "email", "roles", "created_by", "created_at", "signed_in_at", "disabled_at"}
    (path,) = terminal.folder.rglob("*.db")
    database = Database(f"sqlite:///{path}")
    token = sign_in(database, EMAIL, PASSWORD)
    given = terminal.json("user", "role", EMAIL, "admin", "--organisation", "Acme")
    assert given["roles"] == {"Acme": "admin", "default": "viewer"}
    assert terminal.json("user", "role", EMAIL, "none")["roles"] == {"Acme": "admin"}
    assert EMAIL in terminal.run("user", "list").out
    assert terminal.json("user", "disable", EMAIL)["disabled_at"] is not None
    assert look(database, token) is None
    with pytest.raises(SignInRefused):
        sign_in(database, EMAIL, PASSWORD)
    assert terminal.json("user", "enable", EMAIL)["disabled_at"] is None
    new = "another good password"
    terminal.run("user", "password", EMAIL, "--password-stdin", stdin=f"{new}\n")
    assert look(database, sign_in(database, EMAIL, new)) is not None
    database.close()


def test_what_cannot_be_is_refused(terminal: Terminal) -> None:
    add(terminal)
    assert "concord user role" in add(terminal, code=2)
    assert "--password-stdin" in terminal.run("user", "add", "b@acme.example", "--role", "admin", code=2).err
    short = ("user", "password", EMAIL, "--password-stdin")
    assert "12" in terminal.run(*short, stdin="short\n", code=2).err
    assert "concord user list" in terminal.run("user", "disable", "x@acme.example", code=2).err
    assert "'viewer'" in terminal.run("user", "add", "b@acme.example", "--role", "root", code=2).err
