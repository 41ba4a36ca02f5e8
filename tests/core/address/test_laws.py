"""Laws of the check, for made-up addresses of every kind (Hypothesis)."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from connectors.records import ADDRESS_PARTS, Address
from sync.core.address import Level, Outcome, check, country_code, digest, similarity
from sync.core.address.place import read
from tests.core.address.support import address, cases

laws = settings(derandomize=True, deadline=None, max_examples=300)
SAMPLES = [address(case[side]) for case in cases() for side in ("local", "remote")]
levels = st.sampled_from(list(Level))
samples = st.sampled_from(SAMPLES)
# Pieces that mean something to the reader, in any order and any script.
pieces = st.sampled_from(
    [
        *("12", "12a", "3/4", "5-7", "1-2-3", "#", "No.", "Nº", "2nd", "3º", "½", "1e", "B12", "N-340", "½"),
        *("St", "Street", "Straße", "ul.", "ул.", "rue", "calle", "via", "Hauptstr.", "Gasse", "通り", "ถนน"),
        *(
            "flat",
            "apt",
            "suite",
            "floor",
            "кв.",
            "piso",
            "3. em.",
            "bis",
            "ground floor",
            "PO Box",
            "Postfach",
        ),
        *("Main", "St John", "O'Connell", "de la", "Nord", "N", "SW", "A", "8 mai 1945", "One", "II", "near"),
        *(
            ",",
            "\n",
            "-",
            "/",
            "(",
            ")",
            "10115",
            "75001",
            "EC1A 1BB",
            "Berlin",
            "Москва",
            "IL",
            "USA",
            "日本",
        ),
    ]
)
lines = st.lists(pieces, max_size=9).map(" ".join)
texts = st.one_of(st.none(), st.text(max_size=60), lines)
wild = st.builds(
    lambda values: Address(**dict(zip(ADDRESS_PARTS, values, strict=True))), st.tuples(*[texts] * 8)
)
addresses = st.one_of(samples, wild)
MIRROR = {"local": "remote", "remote": "local", None: None}


@laws
@given(addresses, addresses, levels)
@example(Address(line1="B28 Forster Lodge, Charles Road", country="GB"), Address(line3="0"), Level.NORMALISED)
def test_the_sides_may_be_swapped(left: Address, right: Address, level: Level) -> None:
    there, back = check(left, right, level=level), check(right, left, level=level)
    assert there.outcome is back.outcome
    assert there.richer == MIRROR[back.richer]
    assert sorted(reason.component for reason in there.reasons) == sorted(
        reason.component for reason in back.reasons
    )


@laws
@given(addresses, levels)
def test_an_address_is_itself(one: Address, level: Level) -> None:
    spaced = Address(**{name: f"  {value} " for name, value in one.parts().items()})
    assert check(one, spaced, level=level).outcome is Outcome.MATCH
    assert digest(one) == digest(spaced)


@laws
@given(samples)
def test_case_and_punctuation_do_not_matter(one: Address) -> None:
    for change in (str.upper, str.lower, lambda text: text.replace(", ", " ,  ")):
        changed = Address(**{name: change(value) for name, value in one.parts().items()})
        assert check(one, changed).outcome.same, changed


@laws
@given(samples, st.sampled_from([Level.NORMALISED, Level.TOLERANT]))
def test_another_house_number_is_another_place(one: Address, level: Level) -> None:
    house = read(one, None).house
    assume(house is not None and house.parts[0].isdigit())
    assert house is not None
    first = house.parts[0]
    other = str(int(first) + 1000)
    changed = replace(one, line1=(one.line1 or "").replace(first, other, 1))
    moved = read(changed, None).house
    assume(moved is not None and moved.parts[0] == other)
    assert check(one, changed, level=level).outcome is Outcome.MISMATCH


@laws
@given(samples, st.integers(1, 99), st.integers(1, 99), st.sampled_from([Level.NORMALISED, Level.TOLERANT]))
def test_another_unit_is_another_place(one: Address, here: int, there: int, level: Level) -> None:
    assume(here != there and one.line2 is None and read(one, None).inside == ())
    left, right = (replace(one, line2=f"Unit {number}") for number in (here, there))
    assert check(left, right, level=level).outcome is Outcome.MISMATCH


@laws
@given(samples, st.sampled_from([Level.NORMALISED, Level.TOLERANT]), st.integers(0, 9))
def test_another_postal_code_is_never_equivalent(one: Address, level: Level, digit: int) -> None:
    code = one.zipCode or ""
    assume(code and code[-1] != str(digit) and read(one, None).postal)
    changed = replace(one, zipCode=code[:-1] + str(digit))
    assume(read(changed, None).postal not in ("", read(one, None).postal))
    outcome = check(one, changed, level=level).outcome
    assert outcome in (Outcome.PARTIAL, Outcome.MISMATCH)
    if level is Level.NORMALISED:
        assert outcome is Outcome.MISMATCH


@laws
@given(addresses, addresses)
def test_no_level_is_stricter_than_the_one_before(left: Address, right: Address) -> None:
    same = [check(left, right, level=level).outcome.same for level in Level]
    assert same == sorted(same)


@laws
@given(
    st.one_of(wild, st.builds(Address, line1=st.text(max_size=5000), city=st.text(max_size=500))), addresses
)
@example(
    Address(line1="a," * 200, line2="b " * 200, city="c,d " * 99), Address(line1="b," * 200, city="a " * 99)
)
@example(Address(line1="12 " * 200, city="1-" * 200), Address(line1="St " * 200, city="Main St 5 " * 50))
@example(
    Address(line1="rue st, " * 50, line3="n s e, " * 40), Address(line1="av st, " * 50, line2="rue x, " * 50)
)
@example(
    Address(line1="st " * 90, line2="N 5 " * 80, line3="one two " * 60, city="abcdefghi " * 40),
    Address(line1="ave st dr " * 30, line2="S 5 " * 80, line3="one too " * 60, city="abcdefhgi " * 40),
)
def test_nothing_raises_or_takes_long(left: Address, right: Address) -> None:
    check(left, right, level="tolerant")
    best = min(_seconds(left, right) for _ in range(3))
    assert best < (0.005 if sys.gettrace() is None else 0.05)  # a coverage trace slows everything


def _seconds(left: Address, right: Address) -> float:
    read.cache_clear()
    start = time.thread_time()
    check(left, right, level="tolerant")
    return time.thread_time() - start


@laws
@given(addresses, addresses)
def test_a_suggestion_is_a_share(left: Address, right: Address) -> None:
    assert 0 <= similarity(left, right) <= 1
    assert similarity(left, right) == similarity(right, left)


@laws
@given(st.text(max_size=100))
def test_any_text_may_be_asked_for_a_country(text: str) -> None:
    code = country_code(text)
    assert code is None or (len(code) == 2 and country_code(code) == code)
