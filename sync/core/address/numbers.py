"""House numbers: their parts, and when two of them name one house."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

_PART = re.compile(r"(\d+)([^\W\d_]?)|([^\W\d_])")
_ROMAN = re.compile(r"[ivx]{1,4}$")
_ROMAN_DIGITS = {"i": 1, "v": 5, "x": 10}
LONGEST_ROMAN = 4
_SEPARATOR = re.compile(r"[-/\\]")
WIDEST_RANGE = 60
"""12-14 is a range; 37-118 is one number of a grid."""


class House(NamedTuple):
    """A house number: its parts (`12a`, `14`) and the sign between them (`-`, `/` or none)."""

    parts: tuple[str, ...]
    sign: str = ""

    def __str__(self) -> str:
        return self.sign.join(self.parts)

    @property
    def is_range(self) -> bool:
        """Whether it runs from one house to another: 12-14, not 37-12."""
        if self.sign != "-" or len(self.parts) != 2:
            return False
        if self.parts[1].isalpha():
            return self.parts[0][-1].isalpha()
        first, last = (int("".join(filter(str.isdigit, part)) or 0) for part in self.parts)
        return first < last <= first + WIDEST_RANGE


class Numbers(StrEnum):
    """How two house numbers stand to each other."""

    SAME = "same"
    PART = "part"
    DIFFERENT = "different"


@lru_cache(maxsize=8192)
def house(text: str) -> House:
    """Read a folded number: `012 / A` becomes 12a, `12 - 14` stays a range, 12-12 is 12."""
    parts: list[str] = []
    for digits, letter, alone in _PART.findall(text):
        if alone and parts and parts[-1][-1].isdigit():
            parts[-1] += alone
        elif alone:
            parts.append(alone)
        else:
            parts.append((digits.lstrip("0") or "0") + letter)
    if len(parts) == 2 and parts[0] == parts[1]:
        parts = parts[:1]
    sign = ""
    if len(parts) > 1:
        signs = _SEPARATOR.findall(text)
        sign = "-" if "-" in signs else "/"
    return House(tuple(parts), sign)


def _lettered(number: House) -> set[str]:
    """The last house of 12a-c, written out."""
    return {number.parts[0][:-1] + number.parts[-1]} if number.parts[-1].isalpha() else set()


def compare_houses(left: House, right: House, *, either_part: bool) -> Numbers:
    """Whether two house numbers name one house.

    Args:
        left: a number.
        right: another.
        either_part: both parts of 123/45 name the house by themselves (Czechia, Slovakia).
    """
    if left.parts == right.parts:
        return Numbers.SAME
    small, large = sorted((left, right), key=lambda number: len(number.parts))
    if len(small.parts) == len(large.parts):
        return Numbers.DIFFERENT
    if large.is_range or either_part:
        ends = {*large.parts, *_lettered(large)}
        known = set(small.parts) <= ends
    else:
        known = large.sign == "/" and large.parts[: len(small.parts)] == small.parts
    return Numbers.PART if known else Numbers.DIFFERENT


def is_roman(text: str) -> bool:
    """Whether `text` is a Roman number up to xxxix."""
    return len(text) <= LONGEST_ROMAN and _ROMAN.match(text) is not None


def roman_value(text: str) -> int:
    """The value of a Roman number."""
    values = [_ROMAN_DIGITS[char] for char in text]
    return sum(-value if value < max(values[at:]) else value for at, value in enumerate(values))
