"""`customers erase`: nothing of a person stays here but what keeps their records from coming back."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli.context import DONE, NEEDS_APPROVAL, AsJson, Organisation, actor, at_work
from cli.output import Output, plain
from connectors.records import JSON
from sync.erase import Erased
from sync.erase import erase as use


def erase(
    name: Annotated[str, typer.Argument(metavar="ID", help="External id, id, or the beginning of the id.")],
    preview: Annotated[bool, typer.Option("--preview", help="Show what would go; change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Erase a customer's data everywhere here, for good; CRM records stay, and do not bring it back."""
    output = Output(as_json=as_json)
    with at_work(organisation, output, wakes=not preview) as context:
        database, mine = context.services.database, context.organisation_id
        if preview or not yes:
            planned = use(database, mine, name, actor=actor(), preview=True)
            _show(output, planned, erased=False, asked=not preview)
            if preview:
                return DONE
            if as_json or not sys.stdin.isatty():
                output.note("Nothing was erased. To do it, say the same with --yes. It cannot be undone.")
                return NEEDS_APPROVAL
            if not typer.confirm("Erase it? It cannot be undone."):
                return NEEDS_APPROVAL
            name = planned.id
        _show(output, use(database, mine, name, actor=actor()), erased=True)
    return DONE


def _show(output: Output, found: Erased, *, erased: bool, asked: bool = False) -> None:
    records: list[JSON] = [{"connection": name, "ref": ref} for name, ref in found.records]
    if output.as_json:
        state = "erased" if erased else "needs_approval" if asked else "planned"
        output.json({"id": found.id, "state": state, "removed": dict(found.removed), "records": records})
        return
    output.table("", ("table", "rows"), sorted(found.removed.items()))
    for name, ref in found.records:
        output.say(f"{name}: the record {plain(ref)} stays there; delete it there, if it is to go.")
    output.say(f"{'Erased' if erased else 'Would be erased:'} {found.id}.")
