"""Labelled pairs from OpenCage's printed addresses: the components against the print, all countries.

Same: the print in one line, in three lines, and without its last line, the country. Different: the
same with another house number among the components.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.address_pairs import Pair
from connectors.records import Address
from sync.core.address import Level

NAME = "opencage_formatting_cases.json"
ROADS = ("road", "pedestrian", "street")
CITIES = ("city", "town", "village", "municipality", "hamlet")


def _first(components: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((components[name] for name in names if components.get(name)), None)


def pairs_of_prints(path: Path) -> Iterator[Pair]:
    """The pairs of the file at `path`; cases without a road or a city are left out."""
    for count, case in enumerate(json.loads(path.read_text(encoding="utf-8"))):
        known = case["components"]
        country = (known.get("country_code") or "").upper()
        road, city = _first(known, ROADS), _first(known, CITIES)
        number = _first(known, ("house_number", "housenumber"))
        if not road or not city:
            continue
        printed = case["expected"].strip().split("\n")
        comes_first = next((line.startswith(number) for line in printed if number and number in line), False)
        here = Address(
            line1=road if not number else f"{number} {road}" if comes_first else f"{road} {number}",
            city=city,
            state=known.get("state"),
            zipCode=known.get("postcode"),
            country=country,
        )
        middle = ", ".join(printed[1:-2]) or None
        views = (
            Address(line1=", ".join(printed)),
            Address(line1=printed[0], line2=middle, line3=", ".join(printed[-2:])),
            Address(line1=", ".join(printed[:-1]), country=known.get("country")),
        )
        for view, there in enumerate(views):
            name = f"oc-{count}-{view}"
            levels = (Level.NORMALISED, Level.TOLERANT)
            yield Pair(name, country.lower(), True, here, there, levels)
            if number and number.isdigit():
                moved = (here.line1 or "").replace(number, str(int(number) + 2))
                beside = replace(here, line1=moved)
                yield Pair(f"{name}-number", country.lower(), False, beside, there, levels)
