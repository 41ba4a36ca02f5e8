"""Checks a parsed query against an object's fields and puts its names and values in stored form.

After this a condition compares stored values: field names are API names, ids have 18 characters, texts
have lost their escapes, and a blank text is null.
"""

from __future__ import annotations

from dataclasses import replace

from connectors.salesforce.sandbox.errors import ApiError
from connectors.salesforce.sandbox.ids import canonical
from connectors.salesforce.sandbox.schema import ID_TYPES, NUMBER_TYPES, TEXT_TYPES, Field, Schema
from connectors.salesforce.sandbox.soql.lexer import like_pattern, unescaped
from connectors.salesforce.sandbox.soql.syntax import (
    Among,
    Both,
    Compare,
    Condition,
    Either,
    Literal,
    Negation,
    Order,
    Query,
    Selected,
    refused,
)

_LITERAL_OF = {"datetime": "datetime", "date": "date", "boolean": "boolean"}
_TYPE_NAMES = {"datetime": "dateTime", "int": "int", "boolean": "boolean", "date": "date"}


def checked(query: Query, schema: Schema) -> Query:
    """The query with every name and value resolved.

    Raises:
        ApiError: a field that is not there or not fit for its use, or a value of another type.
    """
    checker = _Checker(query.text, schema)
    if query.selected[0].function is not None and (query.order or query.offset):
        at = query.order[0].at if query.order else query.selected[0].at
        raise refused(query.text, at, "An aggregate without GROUP BY takes no ORDER BY and no OFFSET")
    return replace(
        query,
        selected=checker.selected(query.selected),
        where=None if query.where is None else checker.condition(query.where),
        order=tuple(checker.order(item) for item in query.order),
    )


class _Checker:
    """Resolves the parts of one query."""

    def __init__(self, text: str, schema: Schema) -> None:
        self.text = text
        self.schema = schema

    def selected(self, items: tuple[Selected, ...]) -> tuple[Selected, ...]:
        resolved = tuple(self.item(item) for item in items)
        counts_all = any(item.function == "count" and not item.name for item in resolved)
        plain = next((item for item in resolved if item.function is None), None)
        if counts_all and len(resolved) > 1:
            raise refused(self.text, resolved[1].at, "COUNT() must be the only element in the SELECT list")
        if plain is not None and any(item.function for item in resolved):
            raise refused(self.text, plain.at, f"Field must be grouped or aggregated: {plain.name}")
        names = [item.name for item in resolved if item.function is None]
        twice = next((item for place, item in enumerate(resolved) if item.name in names[:place]), None)
        if twice is not None and twice.function is None:
            reason = f"duplicate field selected: {twice.name}"
            raise refused(self.text, twice.at, reason, code="INVALID_FIELD")
        return resolved

    def item(self, item: Selected) -> Selected:
        if item.function == "count" and not item.name:
            return item
        field = self.field(item.name, item.at)
        if item.function in ("min", "max") and not field.aggregatable:
            reason = f"field {field.name} does not support aggregate operator {item.function.upper()}"
            raise refused(self.text, item.at, reason)
        return replace(item, name=field.name)

    def order(self, item: Order) -> Order:
        field = self.field(item.field, item.at)
        if not field.sortable:
            reason = f"field '{field.name}' can not be sorted in a query call"
            raise refused(self.text, item.at, reason)
        return replace(item, field=field.name)

    def condition(self, condition: Condition) -> Condition:
        if isinstance(condition, Both | Either):
            return replace(condition, parts=tuple(self.condition(part) for part in condition.parts))
        if isinstance(condition, Negation):
            return Negation(self.condition(condition.part))
        field = self.field(condition.field, condition.at)
        if not field.filterable or field.type == "address":
            reason = f"field '{field.name}' can not be filtered in a query call"
            raise refused(self.text, condition.at, reason, code="INVALID_FIELD")
        if isinstance(condition, Among):
            literals = tuple(self.literal(field, literal) for literal in condition.literals)
            return replace(condition, field=field.name, literals=literals)
        self.operator(field, condition)
        if condition.op == "like":
            if like_pattern(str(condition.literal.value)) is None:
                raise self.broken(condition.literal)
            return replace(condition, field=field.name)
        literal = self.literal(field, condition.literal)
        if literal.kind == "null" and condition.op not in ("=", "!="):
            raise self.bad_operator(field, condition.at)
        return replace(condition, field=field.name, literal=literal)

    def operator(self, field: Field, compare: Compare) -> None:
        if compare.op == "like" and (field.type not in TEXT_TYPES or compare.literal.kind != "string"):
            raise self.bad_operator(field, compare.at)
        if field.type == "boolean" and compare.op not in ("=", "!="):
            raise self.bad_operator(field, compare.at)

    def literal(self, field: Field, literal: Literal) -> Literal:
        if literal.kind == "null":
            return literal
        quoted = field.type in TEXT_TYPES or field.type in ID_TYPES
        wanted = "string" if quoted else _LITERAL_OF.get(field.type, "number")
        if literal.kind != wanted:
            kind = _TYPE_NAMES.get(field.type, "double" if field.type in NUMBER_TYPES else "string")
            mood = "should" if quoted else "should not"
            reason = (
                f"value of filter criterion for field '{field.name}' must be of type {kind} "
                f"and {mood} be enclosed in quotes"
            )
            raise refused(self.text, literal.at, reason, code="INVALID_FIELD")
        if not quoted:
            return literal
        text = unescaped(str(literal.value))
        if text is None:
            raise self.broken(literal)
        if field.type in ID_TYPES and text:
            record = canonical(text)
            if record is None:
                reason = f"invalid ID field: {text}"
                raise refused(self.text, literal.at, reason, code="INVALID_QUERY_FILTER_OPERATOR")
            return replace(literal, value=record)
        return replace(literal, value=text) if text else Literal("null", None, literal.at)

    def field(self, name: str, at: int) -> Field:
        field = self.schema.find(name)
        if field is None:
            reason = (
                f"No such column '{name}' on entity '{self.schema.name}'. If you are attempting to use a "
                "custom field, be sure to append the '__c' after the custom field name. Please reference "
                "your WSDL or the describe call for the appropriate names."
            )
            raise refused(self.text, at, reason, code="INVALID_FIELD")
        return field

    def bad_operator(self, field: Field, at: int) -> ApiError:
        reason = f"invalid operator on {field.type} field"
        return refused(self.text, at, reason, code="INVALID_QUERY_FILTER_OPERATOR")

    def broken(self, literal: Literal) -> ApiError:
        reason = f"Invalid string literal '{literal.value}'. Illegal character sequence in string literal."
        return refused(self.text, literal.at, reason)
