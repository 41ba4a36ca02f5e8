"""Checks the value of a property and gives it the form in which HubSpot keeps it: always a text.

Texts are kept as sent, spaces and all. Source: HubSpot docs, properties (types and formats).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.hubspot.sandbox.company import iso
from connectors.hubspot.sandbox.errors import PropertyError
from connectors.hubspot.sandbox.schema import Property, Schema

TEXT_LIMIT = 65_536
_DAY = 86_400_000
_LAST = 60_000_000_000_000
"""Milliseconds; the years 69 to 3871 lie within, which `datetime` can print."""


class BadValue(ValueError):
    """A value that does not fit; `code` is HubSpot's word for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def checked(
    schema: Schema, given: Mapping[str, Any], current: Mapping[str, str]
) -> tuple[dict[str, str], list[PropertyError]]:
    """The values to store, "" where one is to be cleared, and what is wrong with the others.

    A null is passed over: HubSpot documents only the empty text as a way to clear a value.
    """
    stored: dict[str, str] = {}
    errors: list[PropertyError] = []
    for name, value in given.items():
        definition = schema.get(name)
        if definition is None:
            message = f'Property "{name}" does not exist'
            errors.append(PropertyError(name, "PROPERTY_DOESNT_EXIST", message))
        elif definition.read_only:
            message = f'"{name}" is a read only property; its value cannot be set.'
            errors.append(PropertyError(name, "READ_ONLY_VALUE", message))
        elif value is not None:
            try:
                stored[name] = fitted(definition, _text(value), current.get(name, ""))
            except BadValue as bad:
                errors.append(PropertyError(name, bad.code, str(bad)))
    return stored, errors


def fitted(definition: Property, value: str, current: str = "") -> str:
    """The stored form of a value.

    Raises:
        BadValue: it does not fit the property.
    """
    if definition.type == "string":
        if len(value) > TEXT_LIMIT:
            raise BadValue("INVALID_LENGTH", f"{definition.name} is longer than {TEXT_LIMIT} characters.")
        return value
    if not value:
        return ""
    if definition.type == "number":
        return _number(value)
    if definition.type == "bool":
        if value.lower() not in ("true", "false"):
            raise BadValue("INVALID_OPTION", f"{value} was not one of the allowed options: [true, false]")
        return value.lower()
    if definition.type == "enumeration":
        return _option(definition, value, current)
    at = milliseconds(value)
    if definition.type == "date":
        if at % _DAY:
            raise BadValue("INVALID_DATE", f"{at} is at {iso(at)[11:19]} UTC, not midnight!")
        return iso(at)[:10]
    return iso(at)


def milliseconds(value: str) -> int:
    """A time as HubSpot accepts it: ISO 8601 or milliseconds since 1970.

    Raises:
        BadValue: neither.
    """
    try:
        if value.removeprefix("-").isdecimal():
            at = int(value)
        else:
            parsed = datetime.fromisoformat(value)
            at = round((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        at = _LAST
    if not -_LAST < at < _LAST:
        raise BadValue("INVALID_LONG", f"{value} was not a valid long.")
    return at


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise BadValue("INVALID_TYPE", "A property value is a text, a number or a boolean.")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(value: str) -> str:
    try:
        finite = math.isfinite(float(value))
    except ValueError:
        finite = False
    if not finite or "_" in value:
        raise BadValue("INVALID_DOUBLE", f"{value} was not a valid number.")
    return value


def _option(definition: Property, value: str, current: str) -> str:
    """One option, or several after `;` in a checkbox; a leading `;` adds to those that are set."""
    if definition.external_options:
        return value
    allowed = [option for _, option in definition.options]
    several = definition.field_type == "checkbox"
    wanted = [each for each in value.split(";") if each] if several else [value]
    for each in wanted:
        if each not in allowed:
            raise BadValue(
                "INVALID_OPTION", f"{each} was not one of the allowed options: [{', '.join(allowed)}]"
            )
    if several and value.startswith(";"):
        wanted = [each for each in current.split(";") if each and each not in wanted] + wanted
    return ";".join(wanted)
