"""Column types that mean the same on SQLite and PostgreSQL, and the database's own clock."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import DateTime, Numeric, Text, types
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


class UtcDateTime(types.TypeDecorator[datetime]):
    """An aware UTC time. SQLite keeps it as text that sorts like the time itself."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: they mean something else on every machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone cannot be stored")
        aware = value.astimezone(UTC)
        return aware.replace(tzinfo=None) if dialect.name == "sqlite" else aware

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give every time back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Json(types.TypeDecorator[Any]):
    """JSON kept as text: written and compared as it stands, never rewritten by the database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Encode; None is SQL NULL."""
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Decode."""
        return None if value is None else orjson.loads(value)


class Exact(types.TypeDecorator[Decimal]):
    """An exact decimal: at most 18 digits before the point and 9 after it. SQLite keeps it as text."""

    impl = Numeric(27, 9)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """SQLite's own decimals are floating-point numbers."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Numeric(27, 9))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Encode for the database at hand."""
        return value if value is None or dialect.name != "sqlite" else f"{value:.9f}"

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """The number as it was given, without zeros at its end."""
        return None if value is None else _plain(Decimal(value))


def _plain(value: Decimal) -> Decimal:
    whole = value.to_integral_value()
    return whole if value == whole else value.normalize()


class db_now(FunctionElement[datetime]):  # noqa: N801 - reads as the SQL function that it is
    """The database's clock, in UTC: the only clock that decides leases and due times."""

    type = UtcDateTime()
    inherit_cache = True
    name = "db_now"


@compiles(db_now, "postgresql")
def _now_postgresql(element: db_now, compiler: SQLCompiler, **options: Any) -> str:
    return "clock_timestamp()"


@compiles(db_now, "sqlite")
def _now_sqlite(element: db_now, compiler: SQLCompiler, **options: Any) -> str:
    # The text form that SQLAlchemy itself writes: six fractional digits, of which SQLite knows three.
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


class later(FunctionElement[datetime]):  # noqa: N801 - reads as the SQL function that it is
    """The database's clock plus a number of seconds, which is a bound parameter."""

    type = UtcDateTime()
    inherit_cache = True
    name = "later"


@compiles(later, "postgresql")
def _later_postgresql(element: later, compiler: SQLCompiler, **options: Any) -> str:
    return f"clock_timestamp() + make_interval(secs => {compiler.process(element.clauses, **options)})"


@compiles(later, "sqlite")
def _later_sqlite(element: later, compiler: SQLCompiler, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', ({seconds}) || ' seconds')"
