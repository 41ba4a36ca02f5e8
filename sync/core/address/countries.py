"""Countries: any name or code of a country, in any language, to its ISO 3166-1 alpha-2 code.

The names are CLDR's in all its languages (through Babel), pycountry's, and those that both lack;
`bench/address_tables.py` puts them into `data/countries.tsv`.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from sync.core.address.fold import fold
from sync.core.address.tables import read_json, read_rows

_PUNCTUATION = re.compile(r"[\W_]+")
_DOTTED = re.compile(r"(?<=\b\w)\.\s?(?=\w\b)")
LONGEST_NAME = 60


def name_key(text: str) -> str:
    """A country's or region's name in the form of the tables: folded, words parted by one space."""
    return _PUNCTUATION.sub(" ", _DOTTED.sub("", fold(text)).replace("'", "")).strip()


@cache
def _codes() -> dict[str, str]:
    return {name: code for code, names in read_rows("countries.tsv") for name in (code.lower(), *names)}


@lru_cache(maxsize=4096)
def country_code(text: str | None) -> str | None:
    """The ISO alpha-2 code of a country's code or name in any language; None where it is not known.

    A name that several countries bear is not known.
    """
    if not text or len(text) > LONGEST_NAME:
        return None
    key = name_key(text)
    codes = _codes()
    found = codes.get(key)
    if found is None and key.startswith("the "):
        found = codes.get(key[4:])
    if found is None and " " in key:
        # "Germany (Deutschland)", "Deutschland / Germany": two names of one country.
        found = _agreed(text)
    return found


def _agreed(text: str) -> str | None:
    parts = [part for part in re.split(r"[/(),|–-]", text) if part.strip()]
    found = {_codes().get(name_key(part)) for part in parts}
    return found.pop() if len(parts) > 1 and len(found) == 1 else None


def territory_of(code: str) -> str:
    """The state whose territory `code` is and whose name its addresses may carry; `code` if none."""
    known: dict[str, str] = read_json("settings.json")["territories"]
    return known.get(code, code)
