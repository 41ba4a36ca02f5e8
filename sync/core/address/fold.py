"""Letters: one plain Latin form of a text in any script, so that tables and comparisons meet.

`fold` drops case, width, diacritics and the script where a table can do it (Cyrillic, Greek,
Georgian, Armenian, Hangul; `data/letters.json`). `skeleton` goes further: it makes one form of the
rival ways to write the same name in Latin letters (Müller and Mueller; Chekhov, Čechov, Tschechow).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from sync.core.address.tables import read_json

# Combining marks of Latin, Greek, Cyrillic, Hebrew and Arabic; in other scripts they are vowels.
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0640]")
_VOWEL_SIGNS = re.compile("[\u0900-\u0dff\u0e31\u0e34-\u0e4e\u0eb1-\u0ecd\u0f00-\u109f\u1780-\u17d3]")
_ODD_SPACES = re.compile(r"[^\S \n\r\t]")
_HYPHENS = re.compile("[\u2010-\u2015\u2212]")
_DIGITS = re.compile(r"[^\W\D0-9]")
_GREEK_OU = re.compile("ο[υύ]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_LEADS = ("g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "jj", "ch", "k", "t", "p", "h")
_VOWELS = (
    *("a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae"),
    *("oe", "yo", "u", "wo", "we", "wi", "yu", "eu", "ui", "i"),
)
_TAILS = (
    *("", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l"),
    *("p", "l", "m", "p", "p", "t", "t", "ng", "t", "t", "k", "t", "p", "t"),
)


@cache
def _letters() -> dict[int, str]:
    return str.maketrans(
        {sign: form for table in read_json("letters.json").values() for sign, form in table.items()}
    )


def _syllable(found: re.Match[str]) -> str:
    """Romanise a Hangul syllable (Revised Romanisation, without sound changes between syllables)."""
    index = ord(found.group()) - 0xAC00
    return _LEADS[index // 588] + _VOWELS[index // 28 % 21] + _TAILS[index % 28]


def _as_letter(found: re.Match[str]) -> str:
    """Keep a vowel sign (Indic, Thai, ...) as a letter of its own, so that it does not end a word."""
    sign = found.group()
    return chr(0xA000 + ord(sign) % 0x400) if unicodedata.category(sign).startswith("M") else sign


def plain_signs(text: str) -> str:
    """`text` with plain spaces, hyphens, digits and letters for their wide and odd forms."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text.replace("½", " 1/2").replace("№", " no "))
    return _HYPHENS.sub("-", _ODD_SPACES.sub(" ", text))


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """`text` in lower case, plain width and Latin letters where a table can do it, no diacritics."""
    if text.isascii():
        return text.lower().replace("&", " and ").replace("`", "'")
    text = unicodedata.normalize("NFKC", text.replace("º", "o").replace("ª", "o")).casefold()
    text = unicodedata.normalize("NFKC", text)
    text = _DIGITS.sub(lambda digit: str(unicodedata.digit(digit.group())), text)
    text = _GREEK_OU.sub("u", text).translate(_letters())
    text = _MARKS.sub("", unicodedata.normalize("NFD", text)).translate(_letters())
    text = _VOWEL_SIGNS.sub(_as_letter, unicodedata.normalize("NFC", text))
    return _HANGUL.sub(_syllable, text)


_GERMANIC = re.compile("aa|ae|oe|ue")
_RULES = {
    "slavic": (
        *(("tsch|tch|ch", "c"), ("sch|sh|zh", "s"), ("dj|dzh|dz", "c"), ("kh|gh|h|g", "h"), ("ts|tz", "c")),
        *(("x", "ks"), ("w", "v"), ("q", "k"), ("[ijy]+(?=[aeou])", ""), ("[ijy]+", "i"), ("[sz]", "s")),
        (r"(.)\1+", r"\1"),
    ),
    "arabic": (
        *(("kh|ch", "h"), ("gh|j|g", "g"), ("dh", "d"), ("th", "t"), ("q|k", "k"), ("ou|oo|w|u", "u")),
        *(("ee|ie|y|i", "i"), ("o", "u"), ("e", "a"), (r"(.)\1+", r"\1"), ("(?<=.)h$", "")),
    ),
    "hellenic": (
        *(("ou", "u"), ("[ae][uyv](?=[aeioubgdzlmnrv])", "v"), ("[ae][uyvf]", "f"), ("ei|oi|y|i", "i")),
        *(("mp|b", "b"), ("nt", "d"), ("gh|ng|gg|gk", "g"), ("ch|kh|h|x|j", "h"), ("ph", "f"), ("th", "t")),
        *(("c|q", "k"), ("ks", "h"), (r"(.)\1+", r"\1")),
    ),
}


@cache
def _compiled(family: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), form) for pattern, form in _RULES[family])


@lru_cache(maxsize=16384)
def skeleton(word: str, family: str) -> str:
    """A folded word in the one form that all romanisations of its family share.

    Args:
        word: a word that `fold` made.
        family: `latin`, `slavic` (Cyrillic), `hellenic` (Greek) or `arabic`.
    """
    if family == "latin":
        return _GERMANIC.sub(lambda pair: pair.group()[0], word)
    for pattern, form in _compiled(family):
        word = pattern.sub(form, word)
    return word
