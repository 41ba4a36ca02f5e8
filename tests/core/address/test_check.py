"""The edges of the check: levels, blank sides, digests, suggestions."""

from __future__ import annotations

import pytest

from connectors.records import Address
from sync.core.address import Level, Outcome, check, digest, similarity
from tests.core.address.support import address

HERE = address(["10 Downing Street", "London", "", "SW1A 2AA", "GB"])
SHOUTED = address(["10 DOWNING STREET", "LONDON", "", "SW1A 2AA", "GB"])
BLANK = Address(line1="  ", city="")


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("left", [None, Address(), BLANK])
@pytest.mark.parametrize("right", [None, Address(), BLANK])
def test_two_blank_addresses_match(left: Address | None, right: Address | None, level: Level) -> None:
    assert check(left, right, level=level).outcome is Outcome.MATCH


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("blank", [None, Address(), BLANK])
def test_one_blank_side_is_one_sided(blank: Address | None, level: Level) -> None:
    assert check(HERE, blank, level=level).outcome is Outcome.ONE_SIDED
    assert check(blank, HERE, level=level).outcome is Outcome.ONE_SIDED


def test_exact_sees_through_spaces_and_nfc_only() -> None:
    composed, decomposed = Address(line1="Caf\u00e9 1"), Address(line1=" Cafe\u0301 1 ")
    assert check(composed, decomposed, level="exact").outcome is Outcome.MATCH
    verdict = check(HERE, SHOUTED, level="exact")
    assert verdict.outcome is Outcome.MISMATCH
    assert [reason.component for reason in verdict.reasons] == ["address"]
    assert check(HERE, SHOUTED).outcome is Outcome.EQUIVALENT


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="sloppy"):
        check(HERE, HERE, level="sloppy")


def test_which_outcomes_mean_the_same_place() -> None:
    assert [outcome.value for outcome in Outcome if outcome.same] == ["match", "equivalent", "partial"]


def test_reasons_keep_what_was_typed() -> None:
    other = address(["10 Downing St.", "Londres", "", "SW1A2AA", "Royaume-Uni"])
    reasons = {reason.component: reason for reason in check(HERE, other).reasons}
    assert reasons["country"].local == "GB"
    assert reasons["country"].remote == "Royaume-Uni"
    assert reasons["country"].remote_normal == "GB"
    assert reasons["postal_code"].remote_normal == "SW1A2AA"
    assert (reasons["city"].local, reasons["city"].remote) == ("London", "Londres")
    assert reasons["house_number"].local_normal == "10"


def test_a_digest_is_of_the_trimmed_parts() -> None:
    assert digest(Address(line1=" 1 Main St ")) == digest(Address(line1="1 Main St", city=" "))
    assert digest(Address(line1="1 Main St")) != digest(Address(line2="1 Main St"))
    assert digest(HERE) != digest(SHOUTED)
    assert digest(None) == digest(Address())
    assert set(digest(HERE)) <= set("0123456789abcdef")


def test_similarity_is_high_for_the_like_and_never_passes_a_check() -> None:
    beside = address(["11 Downing Street", "London", "", "SW1A 2AA", "GB"])
    assert similarity(HERE, SHOUTED) == 1
    assert similarity(HERE, beside) > 0.9
    assert similarity(HERE, None) < 0.1
    assert check(HERE, beside).outcome is Outcome.MISMATCH


def test_the_country_may_stand_in_either_field() -> None:
    coded = Address(line1="10 Downing Street", city="London", zipCode="SW1A 2AA", country_code="GB")
    assert check(HERE, coded).outcome is Outcome.EQUIVALENT
