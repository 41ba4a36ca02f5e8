"""Money: exact decimals from the first character on, never floating-point numbers.

An amount comes in as text (`"12.50"`) or as a whole number. A JSON number with a point is refused: every
reader on its way has made another number of it before anybody could look. Amounts may be finer than the
smallest coin of the currency, as credits are: at most 18 digits before the point and 9 after it.
"""

from __future__ import annotations

import re
from decimal import Decimal, localcontext

import pycountry

WHOLE_DIGITS = 18
DECIMALS = 9

# Digits of ASCII alone, and no exponent, underscore or white space: `Decimal` itself takes all of these.
_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?")
_BOUND = Decimal(10) ** WHOLE_DIGITS
_PRECISION = 2 * (WHOLE_DIGITS + DECIMALS)  # no sum of two amounts is ever rounded
_NO_MONEY = frozenset({"XTS", "XXX"})  # ISO 4217 has them for tests, and for no currency at all


class AmountError(ValueError):
    """An amount cannot be taken; the text says why."""


def amount(value: object) -> Decimal:
    """The amount of an entry, as it comes in.

    Raises:
        AmountError: it is no exact number, too long, zero or below zero.
    """
    if isinstance(value, float):
        raise AmountError('must be text such as "12.50": a JSON number with a point is not exact')
    if isinstance(value, int) and not isinstance(value, bool):
        found = Decimal(value)
    elif isinstance(value, str):
        found = _read(value)
    else:
        raise AmountError('must be a number, as text such as "12.50"')
    if found >= _BOUND:
        raise AmountError(f"has more than {WHOLE_DIGITS} digits before the point")
    if found <= 0:
        raise AmountError("must be more than zero")
    return found


def _read(text: str) -> Decimal:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise AmountError('must be a plain decimal number such as "12.50", without an exponent')
    sign, whole, decimals = match.groups("")
    if len(whole) > WHOLE_DIGITS:
        raise AmountError(f"has more than {WHOLE_DIGITS} digits before the point")
    if len(decimals) > DECIMALS:
        raise AmountError(f"has more than {DECIMALS} digits after the point")
    return Decimal(f"{sign}{whole}.{decimals}")


def after(balance: Decimal, change: Decimal, *, may_be_negative: bool) -> Decimal:
    """The balance after an entry of `change`, which is below zero for a deduction.

    Raises:
        AmountError: the balance would be below zero though it may not, or too long to be kept.
    """
    with localcontext(prec=_PRECISION):
        moved = balance + change
    if moved < 0 and change < 0 and not may_be_negative:
        raise AmountError(f"is more than the balance of {plain(balance)}")
    if abs(moved) >= _BOUND:
        raise AmountError(f"gives a balance of more than {WHOLE_DIGITS} digits before the point")
    return moved


def plain(value: Decimal) -> str:
    """The number as text in plain notation, without zeros at its end; both databases give the same."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def currency(code: str) -> str | None:
    """The code of ISO 4217 in capitals; None if there is no such currency."""
    found = pycountry.currencies.get(alpha_3=code) if len(code) == 3 and code.isascii() else None
    return None if found is None or found.alpha_3 in _NO_MONEY else str(found.alpha_3)


def currencies() -> list[tuple[str, str]]:
    """Code and name of every currency of ISO 4217, by code."""
    known = [(str(each.alpha_3), str(each.name)) for each in pycountry.currencies]
    return sorted(each for each in known if each[0] not in _NO_MONEY)
