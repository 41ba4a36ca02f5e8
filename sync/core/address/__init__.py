"""The address check: are two addresses the same place, and why (see docs/address-check.md)."""

from __future__ import annotations

from sync.core.address.compare import check
from sync.core.address.countries import country_code
from sync.core.address.suggest import digest, similarity
from sync.core.address.validity import Validity, validity
from sync.core.address.verdict import (
    AddressVerdict,
    ComponentReason,
    ComponentVerdict,
    Level,
    Outcome,
    Richer,
)

__all__ = [
    "AddressVerdict",
    "ComponentReason",
    "ComponentVerdict",
    "Level",
    "Outcome",
    "Richer",
    "Validity",
    "check",
    "country_code",
    "digest",
    "similarity",
    "validity",
]
