"""Cuts a query into tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.salesforce.sandbox.soql.syntax import refused

_TOKENS = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<datetime>\d{4}-\d\d-\d\dT[\d:]+(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)(?![\w.:]))
  | (?P<date>\d{4}-\d\d-\d\d(?![\w.:-]))
  | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?![\w.:]))
  | (?P<name>[A-Za-z]\w*)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<mark><=|>=|!=|<>|=|<|>|\(|\)|,)
    """,
    re.VERBOSE | re.ASCII | re.IGNORECASE | re.DOTALL,
)
_ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
    '"': '"',
    "'": "'",
    "\\": "\\",
}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the query. `kind` is datetime, date, number, name, string, mark or end."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> list[Token]:
    """The tokens of a query, closed by one of kind "end".

    Raises:
        ApiError: MALFORMED_QUERY at the first character that starts no token.
    """
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKENS.match(text, at)
        if match is None:
            raise refused(text, at, f"unexpected token: '{text[at]}'")
        kind = str(match.lastgroup)
        if kind != "space":
            found.append(Token(kind, match.group(), at))
        at = match.end()
    found.append(Token("end", "<EOF>", len(text)))
    return found


def unescaped(raw: str) -> str | None:
    r"""The text that a string literal stands for; None if it holds an escape that is none.

    Source: SOQL reference, quoted string escape sequences; \_ and \% belong to LIKE alone.
    """
    broken = False

    def put(match: re.Match[str]) -> str:
        nonlocal broken
        mark = match.group(1)
        if len(mark) == 5:
            return chr(int(mark[1:], 16))
        if mark.lower() not in _ESCAPES:
            broken = True
            return ""
        return _ESCAPES[mark.lower()]

    text = _ESCAPE.sub(put, raw)
    return None if broken else text


def like_pattern(raw: str) -> re.Pattern[str] | None:
    r"""The pattern of a LIKE literal: % any text, _ one character, \% and \_ themselves."""
    parts: list[str] = []
    for piece in re.findall(r"\\u[0-9A-Fa-f]{4}|\\.|[^\\]", raw, re.DOTALL):
        if piece == "%":
            parts.append(".*")
        elif piece == "_":
            parts.append(".")
        elif piece in ("\\%", "\\_"):
            parts.append(re.escape(piece[1]))
        else:
            text = unescaped(piece)
            if text is None:
                return None
            parts.append(re.escape(text))
    return re.compile("".join(parts), re.DOTALL | re.IGNORECASE)
