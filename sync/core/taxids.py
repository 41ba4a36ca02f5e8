"""Tax numbers: whether a number fits its jurisdiction, as far as a library knows.

A number that fails is reported beside the record, never dropped: the person who typed it may know better.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from stdnum import get_cc_module
from stdnum.exceptions import ValidationError

# (jurisdiction, code) as billing writes them → python-stdnum's country and format.
_FORMATS = {
    ("IND", "GST"): ("in", "gstin"),
    ("USA", "VAT"): ("us", "ein"),
    ("AUS", "GST"): ("au", "abn"),
    ("EU", "VAT"): ("eu", "vat"),
    ("SG", "VAT"): ("sg", "uen"),
    ("FR", "VAT"): ("fr", "tva"),
}


def _module(country: str, name: str) -> Any:
    return get_cc_module(country, name)


@lru_cache(maxsize=16_384)
def problem(country_code: str, tax_code: str, number: str) -> str | None:
    """Why the number cannot be one of its jurisdiction, or None if it can or nobody knows."""
    known = _FORMATS.get((country_code.upper(), tax_code.upper()))
    if known is None:
        return None
    try:
        _module(*known).validate(number)
    except ValidationError as error:
        return f"is not a valid {tax_code} number of {country_code} ({str(error).lower().rstrip('.')})"
    return None
