"""The command line: `concord`. Exit codes: 0 done, 1 failed, 2 usage, 3 needs approval, 4 quarantined."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

import typer
from rich.markup import escape
from sqlalchemy.exc import DBAPIError

from cli.context import FAILED, INTERRUPTED, NEEDS_APPROVAL
from cli.output import Output, plain
from connectors.errors import ConnectorError
from connectors.records import JSON
from sync.errors import BadInput, ConcordError, NeedsApproval


@dataclass(frozen=True, slots=True)
class _Command:
    """Where a command or a group of commands stands. Its module is loaded when it is asked for."""

    module: str
    name: str = "app"
    help: str = ""

    def add_to(self, app: typer.Typer, name: str) -> None:
        """Make it known to the application."""
        found = getattr(import_module(self.module), self.name)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name, help=self.help)
        else:
            app.command(name)(found)


COMMANDS: Mapping[str, _Command] = {
    "up": _Command("cli.up", "up"),
    "demo": _Command("cli.demo", "demo"),
    "connect": _Command("cli.connect", "connect"),
    "connections": _Command("cli.connections", help="Connections to CRMs."),
    "plan": _Command("cli.syncing", "plan"),
    "sync": _Command("cli.syncing", "sync"),
    "resync": _Command("cli.resync", "resync"),
    "undo": _Command("cli.undo", "undo"),
    "conflicts": _Command("cli.conflicts", help="The queue of what a person has to decide."),
    "customers": _Command("cli.customers", help="The billing-side customers."),
    "import": _Command("cli.importing", "import_file"),
    "imports": _Command("cli.imports", help="Files that were imported."),
    "export": _Command("cli.export", help="Customers as CSV."),
    "runs": _Command("cli.runs", help="Runs: what was planned and done."),
    "restored": _Command("cli.restored", "restored"),
    "retention": _Command("cli.retention", "retention"),
    "keys": _Command("cli.keys", help="What credentials are sealed with."),
    "api-key": _Command("cli.apikeys", help="The keys with which programs call the API."),
    "channel": _Command("cli.channels", help="Where people are told what waits for them."),
    "hook": _Command("cli.hooks", help="Programs that are told what happens, by signed webhooks."),
    "user": _Command("cli.users", help="The people who use the pages."),
    "db": _Command("cli.database", help="The database."),
    "doctor": _Command("cli.doctor", "doctor"),
    "health": _Command("cli.health", "health"),
    "serve": _Command("cli.serve", "serve"),
    "openapi": _Command("cli.openapi", "openapi"),
    "listen": _Command("cli.listen", "listen"),
    "worker": _Command("cli.processes", "worker"),
    "tick": _Command("cli.processes", "tick"),
    "sandbox": _Command("cli.sandbox", help="Look-alike CRMs on this machine."),
}


def application(only: str | None = None) -> typer.Typer:
    """The whole command line; `only` one command of it where the others are not needed."""
    app = typer.Typer(
        name="concord",
        help="Keeps a company's customers the same in its CRMs and in its billing records.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    # A callback of its own keeps Typer from taking a single command for the whole application.
    app.callback()(_concord)
    for name, command in COMMANDS.items():
        if only is None or name == only:
            command.add_to(app, name)
    return app


def _concord() -> None:
    """Keeps a company's customers the same in its CRMs and in its billing records."""


def run(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    sys.exit(_guarded(given))


def _guarded(arguments: list[str]) -> int:
    output = Output(as_json="--json" in arguments)
    try:
        app = application(arguments[0] if arguments and arguments[0] in COMMANDS else None)
        code = int(app(arguments, standalone_mode=False) or 0)
        if code == INTERRUPTED:
            output.note("interrupted; what was done stays done, and the next run goes on from there")
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except typer.Abort:
        return _say(output, "Nothing was answered at the prompt.", "", INTERRUPTED)
    except typer.TyperException as error:
        return _misused(output, error, arguments)
    except (ConcordError, ConnectorError) as error:
        return _refused(output, error)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - nobody reads any more
        return FAILED
    except DBAPIError as error:
        # Its text may hold a record's values: only its kind is shown.
        kind = type(error.orig).__name__
        reason = f"The database refused a statement ({kind})."
        return _say(output, reason, "Run it again; nothing was half done.", FAILED)


def _misused(output: Output, error: typer.TyperException, arguments: list[str]) -> int:
    """Say what is wrong with the command line; a bare group shows its help."""
    context: typer.Context | None = getattr(error, "ctx", None)
    path = context.command_path if context else " ".join(["concord", *arguments[:1]])
    if error.format_message().startswith("Usage:"):
        output.note(escape(error.format_message()))
        return error.exit_code
    return _say(output, error.format_message(), f"See {path} --help.", error.exit_code)


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
    output.note(f"[red]error:[/red] {plain(reason)}")
    if cure:
        output.note(f"       {plain(cure)}")
    return code
