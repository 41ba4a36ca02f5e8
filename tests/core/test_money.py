"""Amounts are exact, bounded and plain; what is not is refused by name."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core import money

LARGEST = "9" * 18 + "." + "9" * 9


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("12.50", "12.5"),
        ("0.1", "0.1"),
        ("0.000000001", "0.000000001"),
        (LARGEST, LARGEST),
        ("100", "100"),
        ("100.000000000", "100"),
        (7, "7"),
        (10**18 - 1, "9" * 18),
    ],
)
def test_an_amount_is_taken_to_the_last_digit(value: object, shown: str) -> None:
    assert money.plain(money.amount(value)) == shown


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (0.1, "not exact"),
        (1e3, "not exact"),
        (float("nan"), "not exact"),
        (True, "must be a number"),
        (None, "must be a number"),
        ([1], "must be a number"),
        ({"amount": 1}, "must be a number"),
        ("", "plain decimal number"),
        (" 1", "plain decimal number"),
        ("1\n", "plain decimal number"),
        ("+1", "plain decimal number"),
        ("01", "plain decimal number"),
        ("1.", "plain decimal number"),
        (".5", "plain decimal number"),
        ("1,5", "plain decimal number"),
        ("1_000", "plain decimal number"),
        ("1e3", "plain decimal number"),
        ("1E-999999999", "plain decimal number"),
        ("NaN", "plain decimal number"),
        ("-Infinity", "plain decimal number"),
        ("sNaN", "plain decimal number"),
        ("\u0661", "plain decimal number"),
        ("1\0", "plain decimal number"),
        ("\ud800", "plain decimal number"),
        ("1.0000000000", "more than 9 digits after the point"),
        ("1" + "0" * 18, "more than 18 digits before the point"),
        (10**18, "more than 18 digits before the point"),
        (10**5_000, "more than 18 digits before the point"),
        ("9" * 1_000_000, "more than 18 digits before the point"),
        (0, "more than zero"),
        ("0", "more than zero"),
        ("0.000", "more than zero"),
        ("-0", "more than zero"),
        ("-0.01", "more than zero"),
        (-5, "more than zero"),
        (-(10**5_000), "more than zero"),
    ],
    ids=lambda value: repr(value)[:30] if not isinstance(value, int) or abs(value) < 10**9 else "long",
)
def test_what_is_no_exact_amount_is_refused_with_the_reason(value: object, why: str) -> None:
    with pytest.raises(money.AmountError, match=why):
        money.amount(value)


def test_a_balance_goes_below_zero_only_where_it_may() -> None:
    five, six = Decimal(5), Decimal(-6)
    assert money.after(five, Decimal(-5), may_be_negative=False) == 0
    with pytest.raises(money.AmountError, match="more than the balance of 5"):
        money.after(five, six, may_be_negative=False)
    assert money.after(five, six, may_be_negative=True) == -1
    assert money.after(six, five, may_be_negative=False) == -1, "what is added is always welcome"


def test_a_balance_stays_within_what_can_be_kept() -> None:
    largest, least = Decimal(LARGEST), Decimal("0.000000001")
    with pytest.raises(money.AmountError, match="gives a balance of more than 18 digits"):
        money.after(largest, least, may_be_negative=False)
    with pytest.raises(money.AmountError, match="gives a balance of more than 18 digits"):
        money.after(-largest, -least, may_be_negative=True)
    assert money.after(largest - 1, Decimal(1), may_be_negative=False) == largest


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1E+3", "1000"),
        ("1E-9", "0.000000001"),
        ("-1.50", "-1.5"),
        ("0E-9", "0"),
        ("-0.00", "0"),
        ("10", "10"),
    ],
)
def test_money_is_shown_in_plain_notation(value: str, shown: str) -> None:
    assert money.plain(Decimal(value)) == shown


_amounts = st.decimals(min_value=Decimal("0.000000001"), max_value=Decimal(LARGEST) / 4, places=9)


@given(_amounts, _amounts)
def test_what_was_added_and_deducted_leaves_no_trace(one: Decimal, other: Decimal) -> None:
    assert money.amount(f"{one:f}") == one
    both = money.after(one, other, may_be_negative=False)
    assert both - other == one
    assert money.after(both, -other, may_be_negative=False) == one


@pytest.mark.parametrize(("code", "found"), [("EUR", "EUR"), ("usd", "USD"), ("JPY", "JPY")])
def test_a_currency_is_known_by_its_code(code: str, found: str) -> None:
    assert money.currency(code) == found


@pytest.mark.parametrize(
    "code", ["", "EURO", "DEM", "ZZZ", "€", "XXX", "XTS", "978", "ÉUR", "EU\0", "\ud800aa"]
)
def test_what_is_no_currency_is_not_known(code: str) -> None:
    assert money.currency(code) is None


def test_every_currency_that_is_listed_is_one() -> None:
    listed = money.currencies()
    assert ("EUR", "Euro") in listed
    assert [money.currency(code) for code, _ in listed] == [code for code, _ in listed]
    assert "XXX" not in dict(listed)
