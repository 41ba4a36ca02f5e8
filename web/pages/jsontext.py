"""JSON that people type: read as strictly as the API reads it, and told where it is at fault."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.records import JSON
from connectors.strict import MAX_DEPTH, UnreadableError, read_json

# Never gives anything back, and takes a text that does not end as a whole: else the time is a square.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[][{}:,]|[^][{}:,"\s]++', re.DOTALL)
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a text cannot be taken, at which line and column of it (from 1), and that line's text before it."""

    reason: str
    line: int
    column: int
    before: str


class JsonFault(ValueError):
    """The text cannot be taken."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


def read_object(text: str) -> dict[str, JSON]:
    """The object that a text is; blank is an empty one.

    Raises:
        JsonFault: it is none, or holds what cannot be kept.
    """
    if not text.strip():
        return {}
    try:
        found = read_json(text.encode("utf-8", "surrogatepass"))
    except UnreadableError as error:
        line, column = error.place or _place(text)
        reason = "it is not JSON" if error.place else error.reason
        raise JsonFault(_fault(text, reason, line, column)) from None
    if not isinstance(found, dict):
        start = len(text) - len(text.lstrip())
        raise JsonFault(_fault(text, "it must be an object: { … }", *_at(text, start)))
    return found


def _fault(text: str, reason: str, line: int, column: int) -> Fault:
    before = text.split("\n")[line - 1][: column - 1]
    return Fault(reason, line, column, before[-_LONGEST:])


def _at(text: str, offset: int) -> tuple[int, int]:
    line = text.count("\n", 0, offset) + 1
    return line, offset - (text.rfind("\n", 0, offset) + 1) + 1


def _place(text: str) -> tuple[int, int]:
    """Of a fault that the reader tells without its place: a value, a key that stands twice, the depth."""
    open_ones: list[set[str] | None] = []
    before = ""
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in "{[":
            open_ones.append(set() if sign == "{" else None)
            if len(open_ones) > MAX_DEPTH:
                return _at(text, token.start())
        elif sign in "]}":
            open_ones = open_ones[:-1]
        elif sign not in ":,":
            known = open_ones[-1] if open_ones else None
            if not _is_good(sign) or (known is not None and before in ("{", ",") and sign in known):
                return _at(text, token.start())
            if known is not None and before in ("{", ","):
                known.add(sign)
        before = sign
    return 1, 1


def _is_good(token: str) -> bool:
    try:
        read_json(token.encode("utf-8", "surrogatepass"))
    except UnreadableError:
        return False
    return True
