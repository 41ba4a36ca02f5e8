"""`resync`: chosen records, now: one, a list, those that meet a filter, or all."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from cli.context import DONE, NEEDS_APPROVAL, AsJson, Context, Organisation, actor, at_work
from cli.output import Output
from cli.selecting import read_ids, read_where
from cli.syncing import finish, run_order, show_plan
from connectors.records import JSON
from sync.report import Report
from sync.scoping import parse_lines
from sync.selection import WHERE, Selection, check
from sync.steps import Order
from sync.store import runs
from sync.store.connections import StoredConnection

UNASKED = 50  # records that are resynced without asking first
SHOWN = 20


def resync(
    name: Annotated[str, typer.Argument(help="The connection's name.")],
    external_id: Annotated[
        list[str] | None,
        typer.Option("--external-id", help="A record, by external id or ref; may be repeated."),
    ] = None,
    ref: Annotated[list[str] | None, typer.Option("--ref", help="A CRM record; may be repeated.")] = None,
    file: Annotated[str | None, typer.Option("--file", help="A list, one id a line; - for stdin.")] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", help="FIELD=VALUE or JSON conditions; all must hold.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every record.")] = False,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Pass over ids that neither side knows, and list them.")
    ] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Plan only, and show the writes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, however many records they are.")] = False,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Read, compare and write chosen records now, under the present map and rules."""
    output = Output(as_json=as_json)
    with at_work(organisation, output, wakes=not preview) as context:
        connection = context.connection(name)
        ids = [*(external_id or ()), *(read_ids(file) if file is not None else ())]
        mapped = [line.field for line in connection.settings.map]
        selection = Selection(
            ids=tuple(ids),
            refs=tuple(ref or ()),
            where=parse_lines(read_where(where or ()), mapped, what=WHERE),
            everything=everything,
            skip_unknown=skip_unknown,
        )
        check(selection)
        order = Order(kind="resync", trigger="manual", actor=actor(), yes=True, selection=selection)
        if preview:
            return _show(context, _plan(context, connection, order), asked=False)
        few = selection.named is not None and selection.named <= UNASKED
        if not (yes or few):
            planned = _plan(context, connection, order)
            if _too_many(planned) and not _agreed(context, planned):
                return NEEDS_APPROVAL
        return finish(output, run_order(context, connection, order, "resyncing"))


def _plan(context: Context, connection: StoredConnection, order: Order) -> Report:
    return run_order(context, connection, replace(order, dry=True), "planning the resync of")


def _too_many(planned: Report) -> bool:
    return int(str(planned.counts["pulled"])) + int(str(planned.counts["created_remote"])) > UNASKED


def _agreed(context: Context, planned: Report) -> bool:
    """Show what would be written, and ask a person; a script is told to say `--yes`."""
    _show(context, planned, asked=True)
    if not context.output.as_json and sys.stdin.isatty():
        return typer.confirm("Do it?")
    context.output.note("Nothing was written. To do it, say the same with --yes.")
    return False


def _show(context: Context, planned: Report, *, asked: bool) -> int:
    output = context.output
    with context.services.database.reading() as tx:
        total = runs.count_planned(tx, planned.run)
        rows = runs.planned(tx, planned.run, limit=SHOWN)
    if output.as_json:
        records: list[JSON] = [{"subject": row["subject"], "actions": row["actions"]} for row in rows]
        body = {**planned.as_json(), "records": records, "planned_records": total}
        output.json({**body, "state": "needs_approval"} if asked else body)
        return DONE
    code = finish(output, planned, planned=True)
    show_plan(output, rows, total)
    output.say(f"See all of it with: concord runs show {planned.run[:12]}")
    return code
