"""`retention`: what is kept, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta

from cli.context import DONE, AsJson
from cli.output import Output
from connectors.records import JSON
from sync.settings import Settings, load
from sync.store import retention as store
from sync.store.query import Row
from tasks import wiring


def retention(as_json: AsJson = False) -> int:
    """What each table keeps and until when, of all organisations; what is over its time goes by the tick."""
    output, settings = Output(as_json=as_json), load()
    database = wiring.open_database(settings)
    try:
        with database.reading() as tx:
            found = store.overview(tx, settings.keep())
    finally:
        database.close()
    if as_json:
        output.json({"tables": [_as_json(row) for row in found]})
        return DONE
    lines = [
        (
            row["table"],
            row["rows"],
            _kept(row),
            _variable(row["table"]),
            _day(row["oldest"]),
            _day(_until(row)),
        )
        for row in found
    ]
    output.table("", ("table", "rows", "kept", "setting", "oldest", "goes"), lines)
    over = sum(row["over"] for row in found)
    if over:
        output.say(f"{over} rows are over their time; they go while a tick runs.")
    return DONE


def _as_json(row: Row) -> JSON:
    oldest, until = row["oldest"], _until(row)
    return {
        **row,
        "setting": _variable(row["table"]),
        "oldest": oldest.isoformat() if oldest else None,
        "goes": until.isoformat() if until else None,
    }


def _kept(row: Row) -> str:
    if row["days"] is not None:
        return f"{row['days']} days" if row["kept"].endswith("days") else f"{row['days']} days {row['kept']}"
    return f"for ever; {row['kept']}" if _variable(row["table"]) else row["kept"]


def _until(row: Row) -> datetime | None:
    """When the oldest row goes."""
    if row["oldest"] is None or row["days"] is None:
        return None
    until: datetime = row["oldest"] + timedelta(days=row["days"])
    return until


def _variable(table: str) -> str:
    days = store.RULES[table].days
    name = "keep_conflicts_days" if days == "closed" else f"keep_{days}_days"
    return f"CONCORD_{name.upper()}" if name in Settings.model_fields else ""


def _day(at: datetime | None) -> str:
    return at.date().isoformat() if at else ""
