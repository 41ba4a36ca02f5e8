"""`undo`: what a run or a bulk decision did goes back, previewed first if asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from cli.context import DONE, NEEDS_APPROVAL, AsJson, Context, Organisation, actor, at_work
from cli.output import Output, short
from connectors.records import JSON
from sync.report import Report
from sync.store import runs
from sync.store import undo as store
from sync.undo import undo as undo_run

UNASKED = 50  # records that are put back without asking first
SHOWN = 100
PAGE = 1_000

SIDES = {"local": "here", "crm": "CRM"}
DEEDS = {
    "delete_customer": "deleted here; its record in the CRM stays",
    "restore_customer": "brought back here",
    "detach_link": "customer and record no longer joined",
    "attach_link": "customer and record joined again",
    "reopen_question": "asked again in the queue",
    "decide_again": "decided again",
}


def undo(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run, or the beginning of its id.")],
    record: Annotated[
        str | None, typer.Option("--record", help="Only this record: external id, customer id or ref.")
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what would go back; write nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, however many records they are.")] = False,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Put back what a run or a bulk decision wrote; what was changed since is left alone, and named."""
    output = Output(as_json=as_json)
    with at_work(organisation, output, wakes=not preview) as context:
        if preview:
            return _show(context, _undo(context, run_id, record, preview=True), planned=True)
        if not yes:
            planned = _undo(context, run_id, record, preview=True)
            if _records(planned) > UNASKED and not _agreed(context, planned):
                return NEEDS_APPROVAL
        return _show(context, _undo(context, run_id, record, preview=False), planned=False)


def _undo(context: Context, run_id: str, record: str | None, *, preview: bool) -> list[Report]:
    with context.output.progress("planning the undo" if preview else "undoing") as progress:
        return undo_run(
            context.services,
            context.organisation_id,
            run_id,
            actor=actor(),
            record=record,
            preview=preview,
            progress=progress,
        )


def _records(reports: Sequence[Report]) -> int:
    """How many records would be touched."""
    return sum(int(str(report.counts["writes"])) for report in reports)


def _agreed(context: Context, planned: Sequence[Report]) -> bool:
    """Show what would go back, and ask a person; a script is told to say `--yes`."""
    _show(context, planned, planned=True, asked=True)
    if not context.output.as_json and sys.stdin.isatty():
        return typer.confirm("Do it?")
    context.output.note("Nothing was undone. To do it, say the same with --yes.")
    return False


def _show(context: Context, reports: Sequence[Report], *, planned: bool, asked: bool = False) -> int:
    output = context.output
    if output.as_json:
        bodies: list[JSON] = []
        for report in reports:
            body = report.as_json() | ({"state": "needs_approval"} if asked else {})
            bodies.append(
                {**body, "records": [_as_json(row) for page in _pages(context, report) for row in page]}
            )
        output.json({"runs": bodies})
        return DONE
    for report in reports:
        done, left = _First(), _First()
        for page in _pages(context, report):
            names = {} if done.full and left.full else _names(context, page)
            for row in page:
                done.take(_done_lines(row, names))
                left.take(_left_lines(row, names))
        would = "would go" if planned else "went"
        if done.count:
            title = f"{report.connection}: what {would} back"
            output.table(title, ("record", "side", "field", "before", "after"), done.lines)
        if left.count:
            title = f"{report.connection}: left alone"
            output.table(title, ("record", "side", "field", "why"), left.lines)
        output.say(f"{report.connection}: {done.count} {would} back, {left.count} left alone")
        if max(done.count, left.count) > SHOWN:
            output.say(f"See all of it with: concord runs show {report.run[:12]}")
        if done.count and not planned:
            output.say(f"To take it back in turn: concord undo {report.run[:12]}")
    return DONE


@dataclass(slots=True)
class _First:
    """The first of many lines, and how many they are: an undo may be of a million records."""

    lines: list[tuple[str, ...]] = field(default_factory=list)
    count: int = 0

    @property
    def full(self) -> bool:
        return len(self.lines) == SHOWN

    def take(self, lines: Iterator[tuple[str, ...]]) -> None:
        for line in lines:
            self.count += 1
            if not self.full:
                self.lines.append(line)


def _pages(context: Context, report: Report) -> Iterator[Sequence[Mapping[str, Any]]]:
    after = ""
    while True:
        with context.services.database.reading() as tx:
            page = runs.planned(tx, report.run, after=after, limit=PAGE)
        if not page:
            return
        yield page
        after = page[-1]["subject"]


def _as_json(row: Mapping[str, Any]) -> JSON:
    return {"customer": row["customer_id"], "actions": row["actions"]}


def _names(context: Context, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    with context.services.database.reading() as tx:
        ids = [row["customer_id"] for row in rows if row["customer_id"]]
        return store.keys_of(tx, context.organisation_id, ids)


def _name(row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The customer, or a question about a record that is no customer's."""
    known = row["customer_id"]
    return names.get(known, known[:12]) if known else str(row["subject"]).partition(":")[2][:12]


def _done_lines(row: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    name = _name(row, names)
    for action in row["actions"]:
        kind = action["action"]
        if "changes" in action:
            side = SIDES["local" if kind == "restore_local" else "crm"]
            for path, (before, after) in action["changes"].items():
                yield (name, side, path, short(before), short(after))
        elif kind in DEEDS:
            yield (name, "", DEEDS[kind], "", "")


def _left_lines(row: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    name = _name(row, names)
    for action in row["actions"]:
        if action["action"] == "leave":
            yield (name, SIDES[action["side"]], action["field"] or "the record", action["why"])
