"""Turns what a write sends into what is stored, or into the error a real org gives.

Texts are trimmed and a blank one is null; a value of a JSON kind that cannot be read refuses the whole
call (JSON_PARSER_ERROR), any other fault its own row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.salesforce.sandbox.clock import parse_date, parse_iso
from connectors.salesforce.sandbox.errors import ApiError, deserialization, no_column, not_writable
from connectors.salesforce.sandbox.ids import canonical
from connectors.salesforce.sandbox.schema import ID_TYPES, NUMBER_TYPES, TEXT_TYPES, Field, Schema

# Source: Salesforce help, characters that an email field takes.
_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*/=?^_+`{|}~.-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


def clean(schema: Schema, body: Mapping[str, Any], *, creating: bool) -> dict[str, Any]:
    """The stored value of each field in a write, under its API name; None clears the field.

    Args:
        schema: the object's fields.
        body: the write as sent; `attributes` is passed over.
        creating: whether the write makes the record.

    Raises:
        ApiError: the first fault, as a real org words it.
    """
    cleaned: dict[str, Any] = {}
    read_only: list[str] = []
    for name, value in body.items():
        if name == "attributes":
            continue
        field = schema.find(name)
        if field is None:
            raise no_column(name, schema.name)
        if not (field.createable if creating else field.updateable):
            read_only.append(field.name)
            continue
        cleaned[field.name] = _stored(field, value)
    if read_only == ["Id"]:
        raise ApiError(
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            f"cannot specify Id in an {'insert' if creating else 'update'} call",
            fields=["Id"],
        )
    if read_only:
        raise not_writable(read_only)
    missing = [
        field.name
        for field in schema.fields
        if not field.nillable
        and not field.defaulted
        and (cleaned.get(field.name) is None if creating else cleaned.get(field.name, "") is None)
    ]
    if missing:
        message = f"Required fields are missing: [{', '.join(missing)}]"
        raise ApiError("REQUIRED_FIELD_MISSING", message, fields=missing)
    return cleaned


def _stored(field: Field, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, dict | list):
        raise deserialization(field.type, value)
    if field.type in TEXT_TYPES:
        return _text(field, value)
    if field.type in NUMBER_TYPES:
        return _number(field, value)
    if field.type in ID_TYPES:
        return _reference(field, value)
    if field.type == "boolean":
        if isinstance(value, bool):
            return value
        raise deserialization("boolean", value)
    return _time(field, value)


def _text(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise deserialization("string", value)
    text = value.strip()
    if not text:
        return None
    if len(text) > field.length:
        message = f"{field.label}: data value too large: {text} (max length={field.length})"
        raise ApiError("STRING_TOO_LONG", message, fields=[field.name])
    if field.type == "email" and _EMAIL.fullmatch(text) is None:
        message = f"{field.label}: invalid email address: {text}"
        raise ApiError("INVALID_EMAIL_ADDRESS", message, fields=[field.name])
    if field.restricted and text not in field.options:
        message = f"{field.label}: bad value for restricted picklist field: {text}"
        raise ApiError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, fields=[field.name])
    return text


def _number(field: Field, value: Any) -> int | float | None:
    if isinstance(value, bool):
        raise deserialization(field.type, value)
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if _NUMBER.fullmatch(text) is None:
            message = f"{field.label}: value not of required type: {text}"
            raise ApiError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, fields=[field.name])
        value = text
    number = Decimal(str(value))
    whole = field.type == "int"
    if whole and number != number.to_integral_value():
        raise deserialization(field.type, value)
    if abs(number) >= 10 ** (field.digits if whole else field.precision - field.scale):
        message = f"{field.label}: value outside of valid range on numeric field: {value}"
        raise ApiError("NUMBER_OUTSIDE_VALID_RANGE", message, fields=[field.name])
    if whole:
        return int(number)
    return float(number.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP))


def _reference(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise deserialization("reference", value)
    if not value.strip():
        return None
    record = canonical(value.strip())
    if record is None:
        message = f"{field.label}: id value of incorrect type: {value}"
        raise ApiError("MALFORMED_ID", message, fields=[field.name])
    return record


def _time(field: Field, value: Any) -> str | None:
    if isinstance(value, str) and not value.strip():
        return None
    parsed = None
    if isinstance(value, str):
        parsed = parse_date(value) if field.type == "date" else parse_iso(value)
    if parsed is None:
        raise deserialization(field.type, value)
    return parsed
