"""`keys`: what credentials are sealed with."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.context import DONE, FAILED, AsJson
from cli.output import Output
from connectors.records import JSON
from sync import keyfile, keys
from sync.errors import BadInput
from sync.keys import KeyReport
from sync.settings import load
from sync.store.seal import Seal
from tasks import wiring

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """What credentials are sealed with."""


@app.command("status")
def status(as_json: AsJson = False) -> int:
    """How many credentials and tokens each key seals; the newest is number 1."""
    output, settings = Output(as_json=as_json), load()
    database = wiring.open_database(settings)
    try:
        return _show(output, keys.status(database, Seal(settings.secret_keys())))
    finally:
        database.close()


@app.command("rotate")
def rotate(
    drop_old: Annotated[
        bool, typer.Option("--drop-old", help="Embedded mode: forget the old keys once nothing needs them.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Seal everything with the newest key of CONCORD_SECRET_KEY; the embedded mode makes a new one first."""
    output, settings = Output(as_json=as_json), load()
    file = settings.key_file
    if drop_old and file is None:
        raise BadInput(
            "The keys stand in CONCORD_SECRET_KEY, not in a file of Concord's.",
            cure="Rotate first; then remove the old key from the variable, on every machine.",
        )
    database = wiring.open_database(settings)
    try:
        known = keyfile.add(file) if file else settings.secret_keys()
        seal = Seal(known)
        report = keys.rotate(database, seal)
        if file and drop_old and not report.unopened and not report.old:
            keyfile.drop(file, known[1:])
            # A process that had read the file just before may have sealed with an old key since then.
            late = keys.rotate(database, seal)
            report = KeyReport({1: late.by_key[1]}, late.unopened, report.renewed + late.renewed)
        return _show(output, report, rotated=True)
    finally:
        database.close()


def _show(output: Output, report: KeyReport, *, rotated: bool = False) -> int:
    if output.as_json:
        numbers: dict[str, JSON] = {str(key): count for key, count in sorted(report.by_key.items())}
        body: dict[str, JSON] = {"keys": numbers, "unopened": [*report.unopened]}
        if rotated:
            body["renewed"] = report.renewed
        output.json(body)
    else:
        if rotated:
            output.say(f"{report.renewed} sealed with the newest key.")
        lines = [(number, count) for number, count in sorted(report.by_key.items())]
        output.table("", ("key", "seals"), lines)
        if report.unopened:
            output.say(
                f"[red]No key opens:[/red] {', '.join(report.unopened)}. "
                "Add the key that they were sealed with to the end of the list, or give credentials anew."
            )
    return FAILED if report.unopened or (rotated and report.old) else DONE
