"""`db`: the database."""

from __future__ import annotations

import typer

from cli.context import DONE, AsJson
from cli.output import Output
from sync.settings import load
from sync.store import migrate
from sync.store.session import Database

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """The database."""


@app.command("upgrade")
def upgrade(as_json: AsJson = False) -> int:
    """Bring the database to this version's schema."""
    output = Output(as_json=as_json)
    database = Database(load().database())
    try:
        before = migrate.upgrade(database)
    finally:
        database.close()
    if as_json:
        output.json({"before": before.value, "now": "current"})
    else:
        done = before is migrate.SchemaState.CURRENT
        output.say(
            "The database is up to date." if done else f"The database was {before.value}; it is up to date."
        )
    return DONE
