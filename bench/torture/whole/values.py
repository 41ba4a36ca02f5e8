"""Values that carry the number of their edit, so that each is known again wherever it turns up."""

from __future__ import annotations

import re

PATHS = ("customer_name", "email", "phone_number")
LINES = 10_000  # telephone numbers of one area
FIRST_AREA = 212
_DIGITS = re.compile(r"\d+")


def value_of(path: str, number: int) -> str:
    """The value of an edit."""
    if path == "phone_number":
        area, line = divmod(number, LINES)
        return f"+1 {FIRST_AREA + area} 555 {line:04d}"
    return f"Name {number}" if path == "customer_name" else f"e{number}@example.com"


def number_of(path: str, value: object) -> int | None:
    """The number of the edit that a value stands for; None of a blank, or of what nobody has written."""
    digits = "".join(_DIGITS.findall(str(value or "")))
    if not digits:
        return None
    if path == "phone_number":
        return (int(digits[-10:-7]) - FIRST_AREA) * LINES + int(digits[-4:]) if len(digits) >= 10 else None
    return int(digits)
