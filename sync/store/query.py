"""The few shapes of query that every aggregate uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias, cast

from sqlalchemy import ColumnElement, Select, bindparam, select

from sync.store.session import TextList, Tx, among
from sync.store.types import db_now

Row: TypeAlias = "Mapping[str, Any]"
"""A row by column name."""


def one_of(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """`column` is one of `values`: one bound parameter, whatever their number."""
    parameter = bindparam(None, list(values), type_=TextList(), unique=True)
    return cast("ColumnElement[bool]", among(column, parameter))


def rows(tx: Tx, statement: Select[Any]) -> list[Row]:
    """All rows of a select, by column name."""
    return [dict(row) for row in tx.execute(statement).mappings()]


def first(tx: Tx, statement: Select[Any]) -> Row | None:
    """The first row of a select, by column name."""
    row = tx.execute(statement).mappings().first()
    return None if row is None else dict(row)


def now(tx: Tx) -> datetime:
    """The database's clock."""
    return tx.execute(select(db_now())).scalar_one()
