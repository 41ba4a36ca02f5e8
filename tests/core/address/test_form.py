"""How an address is asked for, country by country."""

from __future__ import annotations

import pytest

from connectors.records import ADDRESS_PARTS, Address
from sync.core.address.countries import country_code
from sync.core.address.form import address_form, chosen_region, countries, country_name
from sync.core.address.validity import validity


def test_every_country_is_listed_once_by_a_name_that_is_read_as_it() -> None:
    listed = countries()
    assert len(listed) == len({each.value for each in listed}) >= 249
    assert [each for each in listed if country_code(each.label) != each.value] == []
    assert {"CD", "CG"} <= {each.value for each in listed}
    assert (country_name("TW"), country_name("XX")) == ("Taiwan", None)


@pytest.mark.parametrize(
    ("country", "part", "kind", "required", "example"),
    [
        ("US", "zipCode", "zip", True, "95014"),
        ("US", "state", "state", True, ""),
        ("JP", "state", "prefecture", True, ""),
        ("IE", "zipCode", "eircode", False, "A65 F4E2"),
        ("GB", "city", "post_town", True, ""),
        ("DE", "state", "", False, ""),
        ("HK", "zipCode", "", False, ""),
        (None, "line1", "", False, ""),
        ("XX", "line1", "", False, ""),
    ],
)
def test_parts_are_called_and_required_as_the_country_has_them(
    country: str | None, part: str, kind: str, required: bool, example: str
) -> None:
    asked = address_form(country)
    assert tuple(asked) == ADDRESS_PARTS
    found = asked[part]
    assert (found.kind, found.required, found.example) == (kind, required, example)


def test_every_listed_region_stands_for_itself_and_is_valid_there() -> None:
    for country in countries():
        for each in address_form(country.value)["state"].choices:
            assert chosen_region(each.value, country.value) == each.value
            reasons = validity(Address(state=each.value, country_code=country.value)).reasons
            assert "state" not in {reason.field for reason in reasons}, (country, each)


def test_regions_are_known_by_any_of_their_names() -> None:
    for text in ("IL", "illinois", "US-IL"):
        assert chosen_region(text, "US") == "IL"
    assert chosen_region("北海道", "JP") == "Hokkaido"
    assert [chosen_region(*each) for each in (("Bayern", "DE"), ("Nowhere", "US"), ("IL", None))] == [
        None
    ] * 3
    labels = {each.value: each.label for each in address_form("US")["state"].choices}
    assert labels["CA"] == "California (CA)"
    assert address_form("IN")["state"].choices[1] == ("Andhra Pradesh", "Andhra Pradesh")
    assert ("Tokyo", "Tokyo (東京都)") in address_form("JP")["state"].choices
