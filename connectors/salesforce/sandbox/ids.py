"""Salesforce record ids: 15 case-sensitive characters, and 3 more that make them safe in any case.

The last three characters say which of the first fifteen are capitals: one character per five, its bits
from the right. Ids made here grow in ASCII order, so the order of ids is the order of creation.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase, digits

ALPHABET = digits + ascii_uppercase + ascii_lowercase
_SUFFIX = ascii_uppercase + digits[:6]
_CHARACTERS = frozenset(ALPHABET)
_CAPITALS = frozenset(ascii_uppercase)


def long_id(short: str) -> str:
    """The 18-character form of a 15-character id."""
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << place for place in range(5) if short[start + place] in _CAPITALS)
        suffix += _SUFFIX[bits]
    return short + suffix


def canonical(text: object) -> str | None:
    """The 18-character form of an id given in either form; None if it is not an id.

    An 18-character id in the wrong case is put right by its last three characters.
    """
    if not isinstance(text, str) or len(text) not in (15, 18) or not _CHARACTERS.issuperset(text):
        return None
    if len(text) == 15:
        return long_id(text)
    short = list(text[:15])
    for chunk, mark in enumerate(text[15:].upper()):
        bits = _SUFFIX.find(mark)
        if bits < 0:
            return None
        for place in range(5):
            at = chunk * 5 + place
            short[at] = short[at].upper() if bits >> place & 1 else short[at].lower()
    fixed = long_id("".join(short))
    return fixed if fixed[15:] == text[15:].upper() else None


class IdMaker:
    """Makes the ids of one kind of record.

    Args:
        prefix: the three characters that name the kind: 001 is an account.
        pod: three characters that name the org's place.
        start: the number of the first id.
    """

    def __init__(self, prefix: str, pod: str, start: int) -> None:
        self._head = prefix + pod
        self._next = start

    def make(self) -> str:
        """The next id."""
        number, self._next = self._next, self._next + 1
        return numbered(self._head, number)

    def after(self, last: str) -> None:
        """Go on after the id `last`, which was made before."""
        number = 0
        for character in last[len(self._head) : 15]:
            number = number * 62 + ALPHABET.index(character)
        self._next = max(self._next, number + 1)


def numbered(head: str, number: int) -> str:
    """The 18-character id of `number` after the six characters of `head`."""
    tail = ""
    while number:
        number, digit = divmod(number, 62)
        tail = ALPHABET[digit] + tail
    return long_id(head + tail.rjust(15 - len(head), "0"))
