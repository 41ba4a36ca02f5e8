"""A tax number is held against the rules of its jurisdiction; one that fails is told, not dropped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core import taxids
from sync.core.taxids import Check

JURISDICTIONS = [
    ("IND", "GST", "27AAPFU0939F1ZV", "27AAPFU0939F1ZX", "India (GST)"),
    ("USA", "VAT", "04-2103594", "07-2103594", "United States (VAT)"),
    ("AUS", "GST", "83 914 571 673", "99 999 999 999", "Australia (GST)"),
    ("EU", "VAT", "BE 0403.019.261", "BE 0403.019.262", "European Union (VAT)"),
    ("SG", "VAT", "00192200M", "00192200X", "Singapore (VAT)"),
    ("FR", "VAT", "Fr 40 303 265 045", "84 323 140 391", "France (VAT)"),
]


@pytest.mark.parametrize(("country", "code", "right", "wrong", "name"), JURISDICTIONS)
def test_each_jurisdiction_tells_right_from_wrong(
    country: str, code: str, right: str, wrong: str, name: str
) -> None:
    good, bad = taxids.check(country.lower(), code.lower(), right), taxids.check(country, code, wrong)
    assert (good.check, good.problem, good.jurisdiction) == (Check.VALID, None, name)
    assert (good.country_code, good.tax_code, good.tax_id) == (country, code, right)
    assert (bad.check, bad.jurisdiction) == (Check.INVALID, name)
    assert bad.problem is not None
    assert bad.problem.startswith(f"is not a valid {code} number of {country} (")
    assert wrong not in bad.problem


def test_a_jurisdiction_that_nobody_knows_is_left_alone() -> None:
    found = taxids.check("ZZ", "VAT", "whatever")
    assert (found.check, found.problem, found.jurisdiction) == (Check.UNKNOWN, None, None)
    assert taxids.check("IND", "VAT", "whatever").check is Check.UNKNOWN


@given(st.sampled_from([each[:2] for each in JURISDICTIONS]), st.text(max_size=64))
def test_the_check_never_raises(kind: tuple[str, str], number: str) -> None:
    taxids.check(*kind, number)


def test_the_kinds_that_are_known_are_those_that_are_checked() -> None:
    assert {(country, code, f"{name} ({code})") for country, code, name in taxids.kinds()} == {
        (country, code, name) for country, code, _, _, name in JURISDICTIONS
    }
