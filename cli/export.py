"""`export`: customers as CSV, which `import` reads again without a change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cli.context import DONE, AsJson, Organisation, at_work
from cli.files import write_csv
from cli.output import Output
from sync.errors import BadInput
from sync.imports.export import customers_as_csv, sample

app = typer.Typer(no_args_is_help=True)
Into = Annotated[Path | None, typer.Option("--into", metavar="FILE", help="Instead of stdout.")]


@app.command("customers")
def customers(into: Into = None, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """All customers, oldest first. Cells that a spreadsheet would take for formulas begin with a quote."""
    output = Output(as_json=as_json)
    if as_json and into is None:
        raise BadInput("With --json stdout holds JSON alone.", cure="Name a file: --into FILE.")
    with at_work(organisation, output) as context, output.progress("exporting") as progress:
        pages = customers_as_csv(context.services.database, context.organisation_id)
        count = write_csv(pages, into, progress)
    if as_json:
        output.json({"customers": count, "into": str(into)})
    elif into is not None:
        output.say(f"{count} customers are in {escape(str(into))}.")
    return DONE


@app.command("sample")
def example(into: Into = None) -> int:
    """The header of the file that `import` reads, with one example row, which is never taken."""
    write_csv([sample()], into, lambda _event: None)
    return DONE
