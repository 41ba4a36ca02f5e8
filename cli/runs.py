"""`runs`: what was planned and done, and a person's word on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli.context import DONE, AsJson, Organisation, actor, at_work
from cli.output import Output, plain, short
from cli.syncing import finish, show_plan
from connectors.records import JSON
from sync.approve import approve as approve_run
from sync.approve import cancel as cancel_run
from sync.report import HIDDEN
from sync.store import connections, runs

app = typer.Typer(no_args_is_help=True)
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run, or the beginning of its id.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000)]


SAID = ("run", "connection", "kind", "trigger", "actor", "state", "reason", "progress", "selection")
SHOWN = 20


def as_json_row(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, JSON]:
    """A run for `--json`."""
    counts = {name: value for name, value in (row["counts"] or {}).items() if name not in HIDDEN}
    return {
        "run": row["id"],
        "connection": names.get(row["connection_id"], ""),
        "kind": row["kind"],
        "trigger": row["trigger"],
        "actor": row["actor"],
        "state": row["state"],
        "reason": row["reason"],
        "started_at": row["started_at"].isoformat(),
        "finished_at": row["finished_at"].isoformat() if row["finished_at"] else None,
        **counts,
        "calls": row["calls"] or {},
        "planned": row["planned"],
        "progress": row["progress"],
        "selection": row["selection"],
    }


@app.command("list")
def listing(limit: Limit = 20, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """The latest runs, newest first."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        with context.services.database.reading() as tx:
            rows = runs.listing(tx, context.organisation_id, limit=limit)
            names = {each.id: each.name for each in connections.listing(tx, context.organisation_id)}
        if as_json:
            output.json({"runs": [as_json_row(row, names) for row in rows]})
            return DONE
        shown = [
            (
                row["id"][:12],
                f"{row['started_at']:%Y-%m-%d %H:%M:%S}",
                names.get(row["connection_id"], ""),
                row["kind"],
                row["trigger"],
                row["state"],
                (row["counts"] or {}).get("writes", 0),
                row["reason"],
            )
            for row in rows
        ]
        output.table("", ("run", "started", "connection", "kind", "by", "state", "writes", ""), shown)
    return DONE


@app.command("show")
def show(
    run_id: RunId,
    limit: Limit = 100,
    after: Annotated[str, typer.Option("--after", help="Go on after this record or number.")] = "",
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """One run: its counts, its plan, and what it changed, record by record."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        with context.services.database.reading() as tx:
            row = runs.find(tx, context.organisation_id, run_id)
            names = {each.id: each.name for each in connections.listing(tx, context.organisation_id)}
            total = runs.count_planned(tx, row["id"])
            planned = runs.planned(tx, row["id"], after="" if after.isdigit() else after, limit=limit)
            first = int(after) if after.isdigit() else -1
            changes = runs.changes_of(tx, row["id"], after=first, limit=limit)
        if as_json:
            output.json(
                {
                    **as_json_row(row, names),
                    "planned_records": total,
                    "plan": [{"subject": each["subject"], "actions": each["actions"]} for each in planned],
                    "changes": [_change(each) for each in changes],
                }
            )
            return DONE
        output.say(f"{row['kind']} of {names.get(row['connection_id'], '')}: {row['state']}")
        output.say(f"asked for by {plain(row['actor'])} ({row['trigger']}){_how_far(row)}")
        for kind, chosen in (row["selection"] or {}).items():
            output.say(plain(f"{kind}: {_chosen(chosen)}"))
        if row["reason"]:
            output.say(plain(str(row["reason"])))
        body = as_json_row(row, names)
        counts = [(name, _told(body[name])) for name in body if body[name] and name not in SAID]
        output.table("", ("", ""), counts)
        show_plan(output, planned, total)
        lines = [line for each in changes for line in _change_lines(each)]
        if lines:
            output.table("changed", ("n", "side", "action", "record", "field", "before", "after"), lines)
    return DONE


def _how_far(row: Mapping[str, Any]) -> str:
    """How much of the work is done, of how much, as far as that is known."""
    progress = row["progress"] or {}
    whole = f" of {progress['of']}" if progress.get("of") is not None else ""
    return f", {progress['done']}{whole} records gone through" if progress.get("done") else ""


def _chosen(value: JSON) -> str:
    """A selection for people: not a list of thousands."""
    if isinstance(value, list) and len(value) > SHOWN:
        return f"{', '.join(map(str, value[:SHOWN]))} and {len(value) - SHOWN} more"
    return short(value)


def _told(value: JSON) -> str:
    """Counts by kind as `kind n`; anything else as it is."""
    if isinstance(value, dict) and all(isinstance(each, int) for each in value.values()):
        return ", ".join(f"{kind} {count}" for kind, count in value.items())
    return short(value)


def _change(row: Mapping[str, Any]) -> dict[str, JSON]:
    names = ("seq", "side", "action", "customer_id", "ref", "fields", "before_baseline")
    return {name: row[name] for name in names}


def _change_lines(row: Mapping[str, Any]) -> list[tuple[object, ...]]:
    record = row["ref"] or (row["customer_id"] or "")[:12]
    start = (row["seq"], row["side"], row["action"], record)
    pairs = row["fields"] or {}
    if not pairs:
        return [(*start, "", "", "")]
    return [(*start, path, short(pair[0]), short(pair[1])) for path, pair in pairs.items()]


@app.command("approve")
def approve(run_id: RunId, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Carry out exactly the plan of a run that waits."""
    output = Output(as_json=as_json)
    with (
        at_work(organisation, output, wakes=True) as context,
        output.progress("carrying out the plan") as progress,
    ):
        report = approve_run(
            context.services, context.organisation_id, run_id, actor=actor(), progress=progress
        )
    return finish(output, report)


@app.command("cancel")
def cancel(run_id: RunId, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Cancel a run that waits or is at work; what it has done stays done."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        before = cancel_run(context.services.database, context.organisation_id, run_id, actor=actor())
    if as_json:
        output.json({"run": run_id, "before": before, "state": "cancelled"})
    else:
        output.say(f"Cancelled; it was {before}.")
    return DONE
