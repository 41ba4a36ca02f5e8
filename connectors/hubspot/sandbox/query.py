"""Reads the body of a search and refuses what HubSpot refuses.

Source: HubSpot docs, search the CRM (operators and limits).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from connectors.hubspot.sandbox.errors import Refusal, invalid
from connectors.hubspot.sandbox.index import Document
from connectors.hubspot.sandbox.schema import Property, Schema
from connectors.hubspot.sandbox.values import BadValue, milliseconds

GROUPS, FILTERS_EACH, FILTERS = 5, 6, 18
PAGE, PAGE_LIMIT, TOTAL_LIMIT, BODY_LIMIT = 10, 200, 10_000, 3_000

Key: TypeAlias = "int | float | str"


class Operator(StrEnum):
    """How a filter compares."""

    EQ = "EQ"
    NEQ = "NEQ"
    LT = "LT"
    LTE = "LTE"
    GT = "GT"
    GTE = "GTE"
    BETWEEN = "BETWEEN"
    IN = "IN"
    NOT_IN = "NOT_IN"
    HAS_PROPERTY = "HAS_PROPERTY"
    NOT_HAS_PROPERTY = "NOT_HAS_PROPERTY"
    CONTAINS_TOKEN = "CONTAINS_TOKEN"  # noqa: S105 - no password
    NOT_CONTAINS_TOKEN = "NOT_CONTAINS_TOKEN"  # noqa: S105 - no password


_LISTS = {Operator.IN, Operator.NOT_IN}
_BARE = {Operator.HAS_PROPERTY, Operator.NOT_HAS_PROPERTY}
_TOKENS = {Operator.CONTAINS_TOKEN, Operator.NOT_CONTAINS_TOKEN}
_NUMBERS = {"number", "date", "datetime"}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition; `operands` are in the form of `key_of` for the property."""

    definition: Property
    operator: Operator
    operands: tuple[Key, ...]

    def holds(self, document: Document) -> bool:
        """Whether a document meets it. One without a value meets only NOT_HAS_PROPERTY."""
        key = key_of(self.definition, document)
        if self.operator in _BARE:
            return (key is None) is (self.operator is Operator.NOT_HAS_PROPERTY)
        return key is not None and _COMPARE[self.operator](key, self.operands)


@dataclass(frozen=True, slots=True)
class Search:
    """A search that can be run; `groups` are joined by OR, the filters of one by AND."""

    groups: tuple[tuple[Filter, ...], ...]
    words: tuple[str, ...]
    sort: Property | None
    descending: bool
    properties: tuple[str, ...]
    limit: int
    after: int


def key_of(definition: Property, document: Document) -> Key | None:
    """The value as it is compared: numbers and times as numbers, texts in lower case."""
    if definition.name == "hs_lastmodifieddate":
        return document.modified
    if definition.name == "createdate":
        return document.created
    if definition.name == "hs_object_id":
        return document.id
    value = document.values.get(definition.name)
    return None if value is None else _key(definition, value, lower=True)


def parse(schema: Schema, body: Mapping[str, Any], size: int) -> Search:
    """Read a search.

    Args:
        schema: the properties that there are.
        body: the JSON that was sent.
        size: its length in characters.

    Raises:
        Refusal: HubSpot would not run it.
    """
    if size > BODY_LIMIT:
        raise invalid(f"The request body is {size} characters long; the limit is {BODY_LIMIT}.")
    groups = _objects(body, "filterGroups")
    if _objects(body, "filters"):
        groups = [{"filters": body["filters"]}, *groups]
    if len(groups) > GROUPS:
        raise _too_many("filterGroups", len(groups), GROUPS)
    parsed = tuple(tuple(_filter(schema, each) for each in _objects(group, "filters")) for group in groups)
    for group in parsed:
        if len(group) > FILTERS_EACH:
            raise _too_many("filters per filterGroup", len(group), FILTERS_EACH)
    if sum(map(len, parsed)) > FILTERS:
        raise _too_many("filters", sum(map(len, parsed)), FILTERS)
    limit = _whole(body.get("limit"), "limit", PAGE)
    after = _whole(body.get("after"), "after", 0)
    if not 0 <= limit <= PAGE_LIMIT:
        raise invalid(f"Invalid limit {limit}. The limit must be between 0 and {PAGE_LIMIT}.")
    if after + limit > TOTAL_LIMIT:
        raise invalid(f"A search can page through {TOTAL_LIMIT} results; {after} + {limit} is beyond.")
    sorts = body.get("sorts") or []
    properties = body.get("properties") or []
    if not isinstance(sorts, list) or not isinstance(properties, list):
        raise invalid("Invalid input JSON: sorts and properties must be lists.")
    sort, descending = _sort(schema, sorts)
    return Search(
        groups=tuple(group for group in parsed if group),
        words=tuple(str(body.get("query") or "").lower().split()),
        sort=sort,
        descending=descending,
        properties=tuple(map(str, properties)),
        limit=limit,
        after=after,
    )


def _objects(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = body.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise invalid(f"Invalid input JSON: {name} must be a list of objects.")
    return found


def _filter(schema: Schema, given: Mapping[str, Any]) -> Filter:
    name = str(given.get("propertyName"))
    definition = schema.get(name)
    if definition is None:
        raise invalid(f'Property "{name}" does not exist', context={"propertyName": [name]})
    try:
        operator = Operator(str(given.get("operator")))
    except ValueError:
        raise invalid(f"Invalid operator {given.get('operator')!r} for property {name}.") from None
    if operator in _BARE:
        return Filter(definition, operator, ())
    if operator in _LISTS:
        values = given.get("values")
    elif operator is Operator.BETWEEN:
        values = [given.get("value"), given.get("highValue")]
    else:
        values = [given.get("value")]
    if not isinstance(values, list) or not values or any(value in (None, "") for value in values):
        raise invalid(f"The operator {operator} on property {name} needs {_NEEDS.get(operator, 'a value')}.")
    # IN and NOT_IN compare with the values as they are given: on texts these must be lower-case.
    lower = operator not in _LISTS
    if operator in _TOKENS:
        return Filter(definition, operator, tuple(str(value).lower() for value in values))
    try:
        return Filter(
            definition, operator, tuple(_key(definition, str(value), lower=lower) for value in values)
        )
    except (BadValue, ValueError):
        raise invalid(f"Invalid value for property {name} of type {definition.type}.") from None


def _key(definition: Property, value: str, *, lower: bool) -> Key:
    if definition.name == "hs_object_id":
        return int(value)
    if definition.type == "number":
        return float(value)
    if definition.type in _NUMBERS:
        return milliseconds(value)
    if definition.type in ("enumeration", "bool") or not lower:
        return value
    return value.lower()


def _sort(schema: Schema, sorts: Sequence[Any]) -> tuple[Property | None, bool]:
    if len(sorts) > 1:
        raise invalid("Only one sort rule is allowed.")
    if not sorts:
        return None, False
    given = sorts[0]
    if isinstance(given, str):
        name, descending = given.removeprefix("-"), given.startswith("-")
    elif isinstance(given, dict):
        name, descending = str(given.get("propertyName")), given.get("direction") == "DESCENDING"
    else:
        raise invalid("Invalid input JSON: a sort is an object.")
    definition = schema.get(name)
    if definition is None:
        raise invalid(f'Property "{name}" does not exist', context={"propertyName": [name]})
    return definition, descending


def _whole(value: Any, name: str, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not str(value).isdecimal():
        raise invalid(f"Invalid input JSON: {name} must be an integer.")
    return int(value)


def _too_many(what: str, count: int, most: int) -> Refusal:
    return invalid(f"Invalid input JSON: too many {what} (count: {count}, max allowed: {most})")


def _token(key: Key, operands: tuple[Key, ...]) -> bool:
    """Every word of the operand is a word of the value; `*` stands for any letters."""
    words = re.findall(r"\w+", str(key))
    wanted = re.findall(r"[\w*]+", str(operands[0]))
    patterns = [re.compile(re.escape(word).replace(r"\*", r"\w*")) for word in wanted]
    return all(any(pattern.fullmatch(word) for word in words) for pattern in patterns)


_NEEDS = {
    Operator.IN: "a list of values",
    Operator.NOT_IN: "a list of values",
    Operator.BETWEEN: "a value and a highValue",
}

_COMPARE: Mapping[Operator, Callable[[Any, tuple[Any, ...]], bool]] = {
    Operator.EQ: lambda key, operands: bool(key == operands[0]),
    Operator.NEQ: lambda key, operands: bool(key != operands[0]),
    Operator.LT: lambda key, operands: bool(key < operands[0]),
    Operator.LTE: lambda key, operands: bool(key <= operands[0]),
    Operator.GT: lambda key, operands: bool(key > operands[0]),
    Operator.GTE: lambda key, operands: bool(key >= operands[0]),
    Operator.BETWEEN: lambda key, operands: bool(operands[0] <= key <= operands[1]),
    Operator.IN: lambda key, operands: key in operands,
    Operator.NOT_IN: lambda key, operands: key not in operands,
    Operator.CONTAINS_TOKEN: _token,
    Operator.NOT_CONTAINS_TOKEN: lambda key, operands: not _token(key, operands),
}
