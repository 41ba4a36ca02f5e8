"""The command line: `concord`. Exit codes: 0 done, 1 failed, 2 usage, 3 needs approval, 4 quarantined."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

import click
import typer
from rich.markup import escape
from sqlalchemy.exc import DBAPIError

from cli import (
    conflicts,
    connections,
    customers,
    database,
    demo,
    doctor,
    processes,
    runs,
    sandbox,
    syncing,
    up,
)
from cli.context import FAILED, NEEDS_APPROVAL
from cli.output import Output
from connectors.errors import ConnectorError
from connectors.records import JSON
from sync.errors import BadInput, ConcordError, NeedsApproval

app = typer.Typer(
    name="concord",
    help="Keeps a company's customers the same in its CRMs and in its billing records.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("connect")(connections.connect)
app.add_typer(connections.app, name="connections", help="Connections to CRMs.")
app.command("plan")(syncing.plan)
app.command("sync")(syncing.sync)
app.command("resync")(syncing.resync)
app.add_typer(conflicts.app, name="conflicts", help="The queue of what a person has to decide.")
app.add_typer(customers.app, name="customers", help="The billing-side customers.")
app.add_typer(runs.app, name="runs", help="Runs: what was planned and done.")
app.add_typer(database.app, name="db", help="The database.")
app.command("doctor")(doctor.doctor)
app.command("worker")(processes.worker)
app.command("tick")(processes.tick)
app.add_typer(sandbox.app, name="sandbox", help="Look-alike CRMs on this machine.")


def run(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    sys.exit(_guarded(given))


def _guarded(arguments: list[str]) -> int:
    output = Output(as_json="--json" in arguments)
    try:
        result = app(arguments, standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        output.note("interrupted; what was done stays done, and the next run goes on from there")
        return 130
    except (ConcordError, ConnectorError) as error:
        return _refused(output, error)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - nobody reads any more
        return FAILED
    except DBAPIError as error:
        # Its text may hold a record's values: only its kind is shown.
        kind = type(error.orig).__name__
        return _say(
            output, f"The database refused a statement ({kind}).", "Run it again; nothing was half done.", 1
        )
    return int(result or 0)


def _refused(output: Output, error: ConcordError | ConnectorError) -> int:
    code = error.exit_code if isinstance(error, ConcordError) else FAILED
    fields = error.fields if isinstance(error, BadInput) else {}
    if isinstance(error, NeedsApproval):
        code = NEEDS_APPROVAL
    return _say(output, error.reason, error.cure, code, dict(fields))


def _say(output: Output, reason: str, cure: str, code: int, fields: dict[str, JSON] | None = None) -> int:
    if output.as_json:
        body: dict[str, JSON] = {"error": reason, "cure": cure, "exit_code": code}
        if fields:
            body["fields"] = fields
        output.json(body)
    output.note(f"[red]error:[/red] {escape(reason)}")
    if cure:
        output.note(f"       {escape(cure)}")
    return code
