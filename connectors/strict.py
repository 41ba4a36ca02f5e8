"""One strict reader for JSON that comes from outside: webhooks, the API, files of records and rules.

The standard reader takes what cannot be kept (NUL, halves of surrogate pairs), what is not JSON (NaN),
what hides a value (a key that stands twice) and what breaks the reader itself (depth, endless digits).
Each is refused here by name, without quoting the value.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from connectors.records import JSON

MAX_DEPTH = 32
MAX_DIGITS = 18
"""Whole numbers beyond this do not fit the eight bytes that databases and other readers give them."""

_BRACKETS = re.compile(rb"[][{}]")
# Never gives anything back, and takes a text that does not end as a whole: else the time is a square.
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


class UnreadableError(ValueError):
    """What came in cannot be read; `reason` says why, and quotes nothing of it.

    `field` is the member of the outermost object that is at fault, as it came in, or empty; `place` is the
    line and the column where the reader stopped, where it knows them.
    """

    def __init__(self, reason: str, *, field: str = "", place: tuple[int, int] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
        self.place = place


def read_json(raw: bytes, *, max_depth: int = MAX_DEPTH) -> JSON:
    """The value of a JSON text in UTF-8.

    Raises:
        UnreadableError: it is empty, no UTF-8, no JSON, too deep, or holds a value that cannot be kept.
    """
    if not raw.strip():
        raise UnreadableError("it is empty")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise UnreadableError("it begins with a byte order mark")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8") from None
    _refuse_depth(raw, max_depth)
    try:
        value: JSON = json.loads(
            text,
            object_pairs_hook=_once_each,
            parse_constant=_no_number,
            parse_int=_whole,
            parse_float=_number,
        )
    except json.JSONDecodeError as error:
        place = (error.lineno, error.colno)
        raise UnreadableError("it is not JSON (line {}, column {})".format(*place), place=place) from None
    if "\\u" in text or "\0" in text:
        members = value.items() if isinstance(value, dict) else [("", value)]
        for name, each in members:
            _refuse_unstorable(name, "")
            _refuse_unstorable(each, name)
    return value


def _refuse_depth(raw: bytes, limit: int) -> None:
    """Before the parser runs: it calls itself for each level, until the stack ends."""
    if raw.count(b"[") + raw.count(b"{") <= limit:
        return
    depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub(b"", raw)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > limit:
            raise UnreadableError(f"it is nested more than {limit} deep")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise UnreadableError("a key stands twice in one object")
    return made


def _no_number(_: str) -> NoReturn:
    raise UnreadableError("NaN and Infinity are no JSON")


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise UnreadableError(f"a whole number has more than {MAX_DIGITS} digits")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise UnreadableError("a number is too large")
    return value


def _refuse_unstorable(value: JSON, field: str) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise UnreadableError("a text holds a NUL character", field=field)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UnreadableError("a text holds half of a surrogate pair", field=field) from None
    elif isinstance(value, dict):
        for name, each in value.items():
            _refuse_unstorable(name, field)
            _refuse_unstorable(each, field)
    elif isinstance(value, list):
        for each in value:
            _refuse_unstorable(each, field)
