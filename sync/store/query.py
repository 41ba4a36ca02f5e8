"""The few shapes of query that every aggregate uses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, RowMapping, Select, bindparam, select

from sync.store.session import Tx, among
from sync.store.types import db_now


def one_of(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """`column` is one of `values`: one bound parameter, whatever their number."""
    text = orjson.dumps(list(values)).decode()
    return cast("ColumnElement[bool]", among(column, bindparam(None, text, unique=True)))


def rows(tx: Tx, statement: Select[Any]) -> list[RowMapping]:
    """All rows of a select, by column name."""
    return list(tx.execute(statement).mappings())


def first(tx: Tx, statement: Select[Any]) -> RowMapping | None:
    """The first row of a select, by column name."""
    return tx.execute(statement).mappings().first()


def now(tx: Tx) -> datetime:
    """The database's clock."""
    return tx.execute(select(db_now())).scalar_one()
