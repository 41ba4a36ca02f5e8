"""How addresses are written in a country, and invented addresses written that way.

The data modules beside this one (`places_*.py`) hold real cities with their region and postal code
shape, and invented streets. `Site` keeps the pieces of one address, so that the same place can be
given another house number, another unit, or another city.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import takewhile
from random import Random

from connectors.records import Address

POSTAL_LETTERS = "ABEGHJLNPRTWXYZ"
"""Letters that every postal code scheme with letters allows at every place (GB, CA, NL)."""


@dataclass(frozen=True, slots=True)
class City:
    """A real city. In `zips` and `phone`, `#` stands for a digit, `%` for 1 to 9, `@` for a letter."""

    name: str
    state: str | None
    state_code: str | None
    zips: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """The habits of one country.

    Attributes:
        weight: how many customers of a thousand come from here.
        line: the street line, with `{street}` and `{number}` in the local order.
        numbers: house number shapes; `{n}`, `{m}`, `{c}` are numbers up to `top`, 30 and 5.
        units: shapes of a unit or floor; `{u}`, `{c}` and `{d}` are numbers up to 18, 9 and 40,
            `{l}` a letter.
        inline_unit: joins number and unit on one line where that is the habit, "" for a second line.
        short: words of a street name with their usual short form.
        stems: business names with their Latin form, where the script is not Latin.
        joiner: between the parts of a business name.
        trades: what a business does, with a Latin form where the script is not Latin.
        legal_first: the legal form comes before the name.
    """

    code: str
    name: str
    local_name: str
    weight: int
    cities: tuple[City, ...]
    streets: tuple[str, ...]
    line: str
    numbers: tuple[str, ...] = ("{n}",)
    top: int = 190
    units: tuple[str, ...]
    inline_unit: str = ""
    short: tuple[tuple[str, str], ...] = ()
    trades: tuple[tuple[str, str], ...]
    legal: tuple[str, ...]
    legal_first: bool = False
    stems: tuple[tuple[str, str], ...] = ()
    joiner: str = " "
    mailboxes: tuple[str, ...] = ("billing", "accounts", "finance", "ap")


@dataclass(frozen=True, slots=True)
class Site:
    """One place in its pieces."""

    country: Country
    city: City
    street: str
    number: str
    unit: str | None
    zip_code: str

    def address(self) -> Address:
        """The address as people write it in that country; the country by its English name."""
        number = self.number
        if self.unit and self.country.inline_unit:
            number = f"{number}{self.country.inline_unit}{self.unit}"
        return Address(
            line1=self.country.line.format(street=self.street, number=number),
            line2=None if self.country.inline_unit else self.unit,
            city=self.city.name,
            state=self.city.state,
            zipCode=self.zip_code or None,
            country=self.country.name,
        )

    def renumbered(self, random: Random) -> Site:
        """The same street with another house number, other in its first digits and not only in a suffix."""
        while _leading(number := _number(self.country, random)) == _leading(self.number):
            pass
        return replace(self, number=number)

    def other_unit(self, random: Random) -> Site:
        """The same building with another unit of the same kind; the place must have one."""
        while not _neighbours(unit := _unit(self.country, random), self.unit or ""):
            pass
        return replace(self, unit=unit)

    def moved(self, random: Random) -> Site:
        """Another street, in another city of the country where it has several here."""
        others = [city for city in self.country.cities if city is not self.city] or [self.city]
        return replace(
            site(self.country, random.choice(others), random, unit=bool(self.unit)),
            street=random.choice([street for street in self.country.streets if street != self.street]),
        )


def site(country: Country, city: City, random: Random, *, unit: bool) -> Site:
    """An invented place in a real city."""
    return Site(
        country=country,
        city=city,
        street=random.choice(country.streets),
        number=_number(country, random),
        unit=_unit(country, random) if unit else None,
        zip_code=fill(city.zips, random),
    )


def fill(pattern: str, random: Random) -> str:
    """Replace the place holders of a postal code or telephone number."""
    digits = "0123456789"
    kinds = {"#": digits, "%": digits[1:], "@": POSTAL_LETTERS}
    return "".join(random.choice(kinds[sign]) if sign in kinds else sign for sign in pattern)


def _number(country: Country, random: Random) -> str:
    shape = random.choice(country.numbers)
    return shape.format(n=random.randint(1, country.top), m=random.randint(1, 30), c=random.randint(1, 5))


def _unit(country: Country, random: Random) -> str:
    shape = random.choice(country.units)
    return shape.format(
        u=random.randint(1, 18),
        c=random.randint(1, 9),
        d=f"{random.randint(2, 40):02d}",
        l=random.choice("ABCDEFGH"),
    )


def _leading(number: str) -> str:
    return "".join(takewhile(str.isdigit, number))


def _neighbours(unit: str, other: str) -> bool:
    """Whether two units are of one kind and not the same, also when only their numbers are read."""
    if _kind(unit) != _kind(other):
        return False
    numbers = re.findall(r"\d+", unit)
    return unit != other and (not numbers or numbers != re.findall(r"\d+", other))


def _kind(unit: str) -> list[str]:
    return [word for word in re.findall(r"\w+", unit) if len(word) > 1 and word.isalpha()]
