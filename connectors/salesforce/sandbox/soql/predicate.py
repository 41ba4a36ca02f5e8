"""Turns a checked condition into a function of a row.

Two-valued logic: a comparison with a field that is blank does not hold, save `= null`, `!=` a value and
`NOT IN` of values. Texts compare without regard to case unless the field is exact.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

from connectors.salesforce.sandbox.schema import TEXT_TYPES, Row, Schema
from connectors.salesforce.sandbox.soql.lexer import like_pattern
from connectors.salesforce.sandbox.soql.syntax import (
    Among,
    Both,
    Compare,
    Condition,
    Either,
    Negation,
)

Predicate: TypeAlias = "Callable[[Row], bool]"

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def predicate(condition: Condition, schema: Schema) -> Predicate:
    """Whether a row satisfies the condition."""
    if isinstance(condition, Both):
        parts = [predicate(part, schema) for part in condition.parts]
        return lambda row: all(part(row) for part in parts)
    if isinstance(condition, Either):
        parts = [predicate(part, schema) for part in condition.parts]
        return lambda row: any(part(row) for part in parts)
    if isinstance(condition, Negation):
        inner = predicate(condition.part, schema)
        return lambda row: not inner(row)
    folded = folds(schema, condition.field)
    if isinstance(condition, Among):
        return _among(condition, folded)
    return _like(condition) if condition.op == "like" else _compare(condition, folded)


def folds(schema: Schema, name: str) -> bool:
    """Whether values of the field are compared without regard to case."""
    field = schema.by_name[name]
    return field.type in TEXT_TYPES and not field.exact


def _compare(condition: Compare, folded: bool) -> Predicate:
    name, wanted = condition.field, condition.literal.value
    if wanted is None:
        if condition.op == "=":
            return lambda row: row.get(name) is None
        return lambda row: row.get(name) is not None
    if folded and isinstance(wanted, str):
        wanted = wanted.casefold()
        if condition.op == "=":
            return lambda row: (value := row.get(name)) is not None and value.casefold() == wanted
        if condition.op == "!=":
            return lambda row: (value := row.get(name)) is None or value.casefold() != wanted
        holds = _OPERATORS[condition.op]
        return lambda row: (value := row.get(name)) is not None and holds(value.casefold(), wanted)
    if condition.op == "=":
        return lambda row: row.get(name) == wanted
    if condition.op == "!=":
        return lambda row: row.get(name) != wanted
    holds = _OPERATORS[condition.op]
    return lambda row: (value := row.get(name)) is not None and holds(value, wanted)


def _among(condition: Among, folded: bool) -> Predicate:
    name = condition.field
    values = {literal.value for literal in condition.literals}
    if folded:
        values = {value.casefold() if isinstance(value, str) else value for value in values}

    def found(row: Row) -> bool:
        value = row.get(name)
        return (value.casefold() if folded and value is not None else value) in values

    return (lambda row: not found(row)) if condition.negated else found


def _like(condition: Compare) -> Predicate:
    name, pattern = condition.field, like_pattern(str(condition.literal.value))
    if pattern is None:
        raise ValueError("the pattern was not checked")
    matches = pattern.fullmatch
    return lambda row: (value := row.get(name)) is not None and matches(value) is not None
