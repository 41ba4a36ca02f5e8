"""The few shapes of query that every aggregate uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias, cast
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Select, Table, bindparam, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from sync.errors import VersionMoved
from sync.store.lists import TextList, among
from sync.store.session import Tx
from sync.store.types import db_now

Row: TypeAlias = "Mapping[str, Any]"
"""A row by column name."""


def one_of(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """`column` is one of `values`: one bound parameter, whatever their number."""
    parameter = bindparam(None, list(values), type_=TextList(), unique=True)
    return cast("ColumnElement[bool]", among(column, parameter))


def names(column: ColumnElement[Any], record_id: str) -> ColumnElement[bool]:
    """`column`, a text of people's, names the record of this id: with dashes or without, in either case.

    The column itself is compared, never a form of it, so that an index serves behind the walls, too.
    """
    ways = (record_id, str(UUID(record_id)))
    return column.in_([*ways, *(way.upper() for way in ways)])


class as_object(FunctionElement[Any]):  # noqa: N801 - reads as the SQL function that it is
    """`as_object(key, value)`: the rows of a group as one JSON object, or null or an empty one for none."""

    type = JSON()
    inherit_cache = True


class as_list(FunctionElement[Any]):  # noqa: N801
    """`as_list(value, ...)`: values of a row as one JSON list."""

    type = JSON()
    inherit_cache = True


_JSON = {
    (as_object, "postgresql"): "json_object_agg",
    (as_object, "sqlite"): "json_group_object",
    (as_list, "postgresql"): "json_build_array",
    (as_list, "sqlite"): "json_array",
}


@compiles(as_object)
@compiles(as_list)
def _as_json(element: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    values = compiler.process(element.clauses, **options)
    return f"{_JSON[type(element), compiler.dialect.name]}({values})"


def insert_into(tx: Tx, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An insert that can say what becomes of a row that is there already."""
    return postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)


def rows(tx: Tx, statement: Select[Any], values: Mapping[str, Any] | None = None) -> list[Row]:
    """All rows of a select, by column name; `values` are those of its named parameters."""
    found = tx.execute(statement, values)
    names = tuple(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found]


def first(tx: Tx, statement: Select[Any]) -> Row | None:
    """The first row of a select, by column name."""
    row = tx.execute(statement).mappings().first()
    return None if row is None else dict(row)


def expect(row: Row, version: int | None) -> None:
    """Refuse a change of a locked row that is no longer as its reader saw it; None does not care.

    Raises:
        VersionMoved: it has another version.
    """
    if version is not None and version != row["version"]:
        raise VersionMoved


def now(tx: Tx) -> datetime:
    """The database's clock."""
    return tx.execute(select(db_now())).scalar_one()


@dataclass(frozen=True, slots=True)
class After:
    """A slice of a list that is sorted by a time and, where that is the same, by id.

    Args:
        by: the column of the time.
        descending: the latest first.
        last: time and id of the last row that is known; None for the beginning.
        limit: rows at most.
    """

    by: str
    descending: bool
    last: tuple[datetime, str] | None
    limit: int


def sliced(statement: Select[Any], table: Table, after: After) -> Select[Any]:
    """A select of `table`, cut to a slice by key, never by counting rows."""
    time, key = table.c[after.by], table.c.id
    if after.last is not None:
        place = tuple_(time, key)
        known = tuple_(literal(after.last[0], time.type), literal(after.last[1], key.type))
        statement = statement.where(place < known if after.descending else place > known)
    order = (time.desc(), key.desc()) if after.descending else (time, key)
    return statement.order_by(*order).limit(after.limit)
