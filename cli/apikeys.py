"""`api-key`: the keys with which programs call the API."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer

from cli.context import DONE, AsJson, actor
from cli.output import Output
from connectors.records import JSON
from sync import apikeys
from sync.apikeys import HIGHEST_RATE, LONGEST_NAME, Scope
from sync.errors import BadInput
from sync.settings import load
from sync.store.query import Row
from tasks import wiring

app = typer.Typer(no_args_is_help=True)
Organisations = Annotated[
    list[str], typer.Option("--organisation", help="Where it may be used; made at first use. Repeatable.")
]
Name = Annotated[
    str | None, typer.Option("--name", help=f"How the audit names it, up to {LONGEST_NAME} characters.")
]
Expires = Annotated[
    str | None,
    typer.Option("--expires", help="For how long it is good: 90d, 12h, 30m. Default: until revoked."),
]
Rate = Annotated[
    int | None, typer.Option("--rate", min=1, max=HIGHEST_RATE, help="Calls a second; the site's by default.")
]
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_TIMES = ("created_at", "expires_at", "last_used_at", "revoked_at")


@app.callback()
def group() -> None:
    """The keys with which programs call the API."""


@app.command("create")
def create(
    organisation: Organisations,
    scope: Annotated[
        Scope, typer.Option("--scope", help="How much it allows; each includes those before it.")
    ],
    name: Name = None,
    expires: Expires = None,
    rate: Rate = None,
    as_json: AsJson = False,
) -> int:
    """Make a key. It is shown this once: nothing is kept from which it could be had again."""
    output = Output(as_json=as_json)
    lifetime = None if expires is None else _lifetime(expires)
    database = wiring.open_database(load())
    try:
        made = apikeys.make(
            database, organisation, scope, actor=actor(), name=name, expires=lifetime, rate=rate
        )
    finally:
        database.close()
    until = made.expires_at.isoformat() if made.expires_at else None
    if as_json:
        body: dict[str, JSON] = {"key": made.key, "organisation": made.organisations[0]}
        output.json({**body, "id": made.id, "scope": made.scope.value, "expires_at": until})
    else:
        output.say(made.key)
        output.note(
            f"It is shown this once; keep it safe. Scope {made.scope.value}, "
            f"good {f'until {until}' if until else 'until it is revoked'}. "
            f"To revoke it: concord api-key revoke {made.id}"
        )
    return DONE


@app.command("list")
def listing(as_json: AsJson = False) -> int:
    """The keys: what they allow, where, until when, and when they were last used."""
    output = Output(as_json=as_json)
    database = wiring.open_database(load())
    try:
        found = apikeys.listing(database)
    finally:
        database.close()
    if as_json:
        output.json(
            {"keys": [{**_shown(row), "organisations": [*row["organisations"].values()]} for row in found]}
        )
    elif not found:
        output.say("No key yet. Make one with: concord api-key create --organisation NAME --scope read")
    else:
        cells = [{**_shown(row), "organisations": ", ".join(row["organisations"].values())} for row in found]
        output.table("", tuple(cells[0]), [tuple(row.values()) for row in cells])
    return DONE


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")],
    as_json: AsJson = False,
) -> int:
    """Put a key out of force, at once and for good."""
    output = Output(as_json=as_json)
    database = wiring.open_database(load())
    try:
        revoked = apikeys.revoke(database, key_id, actor=actor())
    finally:
        database.close()
    if as_json:
        output.json({"id": key_id, "revoked": revoked})
    else:
        output.say(f"{key_id} is revoked." if revoked else f"{key_id} was revoked before.")
    return DONE


def _lifetime(text: str) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,7})([dhm])", text.strip())
    if found is None:
        raise BadInput(
            f"--expires {text} is no time.", cure="Write a number of days, hours or minutes: 90d, 12h, 30m."
        )
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _shown(row: Row) -> dict[str, JSON]:
    times = {name: None if row[name] is None else row[name].isoformat() for name in _TIMES}
    return {name: row[name] for name in ("id", "name", "scope", "rate", "created_by")} | times
