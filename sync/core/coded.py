"""The codes of countries that addresses go out with.

A CRM may keep the code where an address typed here says the name alone: written as it stands, it would empty
the CRM's field.
"""

from __future__ import annotations

from dataclasses import replace

from connectors.records import Address, Fields, FieldValue
from sync.core.address import country_code


def with_codes(fields: Fields) -> Fields:
    """The fields as they are sent: an address that names its country alone has its code, too."""
    return {path: _with_code(value) for path, value in fields.items()}


def _with_code(value: FieldValue) -> FieldValue:
    if not isinstance(value, Address) or not value.country or value.country_code:
        return value
    return replace(value, country_code=country_code(value.country))


def has_no_code(value: Address) -> bool:
    """Whether an address names a country, and neither says its code nor is it known."""
    return bool(value.country) and not value.country_code and country_code(value.country) is None
