"""A place: one address read into what can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from connectors.records import LINE_PARTS, Address
from sync.core.address.draft import Draft
from sync.core.address.fold import plain_signs
from sync.core.address.inside import UNIT, Inside
from sync.core.address.layout import lay_out
from sync.core.address.numbers import House
from sync.core.address.postal import find_postal, postal_key
from sync.core.address.reader import read_lines
from sync.core.address.regions import region_code
from sync.core.address.suggest import exact_parts
from sync.core.address.tokens import Segment, segments
from sync.core.address.trailing import read_country, segment_text, strip_country, strip_region
from sync.core.address.words import Words, word_of


class Place(NamedTuple):
    """What an address says, part by part; empty where it says nothing.

    Attributes:
        country: ISO code, or None.
        postal: the postal code's normal form, or "".
        region: the region, or "".
        region_key: its code, or its folded name where it has none.
        region_known: whether `region_key` is a code.
        cities: the names of the city field, or of what stands where a city would.
        city_guessed: whether the city was taken from a line.
        street: the words of the street, without the house number.
        house: the house number.
        inside: units, floors, entrances, and numbers whose meaning is not known.
        boxes: numbers of post-office boxes.
        extras: other names: buildings, companies, districts.
        buildings: those of them that stand before the street.
        raw: for each part, what was typed.
    """

    country: str | None
    postal: str
    region: str
    region_key: str
    region_known: bool
    cities: tuple[Words, ...]
    city_guessed: bool
    street: Words
    house: House | None
    inside: tuple[Inside, ...]
    boxes: tuple[str, ...]
    extras: tuple[Words, ...]
    buildings: tuple[Words, ...]
    raw_country: str
    raw_postal: str
    raw_city: str
    raw_region: str
    raw_lines: str

    @property
    def raw_text(self) -> str:
        """The whole address as typed."""
        parts = (self.raw_lines, self.raw_city, self.raw_region, self.raw_postal, self.raw_country)
        return ", ".join(part for part in parts if part)


MOST_NAMES, MOST_CITIES = 4, 2
"""How many names beside the street, and in the city's field, are kept: this bounds the time a check takes."""

MOST_TOKENS = 40
"""How many tokens of all lines together are read; hostile addresses have more."""


@lru_cache(maxsize=8192)
def read(address: Address, hint: str | None) -> Place:
    """Read `address`; `hint` is the country of the other side, used where this side names none."""
    typed = exact_parts(address)
    parts = {name: plain_signs(text) for name, text in typed.items()}
    own = read_country(address)
    country = own or hint
    codes = _Codes(country, parts.get("zipCode", ""))
    city = codes.take(parts.get("city", ""), anywhere=True)
    region = codes.take(parts.get("state", ""), anywhere=True)
    texts = [parts[name] for name in LINE_PARTS if name in parts]
    for index in range(len(texts) - 1, -1, -1):
        texts[index] = codes.take(texts[index], anywhere=index > 0)
    lines = _bounded([segment for text in texts for segment in segments(text)], MOST_TOKENS)
    own = (
        strip_country(lines, country, whole=bool(city), fielded="country" in typed or "country_code" in typed)
        or own
    )
    city_segments = list(segments(city))[:MOST_CITIES]
    strip_country(city_segments, country)
    region_key = region_code(region, country)
    if not region:
        region, region_key = strip_region(city_segments or lines, country)
    elif region_key:
        strip_region(city_segments, country, region_key)
    _drop_repeats(lines, city_segments, region_key, country)
    draft = read_lines(lines, country)
    street, buildings, districts = lay_out(draft)
    cities = tuple(_words(segment, country) for segment in city_segments)
    guessed = not cities and bool(districts)
    if guessed:
        cities, districts = districts[-1:], districts[:-1]
    house, inside = _house_and_unit(draft)
    return Place(
        country=own,
        postal=codes.postal,
        region=region,
        region_key=region_key or " ".join(segment_text(segment) for segment in segments(region)),
        region_known=region_key is not None,
        cities=cities,
        city_guessed=guessed,
        street=street,
        house=house,
        inside=inside,
        boxes=tuple(draft.boxes),
        extras=tuple(dict.fromkeys((*buildings, *districts, *draft.asides)))[:MOST_NAMES],
        buildings=buildings,
        raw_country=typed.get("country") or typed.get("country_code", ""),
        raw_postal=typed.get("zipCode") or codes.raw,
        raw_city=typed.get("city", ""),
        raw_region=typed.get("state") or region,
        raw_lines=", ".join(typed[name] for name in LINE_PARTS if name in typed),
    )


@dataclass(slots=True)
class _Codes:
    """The postal code, gathered from its field and from wherever else it was typed."""

    country: str | None
    raw: str
    postal: str = ""

    def __post_init__(self) -> None:
        several = "," in self.raw or ";" in self.raw  # "63739,63741" is not one code
        self.postal = "" if several else postal_key(self.raw, self.country)

    def take(self, text: str, *, anywhere: bool) -> str:
        """The text without the postal code, if it has this one or none was known yet."""
        code, rest = find_postal(text, self.country, anywhere=anywhere)
        key = postal_key(code, self.country) if code else ""
        if not code or not key or self.postal not in ("", key):
            return text
        self.postal, self.raw = key, self.raw or code
        return rest


def _bounded(lines: list[Segment], most: int) -> list[Segment]:
    """The lines up to `most` tokens."""
    kept: list[Segment] = []
    for segment in lines:
        kept.append(segment[: max(0, most)])
        most -= len(segment)
    return [segment for segment in kept if segment]


def _words(segment: Segment, country: str | None) -> Words:
    return tuple(word_of(token.text, country) for token in segment)


def _drop_repeats(
    lines: list[Segment], cities: list[Segment], region_key: str | None, country: str | None
) -> None:
    """Drop from the end of the lines what the fields for city and state say again."""
    known = {"".join(token.text for token in segment) for segment in cities}
    while len(lines) > 1:
        text = "".join(token.text for token in lines[-1])
        is_region = (
            bool(cities) and region_key and region_code(segment_text(lines[-1]), country) == region_key
        )
        if text not in known and not is_region:
            return
        lines.pop()


def _house_and_unit(draft: Draft) -> tuple[House | None, tuple[Inside, ...]]:
    """The house number, and all that lies inside; 3/12 and 3-118 are unit 3 where that is usual."""
    house = draft.house
    inside = list(draft.inside)
    if house and len(house.parts) == 2:
        slash = house.sign == "/" and draft.lexicon.unit_before_slash
        hyphen = house.sign == "-" and draft.country in ("CA", "AU", "NZ") and not house.is_range
        if slash or hyphen:
            inside.append(Inside(UNIT, house.parts[0]))
            house = House(house.parts[1:])
    inside += (Inside(UNIT, text) for text in draft.loose)
    return house, tuple(inside)
