"""From the segments of one address to a draft: street, house number, unit, box, and other names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sync.core.address.cursor import Cursor
from sync.core.address.designators import read_designator, read_hash
from sync.core.address.draft import Draft, Part
from sync.core.address.housing import settle
from sync.core.address.lexicon import Kind, Reading
from sync.core.address.numerals import read_numeral
from sync.core.address.tokens import Segment
from sync.core.address.words import forms_of, is_strong, word_of

_KOREAN_AREA = re.compile(r"(?:^|[a-z]{2})(?:si|gu|do|gun|eup|myeon|dong)$")
"""The end of an area's name, before the street: 서울특별시 마포구 동교로."""

_DISTRICT_END = (Kind.TYPE, "mahalle")
"""Turkish writes the quarter before the street, with no comma: Kızılay Mah. Gazi Cd. 7."""


def read_lines(lines: Sequence[Segment], country: str | None) -> Draft:
    """Read all segments in order.

    Where several have a number, the house number is in one with a street: 2600 Chemed Center,
    255 E Fifth St.
    """
    draft = Draft(country)
    numbered = [any(token.form == "number" for token in segment) for segment in lines]
    rivals = any(numbered[1:])  # where only the first has a number, there is nothing to choose
    draft.several_numbered = sum(numbered) > 1
    strong = [
        rivals and here and _names_street(draft, line) for here, line in zip(numbered, lines, strict=True)
    ]
    alone = [not any(token.form == "word" for token in segment) for segment in lines]
    for index, segment in enumerate(lines):
        draft.may_house = (
            not rivals or strong[index] or not any(strong if alone[index] else strong[index + 1 :])
        )
        draft.number_follows = any(alone[index + 1 : index + 2])
        draft.words, draft.candidates = [], []
        cursor = Cursor(segment, draft.lexicon)
        at = 0
        while at < len(segment):
            at += _read_at(draft, cursor, at)
        settle(draft)
    return draft


def _names_street(draft: Draft, segment: Segment) -> bool:
    """Whether a segment has the kind of a street, and a number where a house number would be."""
    last = draft.lexicon.number_last
    if not any(token.form == "number" for token in (segment[-2:] if last else segment[:2])):
        return False
    words = [word_of(token.text, draft.country) for token in segment if token.form == "word"]
    if all(Kind.TYPE in word.kinds for word in words):
        return False  # Rua 7: the number is the street's
    if any(word.kinds & {Kind.COMPOUND, Kind.HIGHWAY} or is_strong(word) for word in words):
        return True
    ends = forms_of("street_ends", "latin")
    return any(Kind.TYPE in word.kinds and not word.forms.isdisjoint(ends) for word in words[-2:])


def _read_at(draft: Draft, cursor: Cursor, index: int) -> int:
    """Read what starts at `index`; the number of tokens that it took."""
    form, text = cursor.segment[index]
    if form != "word":
        return read_numeral(draft, cursor, index)
    if text == "#":
        return read_hash(draft, cursor, index)
    readings, size = cursor.readings(index)
    taken = read_designator(draft, cursor, index, readings, size)
    return taken or _read_name(draft, cursor, index, readings, size)


def _read_name(draft: Draft, cursor: Cursor, index: int, readings: tuple[Reading, ...], size: int) -> int:
    if any(kind is Kind.LANDMARK for kind, _ in readings) and _is_landmark(draft, cursor, index + size):
        rest = cursor.segment[index:]
        draft.asides.append(tuple(word_of(token.text, draft.country) for token in rest))
        return len(rest)
    opened = bool(draft.words)
    if size == 1:
        draft.name(cursor.segment[index].text)
    else:
        draft.name(" ".join(token.text for token in cursor.segment[index : index + size]), readings)
    followed = index + size < len(cursor.segment) and cursor.segment[index + size].form == "word"
    area = draft.country == "KR" and followed and _KOREAN_AREA.search(cursor.segment[index].text)
    if area or (opened and _DISTRICT_END in readings):
        draft.parts.append(Part(tuple(draft.words), (), housed=False))
        draft.words = []
    return size


def _is_landmark(draft: Draft, cursor: Cursor, after: int) -> bool:
    """Whether the rest of the segment tells where the house is: near the church, at 5th Ave."""
    typed = any(Kind.TYPE in word.kinds for word in draft.words)
    return after < len(cursor.segment) and bool(draft.words) and (draft.settled or typed)
