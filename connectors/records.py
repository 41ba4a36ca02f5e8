"""Canonical records: what a customer looks like once it has left a CRM's own words.

A *field* is named by its canonical path: `customer_name`, `address`, `custom_data.tier`,
`tax_info.EU.VAT`. A path and its value are the unit that is compared, moved and put in conflict;
an address is one value under one path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeAlias

JSON: TypeAlias = "str | int | float | bool | list[JSON] | dict[str, JSON] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address as it was typed. All parts are optional; a blank part is None."""

    line1: str | None = None
    line2: str | None = None
    line3: str | None = None
    city: str | None = None
    state: str | None = None
    zipCode: str | None = None  # noqa: N815 - the canonical name on the wire
    country: str | None = None
    country_code: str | None = None

    def parts(self) -> dict[str, str]:
        """The parts that have a value, by name, in canonical order."""
        found = {
            "line1": self.line1,
            "line2": self.line2,
            "line3": self.line3,
            "city": self.city,
            "state": self.state,
            "zipCode": self.zipCode,
            "country": self.country,
            "country_code": self.country_code,
        }
        return {name: value for name, value in found.items() if value}

    def __bool__(self) -> bool:
        """False for an address with no part at all: blank is missing."""
        return bool(
            self.line1
            or self.city
            or self.country
            or self.zipCode
            or self.state
            or self.line2
            or self.line3
            or self.country_code
        )


ADDRESS_PARTS = tuple(field.name for field in fields(Address))
LINE_PARTS = ("line1", "line2", "line3")

FieldValue: TypeAlias = "JSON | Address"
Fields: TypeAlias = Mapping[str, FieldValue]
"""Canonical path → value. A blank value is None; a path that is not there was not looked at."""

ADDRESS_FIELDS = frozenset({"address", "ship_to_address"})
FLAG_FIELDS = frozenset({"communications_enabled", "auto_charge_enabled"})
TEXT_FIELDS = frozenset(
    {"customer_name", "email", "phone_number", "business_entity_id", "parent_customer_id"},
)
OPEN_PREFIXES = ("custom_data.", "custom_attributes.", "tax_info.")


def is_field(path: str) -> bool:
    """Whether `path` names a canonical field that a connection may map."""
    if path in TEXT_FIELDS or path in ADDRESS_FIELDS or path in FLAG_FIELDS:
        return True
    prefix = next((prefix for prefix in OPEN_PREFIXES if path.startswith(prefix)), None)
    if prefix is None:
        return False
    rest = path.removeprefix(prefix).split(".")
    return all(rest) and (len(rest) == 2 if prefix == "tax_info." else len(rest) == 1)


def to_json(value: FieldValue) -> JSON:
    """The value as JSON: an address becomes an object of the parts that have a value."""
    if isinstance(value, Address):
        return dict(value.parts()) or None
    return value


def from_json(path: str, value: JSON) -> FieldValue:
    """Read back what `to_json` wrote for the field `path`."""
    if path in ADDRESS_FIELDS and isinstance(value, dict):
        return Address(**{part: str(value[part]) for part in ADDRESS_PARTS if value.get(part)})
    return value
