"""The parts of the check: countries, regions, postal codes, numbers, letters."""

from __future__ import annotations

import pytest

from connectors.records import Address
from sync.core.address.countries import country_code, territory_of
from sync.core.address.fold import fold, skeleton
from sync.core.address.names import Likeness, compare_names
from sync.core.address.numbers import Numbers, compare_houses, house, roman_value
from sync.core.address.postal import find_postal, names_a_street, postal_key
from sync.core.address.regions import region_code
from sync.core.address.repair import LONGEST, repaired
from sync.core.address.words import word_of


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DE", "DE"), ("deu", "DE"), ("Germany", "DE"), ("Deutschland", "DE"), ("Německo", "DE"),
        ("Alemanha", "DE"), ("Германия", "DE"), ("ドイツ", "DE"), ("UK", "GB"), ("U.S.A.", "US"),
        ("EE.UU.", "US"), ("España", "ES"), ("Hellas", "GR"), ("Ελλάδα", "GR"), ("中国", "CN"),
        ("日本", "JP"),
        ("대한민국", "KR"), ("ประเทศไทย", "TH"), ("ישראל", "IL"), ("مصر", "EG"), ("Côte d'Ivoire", "CI"),
        ("The Netherlands", "NL"), ("the Gambia", "GM"), ("Germany (Deutschland)", "DE"),
        ("Belgique / België", "BE"), ("Germany / France", None), ("Kosovo", "XK"), ("Congo", None),
        ("Atlantis", None), ("", None), (None, None), ("x" * 100, None), ("Taiwan (R.O.C.)", "TW"),
        ("Costa Rica", "CR"), ("CR", "CR"), ("South Korea", "KR"), ("Macedonia", "MK"), ("Burma", "MM"),
    ],
)  # fmt: skip
def test_a_country_is_known_by_any_of_its_names(text: str | None, code: str | None) -> None:
    assert country_code(text) == code


def test_a_territory_belongs_to_a_state() -> None:
    assert territory_of("PR") == territory_of("US") == "US"
    assert territory_of("FR") == "FR"


@pytest.mark.parametrize(
    ("text", "country", "code"),
    [
        ("California", "US", "CA"), ("ca", "US", "CA"), ("US-CA", "US", "CA"),
        ("CA - California", "US", "CA"),
        ("Bayern", "DE", "BY"), ("Freistaat Sachsen", "DE", None),
        ("Tōkyō", "JP", "13"), ("東京都", "JP", "13"), ("Co. Kildare", "IE", "KE"), ("Nirgends", "DE", None),
        ("California", None, None), ("", "US", None), ("Nirgends", "XX", None), ("Québec", "CA", "QC"),
    ],
)  # fmt: skip
def test_a_region_is_known_by_name_or_code(text: str, country: str | None, code: str | None) -> None:
    assert region_code(text, country) == code


@pytest.mark.parametrize(
    ("code", "country", "key"),
    [
        ("62701-1234", "US", "62701"), ("627011234", "US", "62701"), ("2134", "US", "02134"),
        ("D-10115", "DE", "10115"), ("DE 10115", "DE", "10115"), ("1067", "DE", "01067"),
        ("sw1a 2aa", "GB", "SW1A2AA"), ("1012 AB", "NL", "1012AB"), ("110 00", "CZ", "11000"),
        ("〒100-0005", "JP", "1000005"), ("LV-1010", "LV", "1010"), ("KY1-1104", "KY", "11104"),
        ("JE4 9WG", "JE", "JE49WG"), ("AD500", "AD", "500"), ("00000", "US", ""), ("n/a", "US", ""),
        ("99999", "DE", ""), ("10115", None, "10115"), ("10115", "XX", "10115"), ("", "DE", ""),
    ],
)  # fmt: skip
def test_a_postal_code_has_one_form(code: str, country: str | None, key: str) -> None:
    assert postal_key(code, country) == key


@pytest.mark.parametrize(
    ("text", "country", "anywhere", "code"),
    [
        ("10115 Berlin", "DE", True, "10115"), ("10115 Berlin", "DE", False, None),
        ("Hauptstr. 5, 10115 Berlin", "DE", False, "10115"),
        ("Hauptstr. 5 10115 Berlin", "DE", False, "10115"),
        ("12 Main St, Springfield 62701", "US", False, "62701"), ("62701 Main St", "US", False, None),
        ("Cerrito 1250", "AR", False, None), ("Suite 12500", "US", True, None),
        ("PO Box 10115", "DE", True, None),
        ("IL 60601", "US", True, "60601"), ("1 High St SW1A 2AA", "GB", False, "SW1A 2AA"),
        ("Dubai 12345", "AE", True, None), ("12 Main St, 62701", None, False, "62701"),
        ("Kildare", "IE", True, None),
        ("Main St 12345", "US", False, None),
    ],
)  # fmt: skip
def test_a_postal_code_is_found_in_a_line(
    text: str, country: str | None, anywhere: bool, code: str | None
) -> None:
    found, rest = find_postal(text, country, anywhere=anywhere)
    assert found == code
    assert code is None or code not in rest


def test_some_postal_codes_stand_for_a_street() -> None:
    assert names_a_street("SW1A2AA", "GB")
    assert not names_a_street("10115", "DE")
    assert not names_a_street("1100", "PT")


@pytest.mark.parametrize(
    ("left", "right", "found"),
    [
        ("12", "012", "same"), ("12a", "12 / a", "same"), ("12 - 14", "12-14", "same"),
        ("12-12", "12", "same"),
        ("12", "12a", "different"), ("12", "13", "different"), ("12-14", "12", "part"),
        ("12-14", "13", "different"),
        ("12/3", "12", "part"), ("12/3", "3", "different"), ("12/3", "12/4", "different"),
        ("37-118", "37", "different"),
        ("12a-c", "12c", "part"), ("12a-c", "12", "different"), ("12-14", "12-16", "different"),
    ],
)  # fmt: skip
def test_house_numbers_agree_or_not(left: str, right: str, found: str) -> None:
    pair = house(left), house(right)
    assert compare_houses(*pair, either_part=False) is Numbers(found)
    assert compare_houses(*reversed(pair), either_part=False) is Numbers(found)


def test_in_czechia_either_number_names_the_house() -> None:
    assert compare_houses(house("846/1"), house("1"), either_part=True) is Numbers.PART


def test_letters_meet_whatever_the_script() -> None:
    assert fold("Straße № ½ Łódź") == fold("STRASSE NO ½ ŁÓDŹ")
    assert fold("Тверская") == "tverskaya"
    assert fold("Ερμού") == "ermu"
    assert fold("서울") == "seoul"
    assert fold("３－５") == "3-5"
    assert fold("١٢") == "12"


def test_rival_romanisations_meet() -> None:
    assert skeleton("mueller", "latin") == skeleton("muller", "latin")
    assert skeleton("chekhova", "slavic") == skeleton("cehova", "slavic")
    assert skeleton("kifisias", "hellenic") == skeleton("kifissias", "hellenic")


def test_roman_floors_have_a_value() -> None:
    assert [roman_value(text) for text in ("i", "iv", "vi", "ix", "xi")] == [1, 4, 6, 9, 11]


def test_a_name_is_not_like_none_at_all() -> None:
    name = (word_of("mill", "GB"), word_of("lane", "GB"))
    assert compare_names((), name).likeness is compare_names(name, ()).likeness is Likeness.DIFFERENT


def test_slips_are_not_looked_for_in_long_lines() -> None:
    slip, right = Address(line1="12 Mill Stret", country="GB"), Address(line1="12 Mill Street", country="GB")
    assert repaired(slip, right, "GB").line1 == "12 Mill street"
    assert repaired(slip, Address(line1="12 Mill Street" + " x" * LONGEST), "GB") is slip
