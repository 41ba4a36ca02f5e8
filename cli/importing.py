"""`import`: a CSV file becomes a plan; approved, its rows become edits of customers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cli.context import DONE, NEEDS_APPROVAL, QUARANTINED, AsJson, Context, Organisation, actor, at_work
from cli.files import opened, write_csv
from cli.output import Output, plain, short
from connectors.records import JSON
from sync.approve import approve
from sync.cycle import run
from sync.errors import BadInput
from sync.imports import importing, showing
from sync.imports.importing import Reading
from sync.imports.ruling import Action
from sync.steps import Order
from sync.store import connections, imports

PIECE = 1 << 18
SHOWN = 20
Result = Annotated[
    Path | None,
    typer.Option("--result", metavar="FILE", help="Write the rows that are not taken, each with why."),
]


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header; - reads stdin.")],
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="COLUMN=FIELD", help="A column is this field; #3 by number, - for none."
        ),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Such as cp1252; UTF-8 is known.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option("--delimiter", help="comma, semicolon, tab or pipe, if it is not known.")
    ] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Whether the first row holds names.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan, and keep nothing of it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Carry the plan out without asking.")] = False,
    result: Result = None,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Add and change customers by a CSV file: first a plan; nothing is written before it is approved."""
    output = Output(as_json=as_json)
    reading = Reading(encoding=encoding, delimiter=delimiter, header=header, columns=_columns(mapped or ()))
    with at_work(organisation, output, wakes=not dry_run) as context:
        with opened(file) as source, output.progress("reading"):
            run_id = importing.take_in(
                context.services.database,
                context.organisation_id,
                _pieces(source),
                reading,
                file_name=file.name,
                actor=actor(),
                after=context.services.lease_seconds,
            )
        carry_on(context, run_id)
        if dry_run:
            told(context, run_id, result, kept=False)
            with context.services.database.transaction() as tx:
                imports.drop(tx, run_id)
            output.note("Nothing of it was kept.")
            return DONE
        if not yes and not _agreed(context, run_id):
            return told(context, run_id, result)
        do(context, run_id)
        return told(context, run_id, result)


def _columns(mapped: list[str] | tuple[str, ...]) -> dict[str, str]:
    found = {}
    for each in mapped:
        column, sign, field = each.rpartition("=")
        if not sign or not column.strip():
            raise BadInput(
                f"{each!r} is not of the form COLUMN=FIELD.", fields={"map": "must be COLUMN=FIELD"}
            )
        found[column.strip()] = field.strip()
    return found


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    while piece := source.read(PIECE):
        yield piece


def _agreed(context: Context, run_id: str) -> bool:
    """Show the plan, and ask a person; a script says `--yes`."""
    if context.output.as_json or not sys.stdin.isatty():
        return False
    told(context, run_id, None)
    return typer.confirm("Do it?")


def carry_on(context: Context, run_id: str) -> None:
    """Take an import as far as it goes by itself, in this process."""
    database = context.services.database
    with database.transaction() as tx:
        run_row, _ = imports.find(tx, context.organisation_id, run_id)
        connection = connections.load(tx, run_row["connection_id"])
    order = Order(kind=imports.KIND, trigger="manual", actor=run_row["actor"], run_id=run_row["id"])
    with context.output.progress("importing") as progress:
        run(context.services, connection, order, progress)
    with database.transaction() as tx:
        importing.withdraw(tx, run_row)


def do(context: Context, run_id: str) -> None:
    """Approve the plan of an import, and carry it out."""
    with context.output.progress("importing") as progress:
        approve(context.services, context.organisation_id, run_id, actor=actor(), progress=progress)
    with context.services.database.transaction() as tx:
        importing.withdraw(tx, imports.find(tx, context.organisation_id, run_id)[0])


def told(context: Context, run_id: str, result: Path | None, *, kept: bool = True) -> int:
    """Show an import and what becomes of its rows; returns the exit code that it means.

    With `kept` false nothing is said of an approval.
    """
    output, mine = context.output, context.organisation_id
    with context.services.database.reading() as tx:
        run_row, row = imports.find(tx, mine, run_id)
        body = importing.as_json(run_row, row)
        same = imports.same_file(tx, mine, row)
        sample = {
            each.value: showing.rows(tx, mine, run_row["id"], actions=[each], limit=SHOWN)
            for each in Action
            if row["counts"].get(each.value)
        }
    if result is not None:
        write_csv(showing.result(context.services.database, run_row["id"]), result, lambda _event: None)
    counts = row["counts"]
    if output.as_json:
        rows: dict[str, JSON] = {name: [*found] for name, found in sample.items()}
        output.json({**body, "same_file": same, "rows": rows, "result": str(result) if result else None})
    else:
        _show(output, body, sample, same)
    if kept and run_row["state"] == "needs_approval":
        output.note(f"It waits for you: {plain(str(run_row['reason']))}.")
        output.note(f"Approve: concord imports approve {run_row['id'][:12]}")
        return NEEDS_APPROVAL
    return QUARANTINED if counts.get(Action.REJECTED) else DONE


def _show(
    output: Output, body: dict[str, JSON], sample: dict[str, list[dict[str, JSON]]], same: str | None
) -> None:
    output.say(f"{plain(str(body['file_name']))}: {body['state']}")
    columns = body["columns"] if isinstance(body["columns"], list) else []
    pairs = [(each["column"], each["field"] or "not taken") for each in columns if isinstance(each, dict)]
    output.table("", ("column", "field"), pairs)
    if same:
        output.say(f"The same file was imported before: concord imports show {same[:12]}")
    counts = body["counts"] if isinstance(body["counts"], dict) else {}
    output.table("", ("rows", ""), list(counts.items()))
    lines: list[tuple[object, ...]] = []
    for action, rows in sample.items():
        for row in rows if action != Action.UNCHANGED else ():
            changes = row["changes"] if isinstance(row["changes"], dict) else {}
            said = f"{row['field'] or ''} {row['reason'] or ''}".strip()
            lines += [
                (row["line"], action, path, short(pair[0]), short(pair[1]))
                for path, pair in changes.items()
                if isinstance(pair, list)
            ] or [(row["line"], action, "", "", said)]
    if lines:
        output.table("", ("line", "", "field", "before", "after"), lines[: 5 * SHOWN])
