"""Numbers in a line: ordinals, dates and road numbers are names; the others may be the house's."""

from __future__ import annotations

import re

from sync.core.address.cursor import Cursor
from sync.core.address.draft import Draft
from sync.core.address.inside import FLOOR, INSIDE_KINDS, Inside, inside_of
from sync.core.address.lexicon import Kind
from sync.core.address.numbers import House, house
from sync.core.address.tables import listed, read_json

_DIGITS = re.compile(r"\d*")
_FLOOR = re.compile(r"\d+/?f$")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d$")
_FRENCH_SUFFIXES = {"bis": "b", "ter": "t", "quater": "q"}
_LATIN = frozenset({"fr", "it", "es", "pt", "ca", "ro"})
LAST_HOUSE_LETTER = "h"
"""A lone letter between a number and a street is the number's up to this one: 39 A Air Balloon Road."""


def read_numeral(draft: Draft, cursor: Cursor, index: int) -> int:
    """Read the number at `index`; how many tokens it took."""
    form, text = cursor.segment[index]
    following = cursor.kinds(index + 1)
    digits = _DIGITS.match(text)
    number = digits.group().lstrip("0") or "0" if digits else "0"
    if _is_asian_floor(draft, text):
        draft.inside.append(Inside(FLOOR, number))
        return 1
    if Kind.FLOOR in following and (form == "ordinal" or draft.settled):
        draft.inside.append(Inside(FLOOR, number))
        return 2
    if form == "mixed":
        _read_mixed(draft, cursor, index, text)
        return 1
    if form == "ordinal" or _is_french_ordinal(draft, cursor, index):
        draft.name(number)
        return 1
    return _read_date(draft, cursor, index) or _read_house(draft, cursor, index)


def _is_asian_floor(draft: Draft, text: str) -> bool:
    """Whether a number is a floor by its F: 12/F anywhere, 12F where floors are written so."""
    if not _FLOOR.match(text):
        return False
    return "/" in text or draft.country in listed("floors_with_f")


def _read_mixed(draft: Draft, cursor: Cursor, index: int, text: str) -> None:
    """Keep B28: a road's number if nothing else names the street, else of unknown meaning."""
    prefix = text.rstrip("0123456789").rstrip("-")
    readings = draft.lexicon.words.get(prefix, ())
    if len(prefix) > 1 and any(kind is Kind.NUMBER for kind, _ in readings) and text[-1].isdigit():
        draft.number(house(text[len(prefix) :].lstrip("-")), marked=True)  # No9
        return
    inside = {kind for kind, _ in readings if kind in INSIDE_KINDS and len(prefix) > 1}
    if prefix == "u" and draft.country in ("AU", "NZ"):
        inside = {Kind.UNIT}  # U16
    if inside and text[-1].isdigit() and (draft.settled or not draft.lexicon.number_last):
        draft.inside.append(inside_of(inside, text[len(prefix) :].lstrip("-")))
        return
    alone = not any(token.form == "word" for token in cursor.segment) and draft.candidates
    first = index == 0 and len(cursor.segment) > 1 and not draft.lexicon.number_last
    if not text[0].isdigit() and not alone and (draft.settled or first) and not draft.takes_number():
        draft.loose.append(text)
    elif any(kind is Kind.HIGHWAY for kind, _ in readings):
        draft.name(prefix)
        draft.name(text[len(prefix) :].lstrip("-"))
    else:
        draft.name(text.replace("-", ""))


def _is_french_ordinal(draft: Draft, cursor: Cursor, index: int) -> bool:
    """Whether 1e is *first* and no house number: 1e Jacob van Campenstraat 5, 92 8e Avenue, 6a Avenida."""
    lettered = cursor.segment[index].text.endswith("a") and not draft.words
    if lettered and draft.lexicon.number_last and cursor.has_number(index + 1):
        readings = cursor.readings(index + 1)[0] if index + 1 < len(cursor.segment) else ()
        numbered = any(kind is Kind.TYPE and full in ("avenida", "calle") for kind, full in readings)
        return numbered and _is_spanish(draft)
    if not cursor.segment[index].text.endswith("e"):
        return False
    if draft.settled:
        return Kind.TYPE in cursor.kinds(index + 1)
    rest = cursor.segment[index + 1 :]
    return not draft.words and bool(rest) and rest[0].form == "word" and cursor.has_number(index + 1)


def _read_date(draft: Draft, cursor: Cursor, index: int) -> int:
    """Read a day with its month, and the year: 8 mai 1945, 12 de Octubre."""
    month = index + 1
    if Kind.MONTH not in cursor.kinds(month) and Kind.STOP in cursor.kinds(month):
        month += 1
    if Kind.MONTH not in cursor.kinds(month):
        return 0
    end = month + 1
    if end < len(cursor.segment) and _YEAR.match(cursor.segment[end].text):
        end += 1
    for token in cursor.segment[index:end]:
        draft.name(token.text)
    return end - index


def _read_house(draft: Draft, cursor: Cursor, index: int) -> int:
    value = house(cursor.segment[index].text)
    if len(value.parts) == 1 and value.parts[0].isdigit() and index + 1 < len(cursor.segment):
        suffix = cursor.segment[index + 1]
        if _is_latin_suffix(draft, suffix.text) or (
            len(suffix.text) == 1 and _is_suffix(draft, cursor, index + 1)
        ):
            draft.number(House((value.parts[0] + _FRENCH_SUFFIXES.get(suffix.text, suffix.text),)))
            return 2
    draft.number(value)
    return 1


def _is_spanish(draft: Draft) -> bool:
    languages: str = read_json("settings.json")["languages"].get(draft.country or "", "")
    return "es" in languages.split()


def _is_latin_suffix(draft: Draft, text: str) -> bool:
    """Whether bis, ter or quater counts houses here; elsewhere ter is a terrace."""
    languages: str = read_json("settings.json")["languages"].get(draft.country or "", "")
    return text in _FRENCH_SUFFIXES and not _LATIN.isdisjoint(languages.split())


def _is_suffix(draft: Draft, cursor: Cursor, index: int) -> bool:
    """Whether the lone letter at `index` belongs to the number before it."""
    form, text = cursor.segment[index]
    if form != "word" or text == "#" or cursor.readings(index)[1] > 1:
        return False
    last = index + 1 == len(cursor.segment)
    if last:
        return draft.lexicon.number_last or not draft.words or text not in "nsew"
    if not draft.words and not _precedes_street(draft, cursor, index):
        return False
    if text in "nsew" and draft.country != "GB":
        return False
    if cursor.segment[index + 1].form != "word":
        return cursor.kinds(index).isdisjoint(INSIDE_KINDS)
    return bool(draft.words) or not draft.lexicon.number_last


def _precedes_street(draft: Draft, cursor: Cursor, index: int) -> bool:
    """Whether a letter before a street can be the number's: not 16 R. de la Loi, 100 A Street."""
    text, following = cursor.segment[index].text, cursor.segment[index + 1]
    if Kind.TYPE in cursor.kinds(index) or text > LAST_HOUSE_LETTER:
        return False
    if following.form == "word" and len(following.text) == 1:
        return False
    kinds = cursor.kinds(index + 1)
    return not (kinds and kinds <= {Kind.TYPE}) or Kind.TYPE in cursor.kinds(index + 2)
