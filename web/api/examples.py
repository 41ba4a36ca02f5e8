"""Examples of bodies, made of the examples that their fields have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.records import JSON

PLACEHOLDER = "text"
"""Stands where a text that must be given has no example of its own."""

_FORMATS = {
    "date-time": "2026-01-31T09:30:00Z",
    "date": "2026-01-31",
    "uuid": "0199b2c4-7d1e-7a3b-9c5d-2f4e6a8b0c1d",
    "uri": "https://example.com/contract.pdf",
    "email": "billing@acme.example",
}
_NUMBERS = {"integer": 1, "number": 1.5}
_REF = "#/components/schemas/"


class Examples:
    """Makes examples.

    Args:
        schemas: the schemas that others refer to, by name.
        whole: whether fields that may be null are shown as null when they have no example; else left out.
    """

    def __init__(self, schemas: Mapping[str, Any], *, whole: bool) -> None:
        self._schemas, self._whole = schemas, whole

    def of(self, schema: Mapping[str, Any]) -> JSON:
        """A value that fits a schema."""
        for known in ("examples", "enum"):
            if schema.get(known):
                first: JSON = schema[known][0]
                return first
        for known in ("const", "default"):
            if schema.get(known) is not None:
                value: JSON = schema[known]
                return value
        if "$ref" in schema:
            return self.of(self._schemas[schema["$ref"].removeprefix(_REF)])
        for choice in ("anyOf", "oneOf", "allOf"):
            if choice in schema:
                return self.of(schema[choice][0])
        return self._plain(schema)

    def _plain(self, schema: Mapping[str, Any]) -> JSON:
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema)
        if kind == "array":
            return [self.of(schema["items"])] if self._has_own(schema.get("items", {})) else []
        if kind == "string":
            return _FORMATS.get(schema.get("format", ""), PLACEHOLDER)
        if kind in _NUMBERS:
            number: JSON = schema.get("minimum", _NUMBERS[kind])
            return number
        return True if kind == "boolean" else None

    def _object(self, schema: Mapping[str, Any]) -> JSON:
        made: dict[str, JSON] = {}
        for name, each in schema.get("properties", {}).items():
            required = name in schema.get("required", ())
            nullable = any(one.get("type") == "null" for one in each.get("anyOf", ()))
            if self._has_own(each) or (required and not nullable):
                made[name] = self.of(each)
            elif required or self._whole:
                made[name] = None if nullable else self.of(each)
        return made

    def _has_own(self, schema: Mapping[str, Any]) -> bool:
        """Whether there is something to show that is not made up."""
        if any(schema.get(known) not in (None, []) for known in ("examples", "enum", "const", "default")):
            return True
        if "$ref" in schema:
            return self._has_own(self._schemas[schema["$ref"].removeprefix(_REF)])
        for choice in ("anyOf", "oneOf", "allOf"):
            if choice in schema:
                return self._has_own(schema[choice][0])
        if schema.get("type") == "array":
            return self._has_own(schema.get("items", {}))
        return any(self._has_own(each) for each in schema.get("properties", {}).values())
