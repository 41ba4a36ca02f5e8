"""Set-wise writes: one statement per call, however many rows.

PostgreSQL takes inserts as COPY and updates as one statement over a JSON document; SQLite takes both as
one `executemany`, which is as fast inside one process. Within the walls of one organisation there is no COPY:
PostgreSQL refuses it under row-level security, and inserts go as updates do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias, cast

import orjson
import psycopg
from psycopg import sql as pg
from sqlalchemy import Boolean, Integer, LargeBinary, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from sync.store import walls
from sync.store.session import Tx
from sync.store.types import Exact, Json, UtcDateTime

Row: TypeAlias = "Mapping[str, Any]"


def insert(tx: Tx, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that all have the same columns."""
    if not rows:
        return
    columns = tuple(rows[0])
    if walls.raised(tx):
        _insert_document(tx, table, columns, rows)
        return
    if tx.dialect.name == "postgresql":
        statement = pg.SQL("COPY {} ({}) FROM STDIN").format(
            pg.Identifier(table.name), pg.SQL(", ").join(map(pg.Identifier, columns))
        )
        driver = cast("psycopg.Connection[Any]", tx.connection.driver_connection)
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for values in _encoded(table, columns, "copy", rows):
                    copy.write_row(values)
        except psycopg.Error as error:
            # Beneath SQLAlchemy: give it the type that every caller knows, without the row's values.
            raise _wrapped(tx, error) from error
        return
    names = ", ".join(columns)
    marks = ", ".join("?" for _ in columns)
    statement_text = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
    tx.exec_driver_sql(statement_text, list(map(tuple, _encoded(table, columns, "sqlite", rows))))


def _wrapped(tx: Tx, error: psycopg.Error) -> BaseException:
    return DBAPIError.instance(
        "COPY", None, error, psycopg.Error, hide_parameters=True, dialect=tx.dialect, ismulti=True
    )


def update(tx: Tx, table: Table, keys: Sequence[str], rows: Sequence[Row]) -> None:
    """Update rows by their key columns; every other column of the rows is set."""
    if not rows:
        return
    columns = tuple(rows[0])
    settable = [name for name in columns if name not in keys]
    if tx.dialect.name == "postgresql":
        assignments = ", ".join(f"{name} = fresh.{name}" for name in settable)
        matching = " AND ".join(f"{table.name}.{name} = fresh.{name}" for name in keys)
        statement = (
            f"UPDATE {table.name} SET {assignments} "  # noqa: S608 - our own names
            f"FROM json_to_recordset(CAST(%(rows)s AS json)) AS fresh({_recordset(table, columns)}) "
            f"WHERE {matching}"
        )
        tx.exec_driver_sql(statement, {"rows": _document(table, columns, rows)})
        return
    assignments = ", ".join(f"{name} = ?" for name in settable)
    matching = " AND ".join(f"{name} = ?" for name in keys)
    statement = f"UPDATE {table.name} SET {assignments} WHERE {matching}"  # noqa: S608 - our own names
    tx.exec_driver_sql(statement, list(map(tuple, _encoded(table, (*settable, *keys), "sqlite", rows))))


def upsert(tx: Tx, table: Table, keys: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows, or update those whose key is there already. Keys must be distinct within `rows`."""
    if not rows:
        return
    columns = tuple(rows[0])
    names = ", ".join(columns)
    settable = [name for name in columns if name not in keys]
    assignments = ", ".join(f"{name} = excluded.{name}" for name in settable)
    action = f"DO UPDATE SET {assignments}" if settable else "DO NOTHING"
    tail = f"ON CONFLICT ({', '.join(keys)}) {action}"
    if tx.dialect.name == "postgresql":
        _insert_document(tx, table, columns, rows, tail)
        return
    marks = ", ".join("?" for _ in columns)
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks}) {tail}"  # noqa: S608 - our own names
    tx.exec_driver_sql(statement, list(map(tuple, _encoded(table, columns, "sqlite", rows))))


def _insert_document(
    tx: Tx, table: Table, columns: tuple[str, ...], rows: Sequence[Row], tail: str = ""
) -> None:
    names = ", ".join(columns)
    statement = (
        f"INSERT INTO {table.name} ({names}) SELECT {names} "  # noqa: S608 - our own names
        f"FROM json_to_recordset(CAST(%(rows)s AS json)) AS fresh({_recordset(table, columns)}) {tail}"
    )
    tx.exec_driver_sql(statement, {"rows": _document(table, columns, rows)})


Encoder: TypeAlias = "Callable[[Any], Any]"


def _json_text(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _utc(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError("a time without a time zone cannot be stored")
    return value


@lru_cache(maxsize=1_024)
def _sqlite_time(value: datetime | None) -> str | None:
    aware = _utc(value)
    return None if aware is None else f"{aware.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


def _iso_time(value: datetime | None) -> str | None:
    aware = _utc(value)
    return None if aware is None else aware.astimezone(UTC).isoformat()


def _decimal_text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:.9f}"


def _hex_bytes(value: bytes | None) -> str | None:
    return None if value is None else "\\x" + value.hex()


_BY_TARGET: Mapping[str, Mapping[type[TypeEngine[Any]], Encoder]] = {
    "copy": {Json: _json_text, UtcDateTime: _utc},
    "sqlite": {Json: _json_text, UtcDateTime: _sqlite_time, Boolean: int, Exact: _decimal_text},
    "document": {Json: _json_text, UtcDateTime: _iso_time, LargeBinary: _hex_bytes, Exact: _decimal_text},
}


@lru_cache(maxsize=256)
def _encoders(table: Table, columns: tuple[str, ...], target: str) -> tuple[tuple[int, Encoder], ...]:
    """The columns whose values a target does not take as they are, by position."""
    by_type = _BY_TARGET[target]
    kinds = [(index, by_type.get(type(table.c[name].type))) for index, name in enumerate(columns)]
    return tuple((index, encode) for index, encode in kinds if encode is not None)


def _encoded(table: Table, columns: tuple[str, ...], target: str, rows: Iterable[Row]) -> Iterator[list[Any]]:
    encoders = _encoders(table, columns, target)
    for row in rows:
        values = [row[name] for name in columns]
        for index, encode in encoders:
            values[index] = encode(values[index])
        yield values


def _document(table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> str:
    encoded = _encoded(table, columns, "document", rows)
    return orjson.dumps([dict(zip(columns, values, strict=True)) for values in encoded]).decode()


@lru_cache(maxsize=256)
def _recordset(table: Table, columns: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {_pg_type(table.c[name].type)}" for name in columns)


def _pg_type(kind: TypeEngine[Any]) -> str:
    if isinstance(kind, UtcDateTime):
        return "timestamptz"
    if isinstance(kind, Boolean):
        return "boolean"
    if isinstance(kind, LargeBinary):
        return "bytea"
    if isinstance(kind, Exact):
        return "numeric"
    return "bigint" if isinstance(kind, Integer) else "text"
