"""Words that give the next number its meaning: Suite 5, 3rd floor, PO Box 7, Route 66, No. 12.

Each function reads at one index of a segment and answers how many tokens it took; 0 if the word is
a name after all.
"""

from __future__ import annotations

from typing import NamedTuple

from sync.core.address.cursor import NONE, Cursor
from sync.core.address.draft import Draft
from sync.core.address.inside import (
    FLOOR,
    INSIDE_KINDS,
    KM,
    Inside,
    inside_of,
)
from sync.core.address.lexicon import Kind, Reading
from sync.core.address.numbers import House, house, is_roman, roman_value
from sync.core.address.tables import listed
from sync.core.address.tokens import Token

_DESIGNATING = INSIDE_KINDS | {Kind.BOX, Kind.HIGHWAY, Kind.NUMBER, Kind.ORDINAL, Kind.CARDINAL}
_SAINT = frozenset({Kind.TITLE, Kind.WORD})
_PLAIN = INSIDE_KINDS | {Kind.PREMISE, Kind.BOX}


class _Found(NamedTuple):
    """A word, what it may mean, and the value that follows it."""

    at: int
    size: int
    text: str
    kinds: frozenset[Kind]
    full: dict[Kind, str]
    value: Token | None
    after: int

    @property
    def number(self) -> Token | None:
        """The value, if it is a number."""
        return self.value if self.value and self.value.form != "word" else None

    @property
    def is_plain(self) -> bool:
        """Whether the word has no meaning outside of a house; no saint has a number (Ste 5)."""
        return (self.kinds - _SAINT if self.number else self.kinds) <= _PLAIN


def read_designator(
    draft: Draft, cursor: Cursor, index: int, readings: tuple[Reading, ...], size: int
) -> int:
    """Read the word or phrase at `index` with its value, if its `readings` call for one."""
    text = cursor.segment[index].text
    kinds = cursor.lexicon.kinds.get(text, NONE) if size == 1 else frozenset([kind for kind, _ in readings])
    if kinds.isdisjoint(_DESIGNATING) and not is_roman(text):
        return 0
    value, after = cursor.value(index + size)
    full = dict(reversed(readings))
    found = _Found(index, size, text, kinds, full, value, after)
    for read in (_box, _inside, _named_floor, _counted_floor, _house_in_words, _highway, _number):
        if taken := read(draft, cursor, found):
            return taken
    return 0


def read_hash(draft: Draft, cursor: Cursor, index: int) -> int:
    """Read `#`: it marks the house number if that is still to come, else a unit."""
    value, after = cursor.value(index)
    if value is None or value.form == "word":
        return 1
    numbered = draft.only_types() and draft.candidates and draft.candidates[-1].position > 0
    grid = numbered and draft.house is None  # Cra. 7 # 71-21
    if draft.only_types() and _opens(draft) and draft.is_numbered(draft.words[-1]) and draft.candidates:
        draft.name(str(house(value.text)))  # 12 Road # 11
    elif value.form == "number" and (grid or not draft.settled):
        draft.number(house(value.text), marked=bool(draft.words))
    elif draft.settled:
        draft.inside.append(inside_of((Kind.UNIT,), value.text))
    else:
        draft.loose.append(value.text)
    return after - index


def _box(draft: Draft, cursor: Cursor, found: _Found) -> int:
    phrase = found.size > 1
    housed = draft.settled or draft.several_numbered
    unit = housed and not found.kinds.isdisjoint(INSIDE_KINDS)  # boîte 5 of a house is a unit
    if Kind.BOX not in found.kinds or unit or not (found.number or phrase):
        return 0
    if not phrase and draft.words and not found.kinds <= {Kind.BOX, Kind.UNIT}:
        return 0
    if found.number is None:
        draft.boxes.append("")
        return found.size
    text = found.number.text
    draft.boxes.append(house(text).parts[0] if found.number.form == "number" else text)
    return found.after - found.at


def _inside(draft: Draft, cursor: Cursor, found: _Found) -> int:
    value, number = found.value, found.number
    if value is None or found.kinds.isdisjoint(INSIDE_KINDS):
        return 0
    if number and _is_house_after_all(draft, cursor, found):
        draft.number(house(number.text))
        return found.after - found.at
    lettered = len(value.text) == 1 and len(found.text) > 1
    plain = found.is_plain and (number or draft.settled or Kind.UNIT in found.kinds)
    whole = found.at == 0 and found.after == len(cursor.segment)
    plain = plain or (whole and draft.several_numbered and Kind.UNIT in found.kinds)  # Top 7
    if not plain and not (draft.settled and (number or lettered)):
        return 0
    draft.inside.append(inside_of(found.kinds, value.text))
    return found.after - found.at


def _is_house_after_all(draft: Draft, cursor: Cursor, found: _Found) -> bool:
    """Whether a unit's number is the only one before a street: Flat 74 High Street."""
    if draft.settled or draft.lexicon.number_last or Kind.UNIT not in found.kinds:
        return False
    if found.after >= len(cursor.segment) or cursor.has_number(found.after):
        return False
    rest = [cursor.kinds(index) for index in range(found.after, len(cursor.segment))]
    typed = any(Kind.TYPE in kinds for kinds in rest[1:])
    return typed and not any(Kind.PREMISE in kinds and Kind.TYPE not in kinds for kinds in rest)


def _named_floor(draft: Draft, cursor: Cursor, found: _Found) -> int:
    """Read a floor without a number: basement, ground floor, 1er, bajo; and a unit without one."""
    after = found.at + found.size
    floor = found.full.get(Kind.FLOOR)
    followed = Kind.FLOOR in cursor.kinds(after)
    last = draft.settled and after == len(cursor.segment)
    if floor in listed("named_floors") and (found.is_plain or followed or last):
        draft.inside.append(Inside(FLOOR, str(floor)))
        while Kind.FLOOR in cursor.kinds(after):
            after += 1
        return after - found.at
    if found.is_plain and found.full.get(Kind.UNIT) in ("flat", "apartment"):
        return found.size  # Basement Flat: without a number it says nothing
    return 0


def _counted_floor(draft: Draft, cursor: Cursor, found: _Found) -> int:
    """Read a floor that is counted in words or in Roman: second floor, III. emelet."""
    if Kind.FLOOR not in cursor.kinds(found.at + found.size):
        return 0
    count = found.full.get(Kind.ORDINAL) or found.full.get(Kind.CARDINAL)
    if count is None and is_roman(found.text) and draft.settled:
        count = str(roman_value(found.text))
    if count is None:
        return 0
    draft.inside.append(Inside(FLOOR, count))
    return found.size + 1


def _house_in_words(draft: Draft, cursor: Cursor, found: _Found) -> int:
    """Read a house number in words: One Hancock Plaza, but not Three Mile Road 5."""
    if Kind.CARDINAL not in found.kinds or found.at or draft.settled or draft.lexicon.number_last:
        return 0
    end = next((at for at, token in enumerate(cursor.segment) if token.form != "word"), len(cursor.segment))
    if end < len(cursor.segment) and cursor.segment[end].form == "number":
        before = end - 1  # a number that follows must be a unit's: One Hancock Plaza Suite 5
        if cursor.segment[before].text != "#" and cursor.kinds(before).isdisjoint(_PLAIN):
            return 0
    if not any(Kind.TYPE in cursor.kinds(at) for at in range(found.size + 1, end)):
        return 0
    draft.number(House((found.full[Kind.CARDINAL],)))
    return found.size


def _highway(draft: Draft, cursor: Cursor, found: _Found) -> int:
    """Read a road's number, which is its name, or a distance along it."""
    if Kind.HIGHWAY not in found.kinds or found.number is None:
        return 0
    text = found.number.text
    if found.full[Kind.HIGHWAY] in listed("distances"):
        draft.inside.append(Inside(KM, str(house(text))))
        return found.after - found.at
    if Kind.HIGHWAY in cursor.kinds(found.at + found.size):
        return 0  # Carretera N 340: N takes the number
    named = any(word.kinds.isdisjoint((Kind.TYPE, Kind.DIRECTION)) for word in draft.words)
    if draft.lexicon.number_last and named and not draft.settled:
        return 0
    letter = found.size == 1 and len(found.text) == 1
    if letter and (not draft.only_types() if draft.words else draft.settled and draft.lexicon.number_last):
        return 0
    draft.name(found.text, cursor.readings(found.at)[0])
    draft.name(text.replace("-", ""))
    return found.after - found.at


def _number(draft: Draft, cursor: Cursor, found: _Found) -> int:
    """Read a number that a word marks as the house's: Nr. 5, д. 5; but Road No. 12 is a name."""
    if Kind.NUMBER not in found.kinds or found.number is None or found.number.form != "number":
        return 0
    value = house(found.number.text)
    typed = bool(draft.words) and all(word.only(Kind.TYPE) for word in draft.words)
    if (
        typed
        and (not draft.candidates or _opens(draft))
        and not (draft.lexicon.number_last and not draft.is_numbered(draft.words[-1]))
    ):
        draft.name(str(value))
    else:
        draft.number(value, marked=True)
    return found.after - found.at


def _opens(draft: Draft) -> bool:
    """Whether the numbers so far stand before the street, so that another is the street's: 12 Road No. 11."""
    return not draft.lexicon.number_last and all(each.position == 0 for each in draft.candidates)
