"""Lists of texts as one bound parameter, in either database, and who is in one."""

from __future__ import annotations

from typing import Any, Self

import orjson
from sqlalchemy import ARRAY, Text, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import Boolean, TypeEngine


class TextList(TypeDecorator[list[str]]):
    """A list of texts as one bound parameter: an array in PostgreSQL, a JSON array in SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type of the database at hand."""
        return dialect.type_descriptor(ARRAY(Text()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> Any:
        """Encode for the database at hand."""
        return value if dialect.name == "postgresql" else orjson.dumps(value).decode()


class among(FunctionElement[bool]):  # noqa: N801 - reads as the SQL operator that it is
    """`among(column, list)`: membership in one bound parameter, however many values.

    The statement's text, and the number of statements, do not depend on the number of values.
    """

    type = Boolean()
    inherit_cache = True
    name = "among"

    def self_group(self, against: OperatorType | None = None) -> Self:
        """Stand bare in a condition: SQLAlchemy would compare it with 1, and SQLite then use no index."""
        return self


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({values})"


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - values is a parameter
