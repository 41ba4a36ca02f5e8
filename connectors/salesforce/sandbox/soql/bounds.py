"""What a condition says about where its rows lie in an index: the planner's arithmetic.

Bounds may be wider than the condition, never narrower: the predicate is still applied to each row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TypeVar

from connectors.salesforce.sandbox.soql.syntax import (
    Among,
    Both,
    Compare,
    Condition,
    Either,
)
from connectors.salesforce.sandbox.view import Mark, View

STAMP = "SystemModstamp"
_Bound = TypeVar("_Bound", str, Mark)

_LAST = "~"
"""Sorts after every id."""


@dataclass(frozen=True, slots=True)
class Span:
    """Rows between two marks of (SystemModstamp, Id) and between two ids; None is no bound."""

    low: Mark | None = None
    high: Mark | None = None
    first: str | None = None
    last: str | None = None

    def within(self, other: Span) -> Span:
        """Rows that lie in both."""
        low, high = _highest(self.low, other.low), _lowest(self.high, other.high)
        first, last = _highest(self.first, other.first), _lowest(self.last, other.last)
        # Rows at the lowest stamp have an id from `first` on, so `first` moves the lowest mark: this is
        # what lets a page that starts inside many equal stamps start at its own row.
        if low is not None and first is not None:
            low = max(low, (low[0], first))
        if high is not None and last is not None:
            high = min(high, (high[0], last))
        return Span(low, high, first, last)

    def around(self, other: Span) -> Span:
        """Rows that lie in either, and what is between."""
        return Span(
            None if self.low is None or other.low is None else min(self.low, other.low),
            None if self.high is None or other.high is None else max(self.high, other.high),
            None if self.first is None or other.first is None else min(self.first, other.first),
            None if self.last is None or other.last is None else max(self.last, other.last),
        )


def span(condition: Condition | None, context: Span | None = None) -> Span:
    """Where the rows lie that satisfy the condition and lie in the context."""
    found = context or Span()
    if isinstance(condition, Both):
        # Alternatives last, so that each is narrowed by all that holds besides.
        for part in sorted(condition.parts, key=lambda part: isinstance(part, Either)):
            found = span(part, found)
        return found
    if isinstance(condition, Either):
        spans = [span(part, found) for part in condition.parts]
        return reduce(Span.around, spans)
    if isinstance(condition, Compare) and isinstance(condition.literal.value, str):
        value = condition.literal.value
        if condition.field == STAMP:
            low, high = _ends(condition.op, (value, ""), (value, _LAST))
            return found.within(Span(low=low, high=high))
        if condition.field == "Id":
            first, last = _ends(condition.op, value, value)
            return found.within(Span(first=first, last=last))
    return found


def named(condition: Condition | None, view: View) -> set[str] | None:
    """The ids that the rows of the condition must be among; None if it names none.

    Equality and IN on Id or on an indexed field name rows.
    """
    if isinstance(condition, Both):
        sets = [ids for part in condition.parts if (ids := named(part, view)) is not None]
        return min(sets, key=len) if sets else None
    if isinstance(condition, Either):
        union: set[str] = set()
        for part in condition.parts:
            ids = named(part, view)
            if ids is None:
                return None
            union |= ids
        return union
    if isinstance(condition, Compare) and condition.op == "=":
        values = [condition.literal.value]
    elif isinstance(condition, Among) and not condition.negated:
        values = [literal.value for literal in condition.literals]
    else:
        return None
    if condition.field == "Id":
        return {value for value in values if isinstance(value, str) and value in view.rows}
    index = view.keys.get(condition.field)
    # The index holds rows with a value only.
    if index is None or None in values:
        return None
    return {record for value in values for record in index.find(value)}


def _ends(op: str, low: _Bound, high: _Bound) -> tuple[_Bound | None, _Bound | None]:
    if op == "=":
        return low, high
    if op in (">", ">="):
        return (high if op == ">" else low), None
    if op in ("<", "<="):
        return None, (low if op == "<" else high)
    return None, None


def _highest(one: _Bound | None, other: _Bound | None) -> _Bound | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _lowest(one: _Bound | None, other: _Bound | None) -> _Bound | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
