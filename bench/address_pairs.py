"""Labelled pairs of addresses of 90 countries, made from the spellings in `address_world.txt`.

Same: another spelling of street, city, state, country and unit; capitals, lost diacritics, one
line for all, a part left out, the number on the other side of the street; a slip of the keyboard
(only the level tolerant sees through it). Different: the neighbour's number, a letter more, another
unit, another street, another city.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from connectors.records import Address
from sync.core.address import Level

SOURCE = Path(__file__).with_name("address_world.txt")
PAIRS_PER_STREET = 6
SHORTEST_SLIP = 7
"""A slip is put into words of so many letters; in shorter ones it makes another word."""


class Pair(NamedTuple):
    """Two addresses and whether the label says that they are one place."""

    name: str
    country: str
    is_same: bool
    left: Address
    right: Address
    levels: tuple[Level, ...] = (Level.NORMALISED, Level.TOLERANT)
    """Where the label holds: a slip of the keyboard is the same at `tolerant` only."""


class City(NamedTuple):
    """A postal code with the names of its city and state."""

    code: str
    names: list[str]
    states: list[str]


@dataclass(slots=True)
class Country:
    """The spellings of one country."""

    code: str
    number_last: bool
    names: list[str]
    streets: list[list[str]] = field(default_factory=list)
    cities: list[City] = field(default_factory=list)
    units: list[list[str]] = field(default_factory=list)


class Spot(NamedTuple):
    """One address before it is spelled: indexes into a country's lists, number and unit."""

    street: int
    city: int
    number: str
    unit: str


def read_world() -> list[Country]:
    """The countries of `address_world.txt`."""
    world: list[Country] = []
    for line in SOURCE.read_text(encoding="utf-8").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "=":
            code, order, names = rest.split(" ", 2)
            listed = [name.replace("_", " ") for name in names.split("|")]
            world.append(Country(code, order == "last", listed))
        elif kind == "s":
            world[-1].streets.append(rest.split("|"))
        elif kind == "u":
            world[-1].units.append(rest.split("|"))
        elif kind == "c":
            code, city, *states = (part.replace("_", " ") for part in rest.split())
            listed = "|".join(states).split("|") if states else []
            world[-1].cities.append(City("" if code == "-" else code, city.split("|"), listed))
    return world


def _plain(text: str) -> str:
    """`text` without diacritics; in Thai and its like the marks are vowels and stay."""
    if max(text, default="") >= "\u0900" and not text.isascii():
        return text
    kept = (char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return "".join(kept)


def _slip(text: str, dice: random.Random) -> str:
    """`text` with a letter dropped, doubled or swapped with the next, inside its longest word."""
    word = max(text.split(), key=len)
    if len(word) < SHORTEST_SLIP or not word.isalpha():
        return text
    at = dice.randrange(2, len(word) - 2)
    slipped = dice.choice(
        [
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        ]
    )
    return text.replace(word, slipped, 1)


def _spelled(country: Country, spot: Spot, choose: Callable[[list[str]], str], *, last: bool) -> Address:
    """The address at `spot`, each part in the spelling that `choose` takes."""
    city = country.cities[spot.city]
    street = choose(country.streets[spot.street])
    line = f"{street} {spot.number}" if last else f"{spot.number} {street}"
    return Address(
        line1=line,
        line2=choose(country.units[0]).format(spot.unit) if spot.unit and country.units else None,
        city=choose(city.names),
        state=choose(city.states) if city.states else None,
        zipCode=city.code or None,
        country=choose(country.names),
    )


def _one_line(address: Address, country: Country) -> Address:
    """The whole address in its first line, in the order of its country."""
    street = ", ".join(part for part in (address.line1, address.line2) if part)
    if country.number_last:
        place = [f"{address.zipCode or ''} {address.city}".strip(), address.country]
    else:
        place = [address.city, f"{address.state or ''} {address.zipCode or ''}".strip(), address.country]
    return Address(line1=", ".join([street, *(part for part in place if part)]))


def _changed(address: Address, change: Callable[[str], str]) -> Address:
    return Address(**{name: change(value) for name, value in address.parts().items()})


def _bare_code(address: Address, _: Country) -> Address:
    code = (address.zipCode or "").replace(" ", "").replace("-", "")
    return replace(address, zipCode=code or None)


def _joined(address: Address, _: Country) -> Address:
    if not address.line2:
        return address
    return replace(address, line1=f"{address.line1}, {address.line2}", line2=None)


VIEWS: tuple[Callable[[Address, Country], Address], ...] = (
    lambda address, _: _changed(address, str.upper),
    lambda address, _: _changed(address, _plain),
    _one_line,
    lambda address, _: replace(address, state=None),
    lambda address, _: replace(address, zipCode=None),
    lambda address, country: replace(address, country=None, country_code=country.code),
    _bare_code,
    _joined,
    lambda address, _: address,
)
"""The address as some other form or person would write it."""


def _others(country: Country, spot: Spot, dice: random.Random) -> Iterator[tuple[str, Spot]]:
    """Places that are not this one, and what differs."""
    digits = "".join(filter(str.isdigit, spot.number))
    yield "number", spot._replace(number=str(int(digits) + dice.choice([1, 2, 10])))
    if spot.number.isdigit():
        yield "letter", spot._replace(number=spot.number + "b")
    if len(country.streets) > 1:
        step = dice.randrange(1, len(country.streets))
        yield "street", spot._replace(street=(spot.street + step) % len(country.streets))
    if len(country.cities) > 1:
        yield "city", spot._replace(city=(spot.city + 1) % len(country.cities))
    if spot.unit and country.units:
        yield "unit", spot._replace(unit=str(int(spot.unit) + 1))


def pairs_of_world() -> Iterator[Pair]:
    """All pairs, the same at every run."""
    levels = {"slip": (Level.TOLERANT,)}
    for country in read_world():
        dice = random.Random(country.code)
        count = 0
        for street in range(len(country.streets)):
            for _ in range(PAIRS_PER_STREET):
                number = str(dice.randrange(1, 190)) + dice.choice(["", "", "", "a"])
                unit = dice.choice(["", "", str(dice.randrange(1, 30))])
                spot = Spot(street, dice.randrange(len(country.cities)), number, unit)
                here = _spelled(country, spot, lambda listed: listed[0], last=country.number_last)
                swapped = country.number_last != (dice.random() < 0.1)
                same = dice.choice(VIEWS)(_spelled(country, spot, dice.choice, last=swapped), country)
                others = [
                    (what, _spelled(country, other, dice.choice, last=country.number_last))
                    for what, other in _others(country, spot, dice)
                ]
                found = [("same", True, same), *((what, False, other) for what, other in others)]
                slipped = replace(here, line1=_slip(here.line1 or "", dice))
                if slipped != here:
                    found.append(("slip", True, slipped))
                for what, is_same, other in found:
                    count += 1
                    pair = Pair(f"{country.code}-{count}-{what}", country.code.lower(), is_same, here, other)
                    yield pair._replace(levels=levels.get(what, pair.levels))
