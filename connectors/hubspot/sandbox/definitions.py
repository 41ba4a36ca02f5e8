"""Reads a property definition as the properties API takes it, and refuses what HubSpot refuses.

Source: HubSpot docs, properties.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors.hubspot.sandbox.errors import Refusal, invalid, required_fields
from connectors.hubspot.sandbox.schema import TYPES, UNIQUE_LIMIT, Property, Schema, dated

_REQUIRED = ("name", "label", "type", "fieldType", "groupName")


def new_property(schema: Schema, body: Mapping[str, Any], at: int) -> Property:
    """The property that this body asks for.

    Raises:
        Refusal: 400 for a wrong definition, 409 for a name that is there already.
    """
    if missing := [name for name in _REQUIRED if not isinstance(body.get(name), str) or not body[name]]:
        raise required_fields(*missing)
    name = str(body["name"])
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name):
        raise invalid(f'Property name "{name}" must be lower-case letters, digits and _.')
    if name in schema:
        raise Refusal(409, f'A property named "{name}" already exists.', category="CONFLICT")
    unique = body.get("hasUniqueValue", False) is True
    if unique and len(schema.unique()) >= UNIQUE_LIMIT:
        raise invalid(f"An object can have at most {UNIQUE_LIMIT} unique properties.")
    if unique and body["type"] not in ("string", "number"):
        raise invalid("Only text and number properties can have unique values.")
    definition = Property(
        name=name,
        label=body["label"],
        type=body["type"],
        field_type=body["fieldType"],
        group=body["groupName"],
        description=str(body.get("description") or ""),
        options=_options(body),
        unique=unique,
    )
    _check_type(definition)
    return dated(definition, at)


def changed_property(definition: Property, body: Mapping[str, Any], at: int) -> Property:
    """The property after a PATCH with this body.

    Raises:
        Refusal: it is HubSpot's own, or the uniqueness would change.
    """
    if "hasUniqueValue" in body and body["hasUniqueValue"] is not definition.unique:
        raise invalid("hasUniqueValue cannot be changed after a property was created.")
    if definition.standard:
        raise _own(definition)
    changed = replace(
        definition,
        label=str(body.get("label", definition.label)),
        type=str(body.get("type", definition.type)),
        field_type=str(body.get("fieldType", definition.field_type)),
        group=str(body.get("groupName", definition.group)),
        description=str(body.get("description", definition.description)),
        options=_options(body) if "options" in body else definition.options,
        updated=at,
    )
    _check_type(changed)
    return changed


def check_removable(definition: Property) -> None:
    """Refuse to remove one of HubSpot's own properties.

    Raises:
        Refusal: it is one.
    """
    if definition.standard:
        raise _own(definition)


def _own(definition: Property) -> Refusal:
    return invalid(f'Property "{definition.name}" is defined by HubSpot and cannot be changed.')


def _check_type(definition: Property) -> None:
    fitting = TYPES.get(definition.type)
    if fitting is None:
        raise invalid(f"Invalid property type {definition.type}.")
    if definition.field_type not in fitting:
        raise invalid(f"The field type {definition.field_type} does not go with {definition.type}.")
    if definition.type == "enumeration" and not definition.options:
        raise invalid("An enumeration needs options.")


def _options(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    given = body.get("options") or []
    if not isinstance(given, list) or not all(
        isinstance(each, dict) and each.get("label") and each.get("value") for each in given
    ):
        raise invalid("Each option needs a label and a value.")
    return tuple((str(each["label"]), str(each["value"])) for each in given)
