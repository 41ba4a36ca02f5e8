"""What lies inside a house: units, floors, entrances, and the words that stand for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sync.core.address.lexicon import Kind
from sync.core.address.numbers import house, is_roman
from sync.core.address.words import Word

INSIDE_KINDS = frozenset({Kind.UNIT, Kind.FLOOR, Kind.BLOCK})
UNIT, FLOOR, KM = frozenset({"unit"}), frozenset({"floor"}), frozenset({"km"})


class Inside(NamedTuple):
    """A place inside a house: what its word may mean (`unit`, `floor`, `block`, `km`) and its value."""

    kinds: frozenset[str]
    value: str


def inside_of(kinds: Iterable[Kind], text: str) -> Inside:
    """The place that a word of `kinds` names with the value `text`."""
    value = str(house(text)) if text[0].isdigit() else text
    return Inside(frozenset(kind.value.removesuffix("s") for kind in kinds if kind in INSIDE_KINDS), value)


def are_inside(words: Sequence[Word]) -> bool:
    """Whether words after the house number lie inside the house: 3. tv., 3º Dto, B."""
    placed = [
        word.text.isdigit()
        or (
            not word.kinds.isdisjoint(INSIDE_KINDS)
            and (len(word.text) < 4 or word.kinds.isdisjoint((Kind.TYPE, Kind.PREMISE)))
        )
        for word in words
    ]
    if not any(placed):
        return len(words) == 1 and len(words[0].text) == 1
    return all(
        place or len(word.text) == 1 or is_roman(word.text) for place, word in zip(placed, words, strict=True)
    )


def inside_words(words: Sequence[Word]) -> list[Inside]:
    """The places that such words name, in their full form."""
    return [Inside(UNIT, max(word.forms, key=lambda form: (len(form), form))) for word in words]
