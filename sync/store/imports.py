"""Imports: the file as it came in, its rows with what is to become of each, and how far that is."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, distinct, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from connectors.records import JSON
from sync.clock import new_id
from sync.errors import NotFoundError
from sync.rules import parse_settings
from sync.store import bulk, connections, runs
from sync.store.connections import FILES, ConnectionState, StoredConnection
from sync.store.importtables import import_parts, import_rows, imports
from sync.store.query import Row, first, now, one_of, rows
from sync.store.schema import conflicts, field_maps
from sync.store.schema import connections as connections_table
from sync.store.session import Database, Tx
from sync.store.types import later
from sync.store.worktables import runs as runs_table

KIND = "import"
NAME = "import/csv"
"""Of the connection of files: people's connections have no slash in their names."""
ABANDONED_SECONDS = 3_600.0
MAPPING = "mapping"
"""The stage at which a file is kept, and a person says how it is read."""
UNREAD = ("coming", MAPPING, "reading")
"""Stages at which rows of the file may not have been read yet."""
UNDECIDED_SECONDS = 86_400.0
"""For so long."""
CHUNK = 1 << 20
MOST_IN_PAGE = 4_000_000
"""Characters of rows that are held at once, unless one alone has more."""
AT_ONCE = 50
"""Rows that come from the database together."""

_SETTINGS = {"external_id": "external_id", "map": [{"field": "customer_name", "crm": "customer_name"}]}


def files(tx: Tx, organisation_id: str) -> StoredConnection:
    """The connection under which an organisation's imports are kept; made at the first one."""
    mine = (connections_table.c.organisation_id == organisation_id, connections_table.c.connector == FILES)
    wanted = select(connections_table.c.id).where(*mine)
    row = first(tx, wanted)
    if row is None:
        dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
        settings, at, made = parse_settings(_SETTINGS), now(tx), new_id()
        values = {
            "id": made,
            "organisation_id": organisation_id,
            "name": NAME,
            "connector": FILES,
            "url": "",
            "credentials": "",
            "settings": settings.model_dump(mode="json"),
            "map_version": 1,
            "state": ConnectionState.ACTIVE.value,
            "account_id": FILES,
            "inspected_at": at,
            "key_unique": True,
            "first_sync": "done",
            "created_at": at,
        }
        # Of several imports at once one makes it, and the others wait for that.
        add = dialect.insert(connections_table).values(values).on_conflict_do_nothing()
        if tx.execute(add).rowcount:
            body = {"connection_id": made, "version": 1, "body": settings.versioned(), "created_at": at}
            tx.execute(insert(field_maps).values(body))
        row = first(tx, wanted)
    assert row is not None  # noqa: S101 - it is never removed
    return connections.load(tx, row["id"])


def add(tx: Tx, *, run_id: str, organisation_id: str, file_name: str) -> None:
    """Begin an import, of which nothing is known yet."""
    bare = {"size": 0, "digest": "", "encoding": "", "delimiter": "", "header": True, "columns": []}
    begun = {"stage": "coming", "position": 0, "counts": {}}
    own = {"run_id": run_id, "organisation_id": organisation_id, "file_name": file_name}
    tx.execute(insert(imports).values(**own, **bare, **begun))


def find(tx: Tx, organisation_id: str, name: str, *, lock: bool = False) -> tuple[Row, Row]:
    """An import by its id, or the beginning of it: its run, and what it has beside that.

    Raises:
        NotFoundError: there is none, or several begin so.
    """
    run = runs.find(tx, organisation_id, name, lock=lock)
    row = first(tx, select(imports).where(imports.c.run_id == run["id"]))
    if row is None:
        raise NotFoundError(f"There is no import {name}.", cure="See them with: concord imports list")
    return run, row


def known(tx: Tx, run_id: str) -> Row | None:
    """What an import has beside its run; None if the run is no import, or gone."""
    return first(tx, select(imports).where(imports.c.run_id == run_id))


def get(tx: Tx, run_id: str) -> Row:
    """As `known`, of one that is there."""
    row = known(tx, run_id)
    if row is None:
        raise NotFoundError("This import is gone.")
    return row


def listing(tx: Tx, organisation_id: str, *, before: str = "", limit: int = 20) -> list[tuple[Row, Row]]:
    """The latest imports, newest first; those that began before another one if it is named."""
    found = runs.listing(tx, organisation_id, kind=KIND, before=before, limit=limit)
    mine = select(imports).where(one_of(imports.c.run_id, [each["id"] for each in found]))
    known = {row["run_id"]: row for row in rows(tx, mine)}
    return [(each, known[each["id"]]) for each in found if each["id"] in known]


def same_file(tx: Tx, organisation_id: str, row: Row) -> str | None:
    """The latest other import of the same file that was carried out."""
    statement = (
        select(imports.c.run_id)
        .where(
            imports.c.digest == row["digest"],
            imports.c.organisation_id == organisation_id,
            imports.c.stage == "applied",
            imports.c.run_id != row["run_id"],
        )
        .order_by(imports.c.run_id.desc())
        .limit(1)
    )
    return tx.execute(statement).scalar_one_or_none()


def save(tx: Tx, run_id: str, **columns: Any) -> None:
    """Write columns such as the stage, the position or the counts."""
    tx.execute(update(imports).where(imports.c.run_id == run_id).values(**columns))


def drop(tx: Tx, run_id: str) -> None:
    """Remove an import of which nothing came of it, with its file."""
    tx.execute(delete(runs_table).where(runs_table.c.id == run_id))


def drop_abandoned(tx: Tx) -> None:
    """Remove imports whose file never came whole, or of which nobody said how it is read."""
    for stage, seconds in (("coming", ABANDONED_SECONDS), (MAPPING, UNDECIDED_SECONDS)):
        left = select(imports.c.run_id).where(imports.c.stage == stage)
        since = func.coalesce(runs_table.c.finished_at, runs_table.c.started_at)
        old = [runs_table.c.id.in_(left), since < later(-seconds)]
        if stage == MAPPING:  # it may be said this moment
            old.append(runs_table.c.state.not_in(("queued", "running")))
        tx.execute(delete(runs_table).where(*old))


def add_part(tx: Tx, run_id: str, number: int, body: bytes) -> None:
    """Keep a piece of the file."""
    made = {"run_id": run_id, "number": number, "body": zlib.compress(body, 1)}
    tx.execute(insert(import_parts).values(made))


def parts(database: Database, run_id: str) -> Iterator[bytes]:
    """The file, piece by piece."""
    number = 0
    while True:
        with database.reading() as tx:
            mine = (import_parts.c.run_id == run_id, import_parts.c.number == number)
            body = tx.execute(select(import_parts.c.body).where(*mine)).scalar_one_or_none()
        if body is None:
            return
        yield zlib.decompress(body)
        number += 1


def drop_parts(tx: Tx, run_id: str) -> None:
    """The file is not needed any more."""
    tx.execute(delete(import_parts).where(import_parts.c.run_id == run_id))


def add_rows(tx: Tx, run_id: str, made: Sequence[Mapping[str, Any]]) -> None:
    """Keep rows as they were read: line, key, email_fold, digest, cells."""
    bare = {"run_id": run_id, "done": False}
    bulk.insert(tx, import_rows, [{**bare, **each} for each in made])


def drop_rows(tx: Tx, run_id: str) -> None:
    """Forget the rows: they are to be read in another way."""
    tx.execute(delete(import_rows).where(import_rows.c.run_id == run_id))


def page(tx: Tx, run_id: str, *, after: int, limit: int, actions: Sequence[str] | None = None) -> list[Row]:
    """A page of rows, with one of these actions if any are given, in the order of their lines.

    Where rows are long it is a short one: their cells are held at once. Only the last page is empty.
    """
    statement = select(import_rows).where(import_rows.c.run_id == run_id, import_rows.c.line > after)
    if actions is not None:
        statement = statement.where(import_rows.c.action.in_(actions))
    statement = statement.order_by(import_rows.c.line).limit(limit)
    found: list[Row] = []
    size = 0
    with tx.execute(statement, execution_options={"yield_per": AT_ONCE}) as result:
        for row in result.mappings():
            found.append(dict(row))
            size += sum(map(len, row["cells"]))
            if size >= MOST_IN_PAGE:
                break
    return found


def of_action(tx: Tx, run_id: str, actions: Iterable[str], *, after: int = -1, limit: int = 20) -> list[Row]:
    """A page of the rows with one of these actions, in the order of their lines."""
    statement = select(import_rows).where(
        import_rows.c.run_id == run_id, import_rows.c.line > after, import_rows.c.action.in_([*actions])
    )
    return rows(tx, statement.order_by(import_rows.c.line).limit(limit))


def together(tx: Tx, run_id: str, column: str, values: Iterable[str]) -> dict[str, Row]:
    """Of keys, or folded e-mail addresses, that stand in several rows: `first` and `last` line, `kinds`.

    `kinds` is the number of different rows.
    """
    place = import_rows.c[column]
    statement = (
        select(
            place.label("value"),
            func.min(import_rows.c.line).label("first"),
            func.max(import_rows.c.line).label("last"),
            func.count(distinct(import_rows.c.digest)).label("kinds"),
        )
        .where(import_rows.c.run_id == run_id, one_of(place, values))
        .group_by(place)
        .having(func.count() > 1)
    )
    return {row["value"]: row for row in rows(tx, statement)}


def decide(tx: Tx, run_id: str, made: Sequence[Mapping[str, Any]]) -> None:
    """Write what is to become of rows: line, action, field, reason, customer_id, effect, done."""
    bulk.update(tx, import_rows, ("run_id", "line"), [{"run_id": run_id, **each} for each in made])


def reject_doubles(tx: Tx, run_id: str, reason: str) -> None:
    """Reject rows that name one customer in two ways, by its id and by its external id."""
    named, other = import_rows.alias(), import_rows.alias()
    twice = exists().where(
        other.c.run_id == run_id, other.c.customer_id == named.c.customer_id, other.c.line != named.c.line
    )
    found = select(named.c.line).where(named.c.run_id == run_id, named.c.customer_id.is_not(None), twice)
    rejected = {"action": "rejected", "reason": reason, "customer_id": None, "effect": None, "done": True}
    mine = (import_rows.c.run_id == run_id, import_rows.c.line.in_(found))
    tx.execute(update(import_rows).where(*mine).values(rejected))


def counts(tx: Tx, run_id: str) -> dict[str, JSON]:
    """Rows by action."""
    statement = (
        select(import_rows.c.action, func.count().label("number"))
        .where(import_rows.c.run_id == run_id)
        .group_by(import_rows.c.action)
    )
    return {str(row["action"]): row["number"] for row in rows(tx, statement)}


def questions(tx: Tx, connection_id: str, customer_ids: Iterable[str]) -> dict[str, str]:
    """Customer → the open question of files about it."""
    mine = (conflicts.c.connection_id == connection_id, conflicts.c.state == "open")
    statement = select(conflicts.c.customer_id, conflicts.c.id)
    found = rows(tx, statement.where(*mine, one_of(conflicts.c.customer_id, customer_ids)))
    return {row["customer_id"]: row["id"] for row in found}


def how_far(tx: Tx, run_id: str) -> tuple[int, int]:
    """How many rows the present stage has done, and how many there are."""
    position = select(imports.c.position).where(imports.c.run_id == run_id).scalar_subquery()
    done = func.count().filter(import_rows.c.line <= position)
    found = tx.execute(select(done, func.count()).where(import_rows.c.run_id == run_id)).one()
    return int(found[0]), int(found[1])


def has_parts(tx: Tx, run_id: str) -> bool:
    """Whether the file is kept."""
    return (
        first(tx, select(import_parts.c.number).where(import_parts.c.run_id == run_id).limit(1)) is not None
    )
