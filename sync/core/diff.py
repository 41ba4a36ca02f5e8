"""What a side changed since the last agreement.

The *baseline* holds, per field, the pair (local form, CRM form) at the last agreement, receipt or
decision. A side has changed when it differs by meaning from its own form: a CRM that stores
"California" for our "CA" is thus recognised as our own echo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from connectors.records import ADDRESS_FIELDS, Address, Fields, FieldValue
from sync.core import normalise

Pair: TypeAlias = "tuple[FieldValue, FieldValue]"
"""(local form, CRM form) of one field."""

Baseline: TypeAlias = "Mapping[str, Pair]"
"""Field → pair. A field that is not there was never agreed on."""

Regions: TypeAlias = "tuple[str | None, str | None]"
"""(local, CRM) ISO alpha-2 codes under which a phone number without a country code is read."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field on one side: what it was and what it becomes."""

    before: FieldValue
    after: FieldValue


Changeset: TypeAlias = "Mapping[str, Change]"
"""Field → change, for one side."""


def changed(path: str, form: FieldValue, now: FieldValue, region: str | None = None) -> bool:
    """Whether a side's value differs from its own form: an address at all, any other by meaning."""
    if path in ADDRESS_FIELDS:
        return not normalise.identical(path, form, now)
    return not normalise.same(path, form, now, (region, region))


def changeset(before: Fields, after: Fields) -> Changeset:
    """The fields of `after` with what they replace."""
    return {path: Change(before.get(path), value) for path, value in after.items()}


def as_address(value: FieldValue) -> Address | None:
    """The value of an address field."""
    return value if isinstance(value, Address) else None
