"""A query as values: what the parser makes and the planner reads. Names are API names.

Source: SOQL and SOSL reference, SELECT syntax and condition expressions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from connectors.salesforce.sandbox.errors import ApiError

Value: TypeAlias = "str | float | bool | None"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in a query. `kind` is string, number, datetime, date, boolean or null.

    A string is as it stands between its quotes, escapes and all; a datetime is a stamp in UTC.
    """

    kind: str
    value: Value
    at: int


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op literal`, op one of = != < <= > >= LIKE."""

    field: str
    op: str
    literal: Literal
    at: int


@dataclass(frozen=True, slots=True)
class Among:
    """`field IN (...)` or `field NOT IN (...)`."""

    field: str
    negated: bool
    literals: tuple[Literal, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Both:
    """All parts hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold."""

    part: Condition


Condition: TypeAlias = "Compare | Among | Both | Either | Negation"


@dataclass(frozen=True, slots=True)
class Selected:
    """One item of the SELECT list: a field, or COUNT, MIN or MAX of one (COUNT() has no field)."""

    name: str
    at: int
    function: str | None = None
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One item of ORDER BY."""

    field: str
    at: int
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query; `text` is as sent, for error messages."""

    text: str
    selected: tuple[Selected, ...]
    entity: str
    entity_at: int
    where: Condition | None = None
    order: tuple[Order, ...] = field(default=())
    limit: int | None = None
    offset: int = 0


def refused(text: str, at: int, reason: str, *, code: str = "MALFORMED_QUERY") -> ApiError:
    """A query that is refused, with the place shown as Salesforce shows it."""
    row = text.count("\n", 0, at) + 1
    start = text.rfind("\n", 0, at) + 1
    line = text[start:].split("\n", 1)[0]
    column = at - start + 1
    pointer = " " * (column - 1) + "^"
    return ApiError(code, f"\n{line}\n{pointer}\nERROR at Row:{row}:Column:{column}\n{reason}")
