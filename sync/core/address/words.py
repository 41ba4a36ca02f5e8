"""Words of an address with everything they may stand for in one country."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

from sync.core.address.fold import fold, skeleton
from sync.core.address.lexicon import Kind, Reading, lexicon_for
from sync.core.address.numbers import is_roman, roman_value
from sync.core.address.tables import read_json

_SLIGHT = frozenset({Kind.TYPE, Kind.DIRECTION, Kind.STOP, Kind.TITLE})
SHORTEST_STEM = 3
"""An ending is only read as an abbreviation after this many letters: Storg(atan), not E(ng)."""


class Word(NamedTuple):
    """A word or number of a name.

    Attributes:
        text: as folded.
        kinds: what it may do.
        forms: every full form it may stand for, and its own skeleton; two words agree if they
            share one.
        stem: the text without the street type that it ends in: Haupt of Hauptstrasse.
        is_stop: whether it is an article or the like, and nothing else.
        is_slight: whether it says no more than street, north or the.
        is_telling: whether it is more than a street type, a title or an article.
    """

    text: str
    kinds: frozenset[Kind]
    forms: frozenset[str]
    stem: str
    is_stop: bool
    is_slight: bool
    is_telling: bool

    def only(self, *kinds: Kind) -> bool:
        """Whether it does nothing but one of `kinds`."""
        return bool(self.kinds) and self.kinds <= set(kinds)


Words = tuple[Word, ...]


def text_of(words: Words) -> str:
    """The words as one text."""
    return " ".join(word.text for word in words)


@cache
def _concepts() -> dict[str, str]:
    """A street type of any language → the sign of its meaning, shared by all languages."""
    return {
        fold(word): f"={concept}"
        for concept, words in read_json("settings.json")["concepts"].items()
        for word in words.split(", ")
    }


@lru_cache(maxsize=32768)
def word_of(text: str, country: str | None, readings: tuple[Reading, ...] | None = None) -> Word:
    """The word `text` in `country`; `readings` are given for a phrase that was found as a whole."""
    lexicon = lexicon_for(country)
    found = lexicon.words.get(text, ()) if readings is None else readings
    forms = {skeleton(form.replace(" ", ""), lexicon.family) for _, form in found}
    forms.add(skeleton(text.replace(" ", ""), lexicon.family))
    forms.update(concept for kind, form in found if kind is Kind.TYPE and (concept := _concepts().get(form)))
    kinds, stem = {kind for kind, _ in found}, text
    if len(text) > 1 and is_roman(text):
        forms.add(str(roman_value(text)))  # via XX Settembre, via 20 Settembre
    if not found and not text.isascii():
        for type_word in lexicon.joined_types:
            if text.startswith(type_word) and len(text) > len(type_word):
                kinds.add(Kind.COMPOUND)
                forms.add(text.removeprefix(type_word))
    if not found and not text.isdigit():
        for size in range(1, min(9, len(text) - SHORTEST_STEM + 1)):
            for full in lexicon.endings.get(text[-size:], ()):
                forms.add(skeleton(text[:-size] + full, lexicon.family))
        ending = max(
            (end for end in lexicon.full_endings if text.endswith(end) and len(text) > len(end) + 1),
            key=len,
            default="",
        )
        if ending:
            kinds.add(Kind.COMPOUND)
            stem = text.removesuffix(ending)
    return Word(
        text,
        frozenset(kinds),
        frozenset(forms),
        stem,
        is_stop=kinds == {Kind.STOP},
        is_slight=bool(kinds) and kinds <= _SLIGHT,
        is_telling=not kinds or not kinds <= _SLIGHT - {Kind.DIRECTION},
    )


@lru_cache(maxsize=64)
def forms_of(setting: str, family: str) -> frozenset[str]:
    """A list of words in the settings, in the form of `Word.forms`."""
    return frozenset(skeleton(word.replace(" ", ""), family) for word in read_json("settings.json")[setting])


@lru_cache(maxsize=8192)
def is_strong(word: Word) -> bool:
    """Whether a word can hardly be anything but a street's type."""
    if word.only(Kind.TYPE, Kind.UNIT, Kind.BLOCK, Kind.PREMISE) and not word.forms.isdisjoint(
        forms_of("street_ends", "latin")
    ):
        return True
    return word.only(Kind.TYPE, Kind.UNIT, Kind.BLOCK) and any(form[0] == "=" for form in word.forms)
