"""Whether a value may become part of a billing record: the reason why not, in words a person can use.

Only values that are about to be taken are judged; what merely stands there is left alone. A phone number
is never refused: half of the old ones in use cannot be parsed.
"""

from __future__ import annotations

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from connectors.records import ADDRESS_FIELDS, FLAG_FIELDS, Address, FieldValue

LENGTHS = {
    "external_id": 255,
    "customer_name": 255,
    "email": 254,
    "phone_number": 100,
    "business_entity_id": 64,
    "parent_customer_id": 64,
}
_ADDRESS_PART_LENGTH = 500
_OPEN_LENGTH = 65_536
_TAX_ID_LENGTH = 64
_PLAIN_EMAIL = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}", re.IGNORECASE
)
_PLAIN_EMAIL_LENGTH = 64


def problem(path: str, value: FieldValue) -> str | None:
    """Why `value` cannot be the field `path` of a customer, or None if it can."""
    if value is None:
        return "is required" if path == "customer_name" else None
    if path in ADDRESS_FIELDS:
        return _address_problem(value)
    if path in FLAG_FIELDS:
        return None if isinstance(value, bool) else "must be true or false"
    if isinstance(value, str):
        return _text_problem(path, value)
    if path in LENGTHS or path.startswith("tax_info."):
        return "must be text"
    return None


def _text_problem(path: str, value: str) -> str | None:
    if path == "customer_name" and not value.strip():
        return "is required"
    if reason := _unstorable(value):
        return reason
    limit = LENGTHS.get(path, _TAX_ID_LENGTH if path.startswith("tax_info.") else _OPEN_LENGTH)
    if len(value) > limit:
        return f"is {len(value)} characters long; at most {limit} are allowed"
    return email_problem(value) if path == "email" and value.strip() else None


def storable(value: str) -> str:
    """The text itself, if both databases can keep it.

    Raises:
        ValueError: they cannot; the text says why.
    """
    if reason := _unstorable(value):
        raise ValueError(reason)
    return value


def _unstorable(value: str) -> str | None:
    if "\0" in value:
        return "holds a NUL character"
    if value.isascii():
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair"
    return None


def _address_problem(value: FieldValue) -> str | None:
    if not isinstance(value, Address):
        return "must be an address"
    parts = value.parts()
    whole = "".join(parts.values())
    if len(whole) <= _ADDRESS_PART_LENGTH and _unstorable(whole) is None:
        return None
    for part, text in parts.items():
        if reason := _unstorable(text):
            return f"{part} {reason}"
        if len(text) > _ADDRESS_PART_LENGTH:
            return f"{part} is {len(text)} characters long; at most {_ADDRESS_PART_LENGTH} are allowed"
    return None


@lru_cache(maxsize=16_384)
def email_problem(value: str) -> str | None:
    """Why the text is no e-mail address (syntax only; nothing is looked up)."""
    address = value.strip()
    if len(address) <= _PLAIN_EMAIL_LENGTH and _PLAIN_EMAIL.fullmatch(address):
        return None
    try:
        validate_email(address, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        # The library quotes parts of the value: keep its first sentence's sense, not the value.
        reason = str(error).split(":", maxsplit=1)[0].rstrip(".")
        return f"is not a valid e-mail address ({reason})"
    return None
