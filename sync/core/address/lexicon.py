"""The words of addresses, per country: what a word may stand for, in the languages spoken there.

A word has several readings where its languages use it for several things (`st` is street and
saint); two words agree if they share one. The words are data: `data/words/<language>.json`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from sync.core.address.fold import fold
from sync.core.address.tables import read_json


class Kind(StrEnum):
    """What a word does in an address; the values are the keys of the word files."""

    TYPE = "types"
    DIRECTION = "directions"
    TITLE = "titles"
    WORD = "words"
    STOP = "stops"
    UNIT = "units"
    FLOOR = "floors"
    BLOCK = "blocks"
    BOX = "boxes"
    NUMBER = "numbers"
    ORDINAL = "ordinals"
    CARDINAL = "cardinals"
    MONTH = "months"
    HIGHWAY = "highways"
    PREMISE = "premises"
    LANDMARK = "landmarks"
    COMPOUND = "compound"  # a name that ends in its own street type: Hauptstrasse


Reading = tuple[Kind, str]
"""What a word does, and its full form."""

Phrase = tuple[tuple[str, ...], tuple[Reading, ...]]

_FIRM = frozenset({Kind.TYPE, Kind.WORD, Kind.TITLE})
"""What a short word may be in a language that only some speak in a country."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one country.

    Attributes:
        words: word → its readings.
        kinds: word → the kinds of its readings.
        phrases: first word → longer phrases, longest first, each with its readings.
        endings: the abbreviated end of a compound word → its full forms (`str` → `strasse`).
        full_endings: the full ends of compounds, and their abbreviations of three letters or more.
        family: how rival romanisations meet, see `skeleton`.
        number_last: whether the house number follows the street.
        unit_before_slash: whether 3/12 is unit 3 of number 12.
        joined_types: street types that are written before the name without a space (Thai).
    """

    words: dict[str, tuple[Reading, ...]]
    kinds: dict[str, frozenset[Kind]]
    phrases: dict[str, tuple[Phrase, ...]]
    endings: dict[str, tuple[str, ...]]
    full_endings: tuple[str, ...]
    family: str
    number_last: bool
    unit_before_slash: bool
    joined_types: tuple[str, ...]


def _plain(text: str) -> str:
    return " ".join(fold(text).replace(".", " ").replace("'", " ").replace("-", " ").split())


def _variants(table: dict[str, str]) -> Iterable[tuple[str, str]]:
    """Every spelling in a table of a word file, with the full form it stands for."""
    for full, spellings in table.items():
        for spelling in (full, *spellings.split(",")):
            if word := _plain(spelling):
                yield word, _plain(full)


@cache
def _language(name: str) -> tuple[dict[str, frozenset[Reading]], dict[str, frozenset[str]]]:
    """The readings and the endings of one language file."""
    tables: dict[str, dict[str, str] | str] = read_json(f"words/{name}.json")
    readings: dict[str, set[Reading]] = {}
    endings: dict[str, set[str]] = {}
    for kind, listed in tables.items():
        table = dict.fromkeys(listed.split(","), "") if isinstance(listed, str) else listed
        for word, full in _variants(table):
            if kind == "endings":
                if word != full:
                    endings.setdefault(word, set()).add(full)
            else:
                readings.setdefault(word, set()).add((Kind(kind), full))
    return (
        {word: frozenset(found) for word, found in readings.items()},
        {word: frozenset(found) for word, found in endings.items()},
    )


def _kept(word: str, found: frozenset[Reading]) -> Iterable[Reading]:
    """The readings that a word of a minor language of a country keeps; short words lose most."""
    shortest = 2 if _FIRM.issuperset(kind for kind, _ in found) else 4
    if len(word) >= shortest:
        return found
    return [reading for reading in found if reading[0] is Kind.DIRECTION]


@cache
def lexicon_for(country: str | None) -> Lexicon:
    """The words of `country` (ISO alpha-2) and of English; with None, those of the large languages."""
    settings = read_json("settings.json")
    languages: str = settings["languages"].get(country or "", "")
    readings: dict[str, set[Reading]] = {}
    endings: dict[str, set[str]] = {}
    for name in ("en", *languages.split()):
        words, ends = _language(name.removeprefix("~"))
        for word, found in words.items():
            kept = _kept(word, found) if name.startswith("~") else found
            readings.setdefault(word, set()).update(kept)
        for ending, fulls in ends.items():
            endings.setdefault(ending, set()).update(fulls)
    full_endings = {full for fulls in endings.values() for full in fulls}
    kinds = {word: frozenset(kind for kind, _ in found) for word, found in readings.items() if found}
    return Lexicon(
        kinds=kinds,
        words={word: tuple(sorted(found)) for word, found in readings.items() if " " not in word and found},
        phrases=_phrases(readings),
        endings={ending: tuple(sorted(fulls)) for ending, fulls in endings.items()},
        full_endings=tuple(sorted(full_endings | {end for end in endings if len(end) > 2})),
        family=next(
            (name for name in ("slavic", "hellenic", "arabic") if country in settings[name].split()), "latin"
        ),
        number_last=country in settings["number_last"].split(),
        unit_before_slash=country in settings["unit_before_slash"].split(),
        joined_types=tuple(sorted(word for word, found in readings.items() if _is_joined(word, found))),
    )


def _is_joined(word: str, found: set[Reading]) -> bool:
    return not word.isascii() and len(word) > 2 and any(kind is Kind.TYPE for kind, _ in found)


def _phrases(readings: dict[str, set[Reading]]) -> dict[str, tuple[Phrase, ...]]:
    phrases: dict[str, list[Phrase]] = {}
    for word, found in readings.items():
        if " " in word and found:
            split = tuple(word.split())
            phrases.setdefault(split[0], []).append((split, tuple(sorted(found))))
    return {
        first: tuple(sorted(listed, key=lambda phrase: (-len(phrase[0]), phrase)))
        for first, listed in phrases.items()
    }
