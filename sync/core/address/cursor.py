"""Looking around in one segment: what the words at an index may mean, and which value follows."""

from __future__ import annotations

from dataclasses import dataclass

from sync.core.address.lexicon import Kind, Lexicon, Reading
from sync.core.address.numbers import is_roman
from sync.core.address.tokens import Segment, Token

LONGEST_PHRASE = 6
NONE: frozenset[Kind] = frozenset()


@dataclass(slots=True)
class Cursor:
    """One segment with the words of its country."""

    segment: Segment
    lexicon: Lexicon

    def readings(self, index: int) -> tuple[tuple[Reading, ...], int]:
        """The readings of the longest phrase at `index`, and its number of tokens."""
        first = self.segment[index].text
        phrases = self.lexicon.phrases.get(first)
        if phrases is not None:
            texts = tuple([token.text for token in self.segment[index : index + LONGEST_PHRASE]])
            for phrase, readings in phrases:
                if texts[: len(phrase)] == phrase:
                    return readings, len(phrase)
        return self.lexicon.words.get(first, ()), 1

    def kinds(self, index: int) -> frozenset[Kind]:
        """What the word at `index` may do; nothing for a number or past the end."""
        if index >= len(self.segment):
            return NONE
        form, text = self.segment[index]
        if form != "word":
            return NONE
        if text in self.lexicon.phrases:
            return frozenset([kind for kind, _ in self.readings(index)[0]])
        return self.lexicon.kinds.get(text, NONE)

    def value(self, index: int) -> tuple[Token | None, int]:
        """The value for a designator that ends before `index` (Suite [No.] 5), and the index after it."""
        while index < len(self.segment) and self._marks_value(index):
            index += 1
        if index >= len(self.segment):
            return None, index
        token = self.segment[index]
        if token.form != "word" or len(token.text) == 1 or is_roman(token.text):
            return token, index + 1
        return None, index

    def _marks_value(self, index: int) -> bool:
        if self.segment[index].text == "#":
            return True
        has_number = index + 1 < len(self.segment) and self.segment[index + 1].form != "word"
        return has_number and Kind.NUMBER in self.kinds(index)

    def has_number(self, start: int = 0) -> bool:
        """Whether a plain number stands at `start` or later."""
        return any(token.form == "number" for token in self.segment[start:])
