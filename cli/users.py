"""`user`: the people who use the pages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer

from cli.context import DONE, AsJson, actor
from cli.output import Output
from connectors.records import JSON
from sync import users
from sync.errors import BadInput
from sync.settings import load
from sync.store.query import Row
from sync.store.session import Database
from sync.users import UserRole
from tasks import wiring

app = typer.Typer(no_args_is_help=True)
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="What the person signs in with.")]
Where = Annotated[str, typer.Option("--organisation", help="Where the role holds; made at first use.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Take the password from the first line of stdin.")
]
_TIMES = ("created_at", "signed_in_at", "disabled_at")


class GivenRole(StrEnum):
    """A role, or none."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    ADMIN = "admin"
    NONE = "none"


@app.callback()
def group() -> None:
    """The people who use the pages."""


@app.command("add")
def add(
    email: Email,
    role: Annotated[
        UserRole, typer.Option("--role", help="viewer reads, reviewer decides too, admin may do everything.")
    ],
    organisation: Where = "default",
    password_stdin: FromStdin = False,
    as_json: AsJson = False,
) -> int:
    """Let a person in. The password is asked for twice, and not shown."""
    output = Output(as_json=as_json)
    password = _password(from_stdin=password_stdin)
    with _database() as database:
        row = users.add(database, email, password, role, organisation, actor=actor())
    output.told(_shown(row), f"{row['email']} may sign in, as {role.value} of {organisation}.")
    return DONE


@app.command("list")
def listing(as_json: AsJson = False) -> int:
    """Everybody: their roles, and when they last signed in."""
    output = Output(as_json=as_json)
    with _database() as database:
        found = users.listing(database)
    if as_json:
        output.json({"users": [_shown(row) for row in found]})
    elif not found:
        output.say("Nobody yet. Let somebody in with: concord user add EMAIL --role admin")
    else:
        lines = [
            (
                row["email"],
                ", ".join(f"{name}: {role}" for name, role in row["roles"].items()),
                row["signed_in_at"] and row["signed_in_at"].isoformat(timespec="seconds"),
                "disabled" if row["disabled_at"] else "",
            )
            for row in found
        ]
        output.table("", ("e-mail", "roles", "signed in", ""), lines)
    return DONE


@app.command("role")
def role(
    email: Email,
    wanted: Annotated[GivenRole, typer.Argument(metavar="ROLE", help="viewer, reviewer, admin, or none.")],
    organisation: Where = "default",
    as_json: AsJson = False,
) -> int:
    """Give a person another role in an organisation, or none any more. It holds at once."""
    output = Output(as_json=as_json)
    chosen = None if wanted is GivenRole.NONE else UserRole(wanted.value)
    with _database() as database:
        row = users.set_role(database, email, chosen, organisation, actor=actor())
    output.told(_shown(row), f"{row['email']} is {wanted.value} of {organisation}.")
    return DONE


@app.command("password")
def password(email: Email, password_stdin: FromStdin = False, as_json: AsJson = False) -> int:
    """Give a person another password. It signs them out everywhere, and ends a lock."""
    output = Output(as_json=as_json)
    given = _password(from_stdin=password_stdin)
    with _database() as database:
        users.set_password(database, email, given, actor=actor())
    if as_json:
        output.json({"email": email, "password_set": True})
    else:
        output.say(f"{email} has a new password.")
    return DONE


@app.command("disable")
def disable(email: Email, as_json: AsJson = False) -> int:
    """Let a person in no more, and sign them out everywhere, at once."""
    with _database() as database:
        row = users.set_disabled(database, email, disabled=True, actor=actor())
    Output(as_json=as_json).told(_shown(row), f"{row['email']} is disabled, and signed out everywhere.")
    return DONE


@app.command("enable")
def enable(email: Email, as_json: AsJson = False) -> int:
    """Let a person in again who was disabled or locked out."""
    with _database() as database:
        row = users.set_disabled(database, email, disabled=False, actor=actor())
    Output(as_json=as_json).told(_shown(row), f"{row['email']} may sign in.")
    return DONE


@contextmanager
def _database() -> Iterator[Database]:
    database = wiring.open_database(load())
    try:
        yield database
    finally:
        database.close()


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise BadInput("There is no terminal to ask for the password.", cure="Send it with: --password-stdin")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _shown(row: Row) -> dict[str, JSON]:
    times = {name: None if row[name] is None else row[name].isoformat() for name in _TIMES}
    roles: dict[str, JSON] = dict(row["roles"])
    return {"id": row["id"], "email": row["email"], "roles": roles, "created_by": row["created_by"], **times}
