"""`imports`: files that were imported, and a person's word on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.context import DONE, AsJson, Limit, Organisation, actor, at_work
from cli.files import write_csv
from cli.importing import Result, carry_on, do, told
from cli.output import Output, short
from cli.undo import undo
from sync.approve import cancel as cancel_run
from sync.imports import importing, showing
from sync.store import imports

app = typer.Typer(no_args_is_help=True)
app.command("undo")(undo)
Name = Annotated[str, typer.Argument(metavar="IMPORT", help="The import, or the beginning of its id.")]


@app.command("list")
def listing(limit: Limit = 20, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """The latest imports, newest first."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        with context.services.database.reading() as tx:
            found = imports.listing(tx, context.organisation_id, limit=limit)
        bodies = [importing.as_json(run, row) for run, row in found]
        if as_json:
            output.json({"imports": [*bodies]})
            return DONE
        names = ("state", "file_name", "actor", "counts")
        rows = [
            (run["id"][:12], f"{run['started_at']:%Y-%m-%d %H:%M:%S}", *(short(body[each]) for each in names))
            for (run, _), body in zip(found, bodies, strict=True)
        ]
        output.table("", ("import", "started", "state", "file", "by", "rows"), rows)
    return DONE


@app.command("show")
def show(
    name: Name, result: Result = None, organisation: Organisation = "default", as_json: AsJson = False
) -> int:
    """One import: how its file was read, and what becomes of its rows."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        told(context, name, result)
    return DONE


@app.command("approve")
def approve(
    name: Name, result: Result = None, organisation: Organisation = "default", as_json: AsJson = False
) -> int:
    """Carry out exactly the plan of an import that waits."""
    output = Output(as_json=as_json)
    with at_work(organisation, output, wakes=True) as context:
        do(context, name)
        return told(context, name, result)


@app.command("cancel")
def cancel(name: Name, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Cancel an import that waits or is at work; what it has done stays done."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        with context.services.database.reading() as tx:
            run, _ = imports.find(tx, context.organisation_id, name)
        before = cancel_run(context.services.database, context.organisation_id, run["id"], actor=actor())
    if as_json:
        output.json({"import": run["id"], "before": before, "state": "cancelled"})
    else:
        output.say(f"Cancelled; it was {before}.")
    return DONE


@app.command("resume")
def resume(
    name: Name, result: Result = None, organisation: Organisation = "default", as_json: AsJson = False
) -> int:
    """Let an import go on that failed, was cancelled or was cut off."""
    output = Output(as_json=as_json)
    with at_work(organisation, output, wakes=True) as context:
        services = context.services
        with services.database.transaction() as tx:
            run, _ = imports.find(tx, context.organisation_id, name)
            dead = services.dead([run["owner"]]) if run["owner"] else ()
            after = services.lease_seconds
            run = importing.resume(
                tx, context.organisation_id, run["id"], actor=actor(), dead=dead, after=after
            )
        if run["state"] == "queued":
            carry_on(context, run["id"])
        return told(context, run["id"], result)


@app.command("result")
def result(
    name: Name,
    into: Annotated[Path | None, typer.Option("--into", metavar="FILE", help="Instead of stdout.")] = None,
    organisation: Organisation = "default",
) -> int:
    """The rows that were not taken as CSV, each with the reason; corrected, it can be imported as it is."""
    output = Output(as_json=False)
    with at_work(organisation, output) as context:
        with context.services.database.reading() as tx:
            run, _ = imports.find(tx, context.organisation_id, name)
        write_csv(showing.result(context.services.database, run["id"]), into, lambda _event: None)
    return DONE
