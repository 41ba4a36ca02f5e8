"""`restored`: the database was restored from a backup."""

from __future__ import annotations

from cli.context import DONE, AsJson, actor
from cli.output import Output
from sync import restored as use
from sync.settings import load
from tasks import wiring


def restored(as_json: AsJson = False) -> int:
    """Say that the database was restored from a backup: CRMs may know better; before any worker runs."""
    output = Output(as_json=as_json)
    database = wiring.open_database(load())
    try:
        found = use.restored(database, actor=actor())
    finally:
        database.close()
    if as_json:
        output.json(
            {
                "connections": [
                    {"name": each.name, "organisation_id": each.organisation_id, "state": each.state.value}
                    for each in found
                ]
            }
        )
        return DONE
    for each in found:
        output.say(f"{each.name}: {each.state.value}. See what a sync would do: concord sync {each.name}")
    if not found:
        output.say("There are no connections.")
    return DONE
