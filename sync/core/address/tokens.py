"""From a typed line to segments of tokens: words, and numbers with what belongs to them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from sync.core.address.fold import fold, plain_signs

LONGEST_TEXT, MOST_SEGMENTS, MOST_TOKENS = 300, 12, 24
"""Longer parts are cut before reading; nobody lives at the end of such a text."""

_SPLIT = re.compile(r"[,;\n\r\t|()\[\]{}•·<>\"„“”]+|\s[-/]\s(?!\d)|\s-(?=[^\W\d])|(?<=[^\W\d])-\s")
_TOKEN = re.compile(
    r"""
    (?P<ordinal>\d+-?(?:aya|oy|ya|iy|go|ogo|ego|y|ho|kh)(?![^\W_])
        |\d+(?:st|nd|rd|th|er|re|ere|eme|ieme|[oa]s|ste|de|j|ej|ta|to|ma|va|da|ra|ro|na|mo|vo
            |do|ero|era|o)(?![^\W_]))
  | (?P<mixed>\d+-?(?:beon-?)?gil(?![^\W_])|[a-z]{1,4}\d[^\W_]*(?:[-/]\d+)?
        |(?<![^\W_])[a-z]-\d+[a-z]?(?:[-/]\d+)*(?![^\W_]))
  | (?P<number>\d+(?:[^\W\d_](?![^\W_]))?
        (?:\s?[-/\\]\s?(?:\d+(?:[^\W\d_](?![^\W_])|(?![^\W_]))|[a-z](?![^\W_])))*)
  | (?P<word>[^\W\d_]+|\#)
    """,
    re.VERBOSE,
)
_SPACES = re.compile(r"[^\S\n\r]+")
_POSSESSIVE = re.compile(r"'s\b")
_HALF = re.compile(r"(?<=\d)\s*(?:½|1\s?[/⁄]\s?2\b|(?:and|y)\s+(?:a\s+)?(?:half|medio)\b|1\s?⁄\s?2)")
_NUMERO = re.compile(r"\bn\.\s?o\b")
_DEGREE = re.compile(r"(?<=\d)\.\s?(?=[oa]\b)")
_IRISH = re.compile(r"\bo'(?=[^\W\d_])")
_EAST_ASIAN = re.compile("[\u3040-\u9fff]")
_AREA = re.compile("(?<=[\u4e00-\u9fff]{2})([都道府県縣省市区區])(?=[\u3040-\u9fff])(?!市)")
"""Where an area ends and the next begins with no space between: 東京都千代田区丸の内."""
_KANJI_BLOCK = re.compile("[一二三四五六七八九十](?=丁目)")
_KANJI_DIGITS = {kanji: str(value) for value, kanji in enumerate("一二三四五六七八九十", start=1)}
_COUNTER = re.compile(r"(?<=\d)\s?(?:丁目|番地|番|号室|号|號|階|樓|楼|室|弄|之)の?")


class Token(NamedTuple):
    """A piece of a line: `form` is one of ordinal, number, mixed (B12) and word."""

    form: str
    text: str


Segment = tuple[Token, ...]


@lru_cache(maxsize=8192)
def segments(text: str) -> tuple[Segment, ...]:
    """The parts of `text` between commas, line breaks and brackets, each as folded tokens."""
    folded = _SPACES.sub(" ", fold(plain_signs(text[:LONGEST_TEXT])))
    if _EAST_ASIAN.search(folded):
        folded = _AREA.sub(r"\1,", folded)
    found = []
    for part in _SPLIT.split(folded):
        tokens = tuple(tokens_of(part)[:MOST_TOKENS])
        if tokens:
            found.append(tokens)
    return tuple(found[:MOST_SEGMENTS])


def tokens_of(folded: str) -> list[Token]:
    """The tokens of folded text, separators ignored."""
    if "'" in folded:
        folded = _IRISH.sub("o", _POSSESSIVE.sub("s", folded))
    if "." in folded:
        folded = _DEGREE.sub("", _NUMERO.sub("no ", folded))
    if " half" in folded or "1/2" in folded:
        folded = _HALF.sub("h ", folded)
    if _EAST_ASIAN.search(folded):
        folded = _KANJI_BLOCK.sub(lambda found: _KANJI_DIGITS[found.group()], folded)
        folded = _COUNTER.sub("-", folded).rstrip("-")
    return [Token(str(match.lastgroup), match.group()) for match in _TOKEN.finditer(folded)]
