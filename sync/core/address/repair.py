"""Slips of the keyboard in the words that steer the reading: Rodoovia, Cresent, Novemrbe.

A slip in a name is seen when names are compared. A slip in a street type, a month or a road's kind
makes the address be read otherwise, so it has to go before reading; the other side shows the right
spelling. Only the level tolerant does this.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from connectors.records import LINE_PARTS, Address
from sync.core.address.fold import fold
from sync.core.address.lexicon import lexicon_for
from sync.core.address.names import is_typo
from sync.core.address.tokens import LONGEST_TEXT

SHORTEST, MOST = 5, 12
LONGEST = 160
"""Longer lines are not repaired; this bounds the time a check takes."""

_WORD = re.compile(r"[^\W\d_]+")


@cache
def _known(country: str | None) -> frozenset[str]:
    """The words of a country's tables, those of phrases too."""
    lexicon = lexicon_for(country)
    phrases = (phrase for listed in lexicon.phrases.values() for phrase, _ in listed)
    return frozenset(lexicon.words).union(*phrases)


def _words(address: Address) -> dict[str, str]:
    """The words of the lines: as typed → folded."""
    text = " ".join((getattr(address, part) or "")[:LONGEST_TEXT] for part in LINE_PARTS)
    found = (match.group() for match in _WORD.finditer(text))
    return dict([(word, fold(word)) for word in found if len(word) >= SHORTEST - 1][: 4 * MOST])


def repaired(address: Address, other: Address, country: str | None) -> Address:
    """`address` with the words that are `other`'s steering words but for a slip in that spelling."""
    if any(sum(len(getattr(each, part) or "") for part in LINE_PARTS) > LONGEST for each in (address, other)):
        return address
    known = _known(country)
    theirs = _words(other)
    right = [word for word in theirs.values() if word in known and len(word) >= SHORTEST][:MOST]
    wrong = [(typed, word) for typed, word in _words(address).items() if word not in known][:MOST]
    spelled = {}
    for typed, word in wrong:
        meant = next((each for each in right if is_typo(word, each)), None)
        if meant and word not in theirs.values():
            spelled[typed] = meant
    if not spelled:
        return address
    lines = {}
    for part in LINE_PARTS:
        if text := getattr(address, part):
            lines[part] = _WORD.sub(lambda found: spelled.get(found.group(), found.group()), text)
    return replace(address, **lines)
