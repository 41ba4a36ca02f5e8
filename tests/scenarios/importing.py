"""Files imported into a small world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync import approve as approving
from sync.cycle import run
from sync.imports import importing
from sync.imports.importing import Reading
from sync.report import Report
from sync.steps import Order
from sync.store import imports, runs
from sync.undo import undo
from tests.world import World

PLACE = {"line1": "1 High Street", "city": "Leeds", "zipCode": "LS1 4AP", "country_code": "GB"}
OTHER = "external_id,customer_name,line1,city,zipCode,country_code\nA,Aye,9 Low Road,York,YO1 7HH,GB\n"


def take(world: World, text: str, **reading: Any) -> str:
    """Take a file in and make its plan."""
    made = importing.take_in(
        world.database,
        world.organisation_id,
        [text.encode()],
        Reading(**reading),
        file_name="customers.csv",
        actor="test",
    )
    report = go(world, made)
    assert report.state == "needs_approval"
    return made


def go(world: World, run_id: str) -> Report:
    with world.database.transaction() as tx:
        connection = imports.files(tx, world.organisation_id)
    order = Order(kind="import", trigger="manual", actor="test", run_id=run_id)
    return run(world.services, connection, order, world.events.append)


def approve(world: World, run_id: str) -> Report:
    return approving.approve(
        world.services, world.organisation_id, run_id, actor="test", progress=world.events.append
    )


def counts(world: World, run_id: str) -> Mapping[str, Any]:
    with world.database.reading() as tx:
        return dict(imports.get(tx, run_id)["counts"])


def reasons(world: World, run_id: str, *actions: str) -> dict[int, tuple[str | None, str | None]]:
    with world.database.reading() as tx:
        found = imports.of_action(tx, run_id, actions or ["rejected"], limit=100)
    return {row["line"]: (row["field"], row["reason"]) for row in found}


def changed(world: World, run_id: str) -> list[tuple[str, Any]]:
    with world.database.reading() as tx:
        return [(row["action"], row["fields"]) for row in runs.changes_of(tx, run_id)]


def undone(world: World, run_id: str, **options: Any) -> list[Report]:
    return undo(
        world.services, world.organisation_id, run_id, actor="test", progress=world.events.append, **options
    )
