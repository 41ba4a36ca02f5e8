"""An address while it is being read: what has been found so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sync.core.address.inside import Inside
from sync.core.address.lexicon import Kind, Lexicon, Reading, lexicon_for
from sync.core.address.numbers import House
from sync.core.address.words import Word, Words, forms_of, word_of


class Part(NamedTuple):
    """The names of one segment, before and after the house number if that stands in it."""

    before: Words
    after: Words
    housed: bool


class Candidate(NamedTuple):
    """A number that may be the house's.

    Attributes:
        position: how many words of the segment stand before it.
        value: the number.
        marked: whether a word says that it is one: No. 5, д. 5.
    """

    position: int
    value: House
    marked: bool


@dataclass(slots=True)
class Draft:
    """What has been read of an address, and of the segment at hand.

    Attributes:
        country: whose words are used.
        lexicon: these words.
        parts: the names of the segments before.
        house: the house number.
        inside: units, floors, entrances.
        boxes: numbers of post-office boxes.
        loose: numbers whose meaning is not known.
        asides: landmarks and cross streets: near the church.
        words: the names of the segment at hand.
        candidates: its numbers.
        may_house: whether the house number may be in it.
        number_follows: whether the next segment is a number alone.
        several_numbered: whether more than one segment has a number.
    """

    country: str | None
    lexicon: Lexicon = field(init=False)
    parts: list[Part] = field(default_factory=list)
    house: House | None = None
    inside: list[Inside] = field(default_factory=list)
    boxes: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    asides: list[Words] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    may_house: bool = True
    number_follows: bool = False
    several_numbered: bool = False

    def __post_init__(self) -> None:
        self.lexicon = lexicon_for(self.country)

    @property
    def settled(self) -> bool:
        """Whether the house number is behind, so that what follows lies inside the house."""
        return self.house is not None or bool(self.candidates)

    def name(self, text: str, readings: tuple[Reading, ...] | None = None) -> None:
        """Add a word to the names of the segment."""
        self.words.append(word_of(text, self.country, readings))

    def number(self, value: House, *, marked: bool = False) -> None:
        """Add a number that may be the house's."""
        self.candidates.append(Candidate(len(self.words), value, marked))

    def is_numbered(self, word: Word) -> bool:
        """Whether streets of this kind have numbers for names: 5 Avenue, Calle 50."""
        return not word.forms.isdisjoint(forms_of("numbered_streets", self.lexicon.family))

    def takes_number(self) -> bool:
        """Whether the number after the street is the street's: 42 Sukhumvit Soi 21, 10 Jalan SS 2/24."""
        if self.lexicon.number_last:
            return False
        return any(not word.forms.isdisjoint(forms_of("numbered_lanes", "latin")) for word in self.words)

    def only_types(self) -> bool:
        """Whether the segment has named nothing but kinds of streets so far."""
        return bool(self.words) and all(Kind.TYPE in word.kinds for word in self.words)
