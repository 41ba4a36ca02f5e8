"""Tax numbers: whether a number fits its jurisdiction, as far as a library knows.

A number that fails is reported beside the record, never dropped: the person who typed it may know better.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
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
_JURISDICTIONS = {
    "IND": "India",
    "USA": "United States",
    "AUS": "Australia",
    "EU": "European Union",
    "SG": "Singapore",
    "FR": "France",
}


class Check(StrEnum):
    """What the library says of a number."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"  # nobody here knows numbers of this kind


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedTaxId:
    """A tax number with its jurisdiction and what the check found; `problem` says why it is invalid."""

    country_code: str
    tax_code: str
    tax_id: str
    jurisdiction: str | None
    check: Check
    problem: str | None


def check(country_code: str, tax_code: str, number: str) -> CheckedTaxId:
    """A tax number as its jurisdiction sees it."""
    country, code = country_code.upper(), tax_code.upper()
    known, why = (country, code) in _FORMATS, problem(country, code, number)
    found = Check.INVALID if why else Check.VALID
    return CheckedTaxId(
        country_code=country,
        tax_code=code,
        tax_id=number,
        jurisdiction=f"{_JURISDICTIONS[country]} ({code})" if known else None,
        check=found if known else Check.UNKNOWN,
        problem=why,
    )


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


def kinds() -> list[tuple[str, str, str]]:
    """The kinds of numbers that are known: country, code and jurisdiction."""
    return [(country, code, _JURISDICTIONS[country]) for country, code in _FORMATS]


def sole_code(country_code: str) -> str | None:
    """The code of a jurisdiction's numbers where it is known to have but one kind."""
    codes = [code for country, code in _FORMATS if country == country_code.upper()]
    return codes[0] if len(codes) == 1 else None
