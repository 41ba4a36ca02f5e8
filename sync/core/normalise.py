"""One normaliser per field type: two values are *the same by meaning* when their normal forms are equal.

Normal forms are for comparison only; what is stored and shown is always the raw value. Blank, null and
missing are one and the same. Addresses are compared by `sync.core.address`, not here.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Hashable
from functools import lru_cache

import phonenumbers

from connectors.records import ADDRESS_FIELDS, JSON, Address, FieldValue

_FLAG_WORDS = {"true": True, "false": False}


def text(value: str) -> str:
    """Trimmed, in Unicode's composed form (NFC)."""
    return value.strip() if value.isascii() else unicodedata.normalize("NFC", value).strip()


def external_id(value: str | None) -> str | None:
    """The business key: matched exactly after trimming and NFC; blank is none."""
    return text(value) or None if value else None


def fold(value: str) -> str:
    """The key under which external ids or e-mails that differ only in case fall together."""
    if value.isascii():
        return value.lower()
    return unicodedata.normalize("NFC", value.casefold())


def email(value: str) -> str:
    """Case-folded whole: no mailbox in use tells `A@x.com` from `a@x.com`."""
    return fold(text(value))


@lru_cache(maxsize=65_536)
def phone(value: str, region: str | None = None) -> str:
    """E.164 where the number can be read (in `region`, ISO alpha-2, if it has no country code).

    A number that cannot be read is compared by its digits: it is kept, never refused.
    """
    trimmed = text(value)
    try:
        number = phonenumbers.parse(trimmed, region)
    except phonenumbers.NumberParseException:
        digits = "".join(char for char in trimmed if char.isdigit())
        return digits or trimmed.casefold()
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{plain}x{number.extension}" if number.extension else plain


def tax_id(value: str) -> str:
    """Letters and digits only, upper case: spaces, dots and dashes carry no meaning."""
    return "".join(char for char in text(value).upper() if char.isalnum())


def number(value: float) -> str:
    """The shortest decimal form, so that 5, 5.0 and the text "5" are the same."""
    if math.isfinite(value) and value == int(value):
        return str(int(value))
    return str(value)


def _open_value(value: JSON) -> Hashable:
    """A value of `custom_data` or `custom_attributes`: CRMs that know only text send it as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, str):
        return text(value) or None
    if isinstance(value, list):
        return tuple(_open_value(item) for item in value) or None
    if isinstance(value, dict):
        return tuple(sorted((key, _open_value(item)) for key, item in value.items())) or None
    return None


def equal(one: object, other: object) -> bool:
    """Whether two values are equal as JSON: 1 and 1.0 are; 1 and true are not, however deep they stand."""
    return one is other or (one == other and (type(one) is str or _alike(one, other)))


def _alike(one: object, other: object) -> bool:
    """Whether two values that Python calls equal have their truth values in the same places."""
    if isinstance(one, Address):
        return True
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return all(map(equal, one, other))
    return True


def blank(value: FieldValue) -> bool:
    """Whether the value counts as missing: null, white space, an empty list, object or address."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | dict | Address) and not value)


def normal(path: str, value: FieldValue, region: str | None = None) -> Hashable:
    """The normal form of a field's value; None if it is blank. Never raises.

    Args:
        path: the canonical path, any but the two addresses.
        value: the raw value.
        region: ISO alpha-2 code under which a phone number without a country code is read.
    """
    if blank(value):
        return None
    if isinstance(value, str):
        if path == "email":
            return email(value)
        if path == "phone_number":
            return phone(value, region)
        if path.startswith("tax_info."):
            return tax_id(value) or text(value)
        if path in ("business_entity_id", "parent_customer_id"):
            return fold(text(value))
        if path in ("communications_enabled", "auto_charge_enabled"):
            return _FLAG_WORDS.get(text(value).casefold(), text(value))
        return text(value)
    if isinstance(value, bool) and not path.startswith("custom_"):
        return value
    return _open_value(value) if not isinstance(value, Address) else tuple(value.parts().items())


def same(
    path: str, one: FieldValue, other: FieldValue, regions: tuple[str | None, str | None] = (None, None)
) -> bool:
    """Whether two values of a field mean the same; `regions` read their phone numbers."""
    # `equal`, without the call: this is asked of every field of every record.
    if one is other or (one == other and (type(one) is str or _alike(one, other))):
        return True
    return normal(path, one, regions[0]) == normal(path, other, regions[1])


@lru_cache(maxsize=65_536)
def trimmed_address(address: Address | None) -> Address | None:
    """The address with each part trimmed and in NFC; None if nothing is left."""
    if address is None:
        return None
    parts = {name: text(value) for name, value in address.parts().items()}
    return Address(**parts) or None


def identical(path: str, one: FieldValue, other: FieldValue) -> bool:
    """Whether two values are the same to the letter, but for outer white space and NFC."""
    # `equal`, without the call: this is asked of every field of every record.
    if one is other or (one == other and (type(one) is str or _alike(one, other))):
        return True
    if path in ADDRESS_FIELDS:
        one_address = one if isinstance(one, Address) else None
        other_address = other if isinstance(other, Address) else None
        return trimmed_address(one_address) == trimmed_address(other_address)
    if isinstance(one, str) and isinstance(other, str):
        return text(one) == text(other)
    return blank(one) and blank(other)
