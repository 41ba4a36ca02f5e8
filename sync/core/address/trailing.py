"""Country and state where they stand at the end of a line or of the city."""

from __future__ import annotations

from functools import lru_cache

from connectors.records import LINE_PARTS, Address
from sync.core.address.countries import country_code
from sync.core.address.regions import region_code
from sync.core.address.suggest import exact_parts
from sync.core.address.tables import listed
from sync.core.address.tokens import Segment, segments

_LINKS = frozenset({"de", "of", "do", "du", "di", "del", "new", "nueva", "san", "santo", "santa", "el", "la"})
"""What joins a country's name to the name of a city or a street: Ciudad de Guatemala."""

_OTHERWISE = frozenset({"georgia", "island", "jersey", "jordan", "lebanon", "panama", "cuba", "chad", "mali"})
"""Names of countries that end the name of a street or a state oftener than an address."""

_CITIES = frozenset(
    {"dubai", "abu dhabi", "singapore", "monaco", "hong kong", "luxembourg", "panama", "guatemala", "kuwait"}
    | {"djibouti", "macau", "macao", "gibraltar", "san marino", "mexico", "singapur", "luxemburg"}
)
"""Countries' names that are their cities' too: not dropped where the country is in its own field."""

_SHORT_NAMES = ("usa", "uk", "uae")
LONGEST_COUNTRY, LONGEST_REGION = 5, 3


def segment_text(segment: Segment) -> str:
    """The tokens of a segment as one text."""
    return " ".join(token.text for token in segment)


@lru_cache(maxsize=8192)
def read_country(address: Address) -> str | None:
    """The country that the address names in its own field, or at the end of its lines."""
    parts = exact_parts(address)
    code = country_code(parts.get("country_code")) or country_code(parts.get("country"))
    if code is None and "country" not in parts and "city" not in parts:
        lines = [segment for name in LINE_PARTS for segment in segments(parts.get(name, ""))]
        code = strip_country(lines, None)
    return code


def strip_country(
    lines: list[Segment], known: str | None, *, whole: bool = False, fielded: bool = False
) -> str | None:
    """Drop a country's name from the end of `lines`.

    Args:
        lines: the segments; changed in place.
        known: the country, if it is known: only its own names are dropped.
        whole: only a segment that is nothing but the name is dropped.
        fielded: the country has a field of its own, so that a name here may be the city's.

    Returns:
        The country that was found, or None.
    """
    last: Segment = lines[-1] if lines else ()
    for size in range(min(LONGEST_COUNTRY, len(last)), 0, -1):
        is_part = size < len(last)
        if not is_part and len(lines) == 1:
            continue
        if is_part and (whole or last[-size - 1].text in _LINKS):
            continue
        name = segment_text(last[-size:])
        if len(name) < 4 and name not in _SHORT_NAMES and (is_part or region_code(name, "US")):
            continue
        if fielded and not whole and name in _CITIES:
            continue
        code = country_code(name)
        if code and (code == known or (known is None and name not in _OTHERWISE)):
            lines[-1:] = [last[:-size]] if is_part else []
            return code
    return None


def strip_region(
    lines: list[Segment], country: str | None, known: str | None = None
) -> tuple[str, str | None]:
    """Take a state from the end of the lines or of the city: Springfield, IL.

    Args:
        lines: the segments; changed in place.
        country: only the states of some countries are looked for.
        known: the code of the state, if it is known: only its own names are taken.

    Returns:
        Its text and its code; an empty text where there is none.
    """
    if country is None or country not in listed("states_matter"):
        return "", None
    last: Segment = lines[-1] if lines else ()
    for size in range(min(LONGEST_REGION, len(last)), 0, -1):
        is_part = size < len(last)
        if is_part and last[-size - 1].text in _LINKS:
            continue  # New Delhi is not Delhi
        name = segment_text(last[-size:])
        code = region_code(name, country) if is_part or len(lines) > 1 else None
        if code and known in (None, code):
            lines[-1:] = [last[:-size]] if is_part else []
            return name, code
    return "", None
