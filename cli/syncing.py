"""`plan` and `sync`: one connection, now, in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from cli.context import DONE, NEEDS_APPROVAL, QUARANTINED, AsJson, Context, Organisation, actor, at_work
from cli.output import Output, plain, short
from connectors.records import JSON
from sync.cycle import run
from sync.report import Report
from sync.steps import Order
from sync.store import runs
from sync.store.connections import StoredConnection

Name = Annotated[str, typer.Argument(help="The connection's name.")]
SHOWN = 20
QUIET = ("link", "adjust_link", "out_of_scope")  # actions of a plan that move no value


def plan(name: Name, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Show what a sync would do, on which side, and write nothing."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        order = Order(kind="plan", trigger="manual", actor=actor(), dry=True)
        report = run_order(context, context.connection(name), order, "planning")
        with context.services.database.reading() as tx:
            total = runs.count_planned(tx, report.run)
            rows = runs.planned(tx, report.run, limit=SHOWN)
        if as_json:
            records: list[JSON] = [{"subject": row["subject"], "actions": row["actions"]} for row in rows]
            output.json({**report.as_json(), "records": records, "planned_records": total})
        else:
            _summary(output, report, planned=True)
            show_plan(output, rows, total)
            output.say(f"See all of it with: concord runs show {report.run[:12]}")
    return DONE


def sync(
    name: Name,
    full: Annotated[bool, typer.Option("--full", help="List every record, not only what changed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Approve a first sync without a plan.")] = False,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Pull, then push, in this process; no worker is needed."""
    output = Output(as_json=as_json)
    with at_work(organisation, output, wakes=True) as context:
        order = Order(kind="sync", trigger="manual", actor=actor(), full=full, yes=yes)
        return finish(output, run_order(context, context.connection(name), order, "syncing"))


def run_order(context: Context, connection: StoredConnection, order: Order, what: str) -> Report:
    """Carry out a run, with its progress shown."""
    with context.output.progress(f"{what} {connection.name}") as progress:
        return run(context.services, connection, order, progress)


def finish(output: Output, report: Report, *, planned: bool = False) -> int:
    """Print a report; returns the exit code that it means."""
    if output.as_json:
        output.json(report.as_json())
    else:
        _summary(output, report, planned=planned)
    if report.state == "needs_approval":
        output.note(f"It waits for you: {plain(str(report.reason))}.")
        output.note(f"Look:    concord runs show {report.run[:12]}")
        output.note(f"Approve: concord runs approve {report.run[:12]}")
        return NEEDS_APPROVAL
    return QUARANTINED if report.counts["quarantined"] else DONE


def _summary(output: Output, report: Report, *, planned: bool) -> None:
    counts = report.counts
    would = "would be " if planned or report.state == "needs_approval" else ""
    rows: list[tuple[str, object]] = [
        ("records looked at", counts["pulled"]),
        ("matched for the first time", counts["matched"]),
        (f"customers {would}created here", counts["created_local"]),
        (f"customers {would}changed here", counts["updated_local"]),
        (f"records {would}created in the CRM", counts["created_remote"]),
        (f"records {would}changed in the CRM", counts["updated_remote"]),
        ("unchanged", counts["unchanged"]),
    ]
    held = counts["held"] if isinstance(counts["held"], Mapping) else {}
    rows += [(f"newly in the queue: {kind}", count) for kind, count in held.items()]
    rows += [(f"open in the queue: {kind}", count) for kind, count in report.open.items()]
    if counts["out_of_scope"]:
        rows.append(("out of scope, left alone", counts["out_of_scope"]))
    if unknown := counts.get("unknown"):
        rows.append(("known to neither side, passed over", short(unknown)))
    if counts["deferred"]:
        rows.append(("waiting for another approval", counts["deferred"]))
    rows.append(
        ("calls to the CRM", ", ".join(f"{kind} {count}" for kind, count in report.calls.items()) or 0)
    )
    if report.planned and isinstance(takes := report.planned.get("calls"), dict):
        rows.append(
            ("calls to carry it out, at least", ", ".join(f"{kind} {n}" for kind, n in takes.items()))
        )
    title = f"{report.connection}: {'a plan; nothing was written' if planned else report.state}"
    output.table(title, ("", ""), rows)


def show_plan(output: Output, rows: list[Mapping[str, JSON]], total: int) -> None:
    """The first records of a plan, field by field."""
    lines = []
    for row in rows:
        actions = row["actions"] if isinstance(row["actions"], list) else []
        for action in actions:
            if isinstance(action, dict):
                lines += _action_lines(str(row["subject"]), action)
    if lines:
        output.table("", ("record", "action", "field", "before", "after"), lines)
    if total > len(rows):
        output.say(f"... and {total - len(rows)} more records")


def _action_lines(subject: str, action: Mapping[str, JSON]) -> list[tuple[str, str, str, str, str]]:
    name = str(action["action"])
    if name == "hold":
        local = action["local"] if isinstance(action["local"], dict) else {}
        remote = action["remote"] if isinstance(action["remote"], dict) else {}
        paths = list(dict.fromkeys((*local, *remote))) or [""]
        return [(subject, str(action["kind"]), p, short(local.get(p)), short(remote.get(p))) for p in paths]
    if name == "leave":
        return [(subject, name, str(action["field"]), "", str(action["why"]))]
    changes = action.get("changes")
    if isinstance(changes, dict):
        pairs = {path: pair for path, pair in changes.items() if isinstance(pair, list)}
        return [(subject, name, path, short(pair[0]), short(pair[1])) for path, pair in pairs.items()]
    fields = action.get("fields")
    if isinstance(fields, dict):
        label = fields.get("customer_name") or action.get("external_id")
        return [(subject, name, "", "", short(label))]
    if name not in QUIET:
        return [(subject, name, "", "", "")]
    return []
