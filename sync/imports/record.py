"""One row of a file as what it gives a customer, or the reason why it cannot be read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from connectors.records import ADDRESS_PARTS, FieldValue
from connectors.strict import UnreadableError, read_json
from sync.clock import plain_id
from sync.core import normalise
from sync.core.taxids import sole_code
from sync.errors import BadInput
from sync.imports.columns import SHIP, Columns
from sync.imports.guarding import unguarded
from sync.intake import CustomerChange, checked
from sync.rules import problems_of

EXAMPLE: Mapping[str, str] = {
    "external_id": "EXAMPLE-1",
    "customer_name": "John Doe",
    "email": "john.doe@example.com",
    "phone_number": "+1-555-0100",
    "line1": "221B Baker Street",
    "city": "London",
    "zipCode": "NW1 6XE",
    "country": "United Kingdom",
    "country_code": "GB",
    "tax_ids": "EU.VAT:DE136695976",
    "custom_data": '{"exempt_tax": true}',
    "communications_enabled": "true",
    "auto_charge_enabled": "true",
}
"""The row of the sample file, to be removed before a file is imported; it is never taken."""

_FLAGS = {
    "true": True,
    "yes": True,
    "y": True,
    "1": True,
    "false": False,
    "no": False,
    "n": False,
    "0": False,
}
# A number may hold a semicolon: one ends where the code of the next begins.
_BETWEEN = re.compile(r";\s*(?=[A-Za-z]{2,16}(?:[ ._-][A-Za-z]{1,16})?\s*:|\Z)")
_TAX = re.compile(r"([A-Za-z]{2,16})(?:[ ._-]([A-Za-z]{1,16}))?\s*:\s*(\S.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row is not taken, and by which of its fields; empty if the row as a whole is at fault."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a row gives.

    Args:
        id: of the customer that is meant, where the file names it.
        external_id: its key.
        fields: canonical values; a blank cell gives none, and changes nothing.
        example: it is the row of the sample file.
    """

    id: str | None = None
    external_id: str | None = None
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    example: bool = False


def read(cells: Sequence[str], columns: Columns) -> Given | Fault:
    """Read a row strictly."""
    fault = _shape(cells, columns)
    if fault is not None:
        return fault
    texts = _texts(cells, columns)
    if all(texts.get(name) == EXAMPLE[name] for name in ("external_id", "customer_name", "email")):
        return Given(example=True)
    body: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            _put(body, name, text)
        except ValueError as error:
            return Fault(name, str(error))
    customer_id = body.pop("id", None)
    try:
        external_id, fields = checked(CustomerChange.model_validate(body))
    except (ValidationError, BadInput) as error:
        wrong = problems_of(error) if isinstance(error, ValidationError) else error.fields
        name, why = next(iter(wrong.items()))
        return Fault(name, str(why))
    return Given(id=customer_id, external_id=external_id, fields=fields)


def key_of(cells: Sequence[str], columns: Columns) -> tuple[str | None, str | None]:
    """What tells whose row it is, as far as it can be read: id or folded external id, and folded e-mail."""
    texts = _texts(cells, columns)
    key = None
    if external_id := normalise.external_id(texts.get("external_id")):
        key = f"key:{normalise.fold(external_id)}"
    elif customer_id := texts.get("id"):
        key = f"id:{customer_id.lower().replace('-', '')}"
    email = texts.get("email")
    return key, normalise.email(email) if email else None


def _shape(cells: Sequence[str], columns: Columns) -> Fault | None:
    width = len(columns.names)
    if len(cells) < width or any(cell.strip() for cell in cells[width:]):
        return Fault("", f"has {len(cells)} cells where the header has {width}")
    for name, cell in zip(columns.names, cells, strict=False):
        if "\0" in cell:
            return Fault(name, "holds a NUL character")
    return None


def _texts(cells: Sequence[str], columns: Columns) -> dict[str, str]:
    """Field → text of the cells that are taken and not blank."""
    return {
        name: text
        for name, cell in zip(columns.fields, cells, strict=False)
        if name is not None and (text := unguarded(cell).strip())
    }


def _put(body: dict[str, Any], name: str, text: str) -> None:
    """Put one cell where `CustomerChange` looks for it.

    Raises:
        ValueError: it cannot be read.
    """
    place, _, part = name.partition(".")
    if name == "id":
        body["id"] = plain_id(text)
    elif name in ADDRESS_PARTS:
        body.setdefault("address", {})[name] = text
    elif name.startswith(SHIP):
        body.setdefault("ship_to_address", {})[name.removeprefix(SHIP)] = text
    elif name in ("communications_enabled", "auto_charge_enabled"):
        if text.casefold() not in _FLAGS:
            raise ValueError("must be true or false")
        body[name] = _FLAGS[text.casefold()]
    elif name == "tax_ids":
        body.setdefault("tax_info", []).extend(_tax_ids(text))
    elif name in ("custom_data", "custom_attributes"):
        body[name] = {**_object(text), **body.get(name, {})}
    elif part and place == "tax_info":
        country, _, code = part.partition(".")
        body.setdefault(place, []).append({"country_code": country, "tax_code": code, "tax_id": text})
    elif part:
        body.setdefault(place, {})[part] = text
    else:
        body["business_entity_id" if name == "business_entity" else name] = text


def _object(text: str) -> dict[str, Any]:
    try:
        value = read_json(text.encode())
    except UnreadableError as error:
        raise ValueError(f"cannot be read: {error.reason}") from None
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")
    return value


def _tax_ids(text: str) -> list[dict[str, str]]:
    found = []
    for number, each in enumerate(_BETWEEN.split(text), start=1):
        if not each.strip():
            continue
        parts = _TAX.fullmatch(each.strip())
        code = parts and (parts[2] or sole_code(parts[1]))
        if parts is None or code is None:
            raise ValueError(f"number {number} is not of the form EU.VAT:DE136695976; ...")
        found.append({"country_code": parts[1], "tax_code": code, "tax_id": parts[3].strip()})
    return found
