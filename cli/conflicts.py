"""`conflicts`: the queue of what a person has to decide."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli.context import DONE, FAILED, After, AsJson, Context, Limit, Organisation, actor, at_work
from cli.decided import run_of, show_writes, tell_how_to_undo
from cli.output import Output, plain, short
from cli.ways import WAYS
from connectors.records import JSON, FieldValue
from sync.core.actions import ConflictKind
from sync.customers import find as find_customer
from sync.decisions import Decision, Take
from sync.errors import BadInput, NotFoundError
from sync.intake import read_assignment
from sync.resolve import Outcome, foresee, resolve, resolve_all
from sync.store import conflicts, connections, customers
from sync.store.baselines import pack_fields
from sync.store.conflicts import StoredConflict
from sync.suggest import suggest

app = typer.Typer(no_args_is_help=True)
Kind = Annotated[ConflictKind | None, typer.Option("--kind", help="Only rows of this kind.")]
OnConnection = Annotated[str | None, typer.Option("--connection", help="Only rows of this connection.")]
RowId = Annotated[str, typer.Argument(metavar="ID", help="The row, or the beginning of its id.")]
SHOWN = 20
_ABOUT = {"customer": "customer_id", "record": "ref"}


def as_json_row(stored: StoredConflict, names: dict[str, str]) -> dict[str, JSON]:
    """A row for `--json`."""
    row = stored.row
    return {
        "id": stored.id,
        "connection": names.get(row["connection_id"], ""),
        **{
            name: row[name]
            for name in ("kind", "field", "state", "ref", "customer_id", "local", "remote", "baseline")
        },
        "third": pack_fields(stored.conflict().third),
        "reasons": row["reasons"],
        "first_seen": row["first_seen"].isoformat(),
        "last_seen": row["last_seen"].isoformat(),
        "version": row["version"],
        "run": row["run_id"],
        "decision": row["decision"],
        "decided_by": row["decided_by"],
    }


@app.command("list")
def listing(
    kind: Kind = None,
    connection: OnConnection = None,
    limit: Limit = 50,
    after: After = "",
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Open rows, oldest first."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        only = context.connection(connection).id if connection else None
        with context.services.database.reading() as tx:
            rows = conflicts.listing(
                tx,
                context.organisation_id,
                kind=kind.value if kind else None,
                connection_id=only,
                after=after,
                limit=limit,
            )
            counts = conflicts.count_open(tx, conflicts.of_organisation(context.organisation_id))
            names = _names(context)
            known = customers.load(
                tx, context.organisation_id, customers.by_ids({row.row["customer_id"] or "" for row in rows})
            )
            called = {each.id: str(each.row["customer_name"]) for each in known}
        if as_json:
            body: list[JSON] = [as_json_row(row, names) for row in rows]
            output.json(
                {"conflicts": body, "open": {**counts}, "next": rows[-1].id if len(rows) == limit else None}
            )
            return DONE
        lines = [
            (
                row.id,
                names.get(row.row["connection_id"], ""),
                row.row["kind"],
                row.row["field"] or ", ".join(dict.fromkeys((*row.row["local"], *row.row["remote"]))),
                called.get(row.row["customer_id"]) or _name_of(row),
                _why(row),
            )
            for row in rows
        ]
        output.table("", ("id", "connection", "kind", "about", "record", "why"), lines)
        total = sum(counts.values())
        output.say(f"{len(rows)} of {total} open" + "".join(f", {kind} {n}" for kind, n in counts.items()))
    return DONE


def _names(context: Context) -> dict[str, str]:
    with context.services.database.reading() as tx:
        return {each.id: each.name for each in connections.listing(tx, context.organisation_id)}


def _name_of(row: StoredConflict) -> str:
    for side in (row.row["local"], row.row["remote"]):
        if side.get("customer_name"):
            return str(side["customer_name"])
    return str(row.row["ref"] or row.row["subject"])


def _why(row: StoredConflict) -> str:
    telling = [reason for reason in row.row["reasons"] if reason.get("verdict") != "same"]
    return "; ".join(str(reason["why"]).rstrip(".") for reason in telling if reason.get("why"))


@app.command("show")
def show(row_id: RowId, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """One row: both sides, what they last agreed on, and why it waits."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        with context.services.database.reading() as tx:
            stored = conflicts.find(tx, context.organisation_id, row_id)
            suggestions = suggest(tx, stored) if stored else []
        if stored is None:
            raise NotFoundError(f"There is no row {row_id}.", cure="See them with: concord conflicts list")
        names = _names(context)
        if as_json:
            output.json({**as_json_row(stored, names), "suggestions": [asdict(each) for each in suggestions]})
            return DONE
        row = stored.row
        about = " ".join(f"{key} {row[name]}" for key, name in _ABOUT.items() if row[name])
        output.say(f"{row['kind']} on {names.get(row['connection_id'], '')}: {row['state']}; {plain(about)}")
        paths = list(dict.fromkeys((*row["local"], *row["remote"])))
        lines = [
            (
                path,
                _agreed(row["baseline"].get(path)),
                short(row["local"].get(path)),
                short(row["remote"].get(path)),
            )
            for path in paths
        ]
        output.table("", ("field", "last agreed", "ours", "theirs"), lines)
        for path, value in pack_fields(stored.conflict().third).items():
            said = plain(f"{path} is {short(value)}")
            output.say(f"{said} in the CRM by now: a decision replaces that, not a dismissal")
        reasons = [
            (
                reason.get("component", ""),
                reason.get("verdict", ""),
                reason.get("local", ""),
                reason.get("remote", ""),
                reason.get("why", ""),
            )
            for reason in row["reasons"]
        ]
        output.table("why", ("", "", "ours", "theirs", ""), reasons)
        for reason in row["reasons"]:
            for what in ("refs", "customers"):
                if reason.get(what):
                    output.say(plain(f"{what}: {', '.join(reason[what])}"))
        for each in suggestions:
            name = each.external_id or each.customer_id
            output.say(plain(f"perhaps {name} ({each.customer_name}): {each.why}"))
        if row["state"] == conflicts.OPEN:
            output.say("")
            ways = f"--version {row['version']} {WAYS[ConflictKind(row['kind'])]}"
            output.say(f"Decide: concord conflicts resolve {stored.id} {ways}")
            output.say("See first what it would write: add --preview")
    return DONE


def _agreed(pair: Any) -> str:
    return short(pair[-1]) if pair else "—"


@app.command("resolve")
def decide(
    row_id: Annotated[str | None, typer.Argument(metavar="ID", help="The row; or --all.")] = None,
    take: Annotated[Take | None, typer.Option("--take", help="Whose values, for every field.")] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", help="FIELD=VALUE")] = None,
    link: Annotated[str | None, typer.Option("--link", help="Join to this customer.")] = None,
    ref: Annotated[str | None, typer.Option("--ref", help="Which CRM record is meant.")] = None,
    create: Annotated[bool, typer.Option("--create", help="Make a customer of the record.")] = False,
    dismiss: Annotated[bool, typer.Option("--dismiss", help="Keep both as they are.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what failed.")] = False,
    version: Annotated[
        int | None, typer.Option("--version", help="Of the row as it was shown; decide no other.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every open row that fits the filter.")] = False,
    kind: Kind = None,
    connection: OnConnection = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what it would write; decide nothing.")
    ] = False,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Decide one row, or all that fit. What goes to the CRM goes with the next sync."""
    output = Output(as_json=as_json)
    ways = [take is not None, bool(assignments), link is not None, create, dismiss, retry]
    if sum(ways) == 0 and ref is None:
        raise BadInput(
            "Say how: --take theirs|ours, --set FIELD=VALUE, --link, --create, --dismiss or --retry."
        )
    if (row_id is None) == (not everything):
        raise BadInput("Name one row, or say --all.")
    if everything and version is not None:
        raise BadInput("A version is that of one row; --all has none.")
    with at_work(organisation, output, wakes=not preview) as context:
        if everything:
            decision = _decision(context, None, take, assignments, link, ref, create, dismiss, retry)
            return _all(context, decision, kind, connection, preview)
        with context.services.database.reading() as tx:
            stored = conflicts.find(tx, context.organisation_id, str(row_id))
        if stored is None:
            raise NotFoundError(f"There is no row {row_id}.", cure="See them with: concord conflicts list")
        decision = _decision(context, stored, take, assignments, link, ref, create, dismiss, retry)
        database = context.services.database
        if preview:
            outcome = foresee(database, context.organisation_id, stored, decision, version)
        else:
            where = (database, context.organisation_id, stored.id)
            outcome = resolve(*where, decision, actor=actor(), version=version)
        if as_json:
            output.json(outcome.as_json())
        else:
            why = f" ({plain(outcome.reason)})" if outcome.reason else ""
            output.say(f"{outcome.kind}: {outcome.result}{why}")
            show_writes(output, [outcome])
            tell_how_to_undo(output, [outcome])
            if preview and outcome.result != "refused":
                output.say(f"Decide just that: say --version {stored.row['version']} in place of --preview")
    return FAILED if outcome.result == "refused" else DONE


def _decision(
    context: Context,
    stored: StoredConflict | None,
    take: Take | None,
    assignments: list[str] | None,
    link: str | None,
    ref: str | None,
    create: bool,
    dismiss: bool,
    retry: bool,
) -> Decision:
    values: dict[str, FieldValue] = {}
    present = stored.conflict().local if stored else {}
    for text in assignments or []:
        path, value = read_assignment(text, {**present, **values})
        values[path] = value
    customer = None
    if link is not None:
        with context.services.database.reading() as tx:
            customer = find_customer(tx, context.organisation_id, link).id
    return Decision(
        take=take, values=values, link=customer, ref=ref, create=create, dismiss=dismiss, retry=retry
    )


def _all(
    context: Context, decision: Decision, kind: ConflictKind | None, connection: str | None, preview: bool
) -> int:
    output = context.output
    only = context.connection(connection).id if connection else None
    outcomes: list[Outcome] = []
    with output.progress("previewing" if preview else "deciding") as progress:
        outcomes += resolve_all(
            context.services.database,
            context.organisation_id,
            decision,
            actor=actor(),
            kind=kind.value if kind else None,
            connection_id=only,
            preview=preview,
            progress=lambda done: progress({"decided": done}),
        )
    counts = Counter(outcome.result for outcome in outcomes)
    refused = [outcome for outcome in outcomes if outcome.result == "refused"]
    if output.as_json:
        shown: list[JSON] = [outcome.as_json() for outcome in (outcomes if preview else refused)]
        body: dict[str, JSON] = {"counts": {**counts}, "run": run_of(outcomes)}
        output.json({**body, "preview" if preview else "refused": shown})
    else:
        output.table("", ("", ""), list(counts.items()) or [("rows that fit", 0)])
        show_writes(output, outcomes[:SHOWN] if preview else [])
        lines = [(each.id, each.kind, each.reason) for each in refused[:SHOWN]]
        if lines:
            output.table("refused", ("id", "kind", "why"), lines)
        tell_how_to_undo(output, outcomes)
    return FAILED if refused and len(refused) == len(outcomes) else DONE
