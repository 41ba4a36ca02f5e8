from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import pytest

from connectors.sandbox.places_differences import HELD, SHARES, Difference
from connectors.sandbox.population import COUNTRIES, SeedCustomer, population


@pytest.fixture(scope="module")
def customers() -> Sequence[SeedCustomer]:
    return population(1)


def of(customers: Sequence[SeedCustomer], difference: Difference) -> list[SeedCustomer]:
    found = [each for each in customers if each.difference == difference]
    assert found, difference
    return found


def fields(record: dict[str, str] | None) -> dict[str, str]:
    assert record is not None
    return record


def street(hubspot: dict[str, str]) -> str:
    return "\n".join(hubspot[name] for name in ("address", "address2") if name in hubspot)


def test_the_same_seed_gives_the_same_customers_in_another_process(
    customers: Sequence[SeedCustomer],
) -> None:
    assert population(1) == customers
    assert population(2) != customers
    code = "from connectors.sandbox.population import population; print(repr(population(1)[:50]))"
    for hash_seed in ("1", "2"):
        answer = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONUTF8": "1"},
            capture_output=True,
            check=True,
        )
        assert answer.stdout.decode().strip() == repr(list(customers[:50]))


def test_two_thousand_is_the_size_unless_another_is_asked_for() -> None:
    assert len(population(3)) == 2000


@pytest.mark.parametrize("size", [0, 1, 7, 333])
def test_any_size(size: int) -> None:
    assert len(population(5, size)) == size


def test_ids_names_and_emails_are_given_once(customers: Sequence[SeedCustomer]) -> None:
    assert len({each.external_id.casefold() for each in customers}) == 2000
    assert len({each.name for each in customers}) == 2000
    assert len({each.email.casefold() for each in customers}) == 2000


def test_twenty_countries_and_more(customers: Sequence[SeedCustomer]) -> None:
    seen = Counter(each.address.country for each in customers)
    assert len(seen) >= 20
    assert set(seen) == {country.name for country in COUNTRIES}


def test_each_difference_has_its_share(customers: Sequence[SeedCustomer]) -> None:
    seen = Counter(each.difference for each in customers)
    for difference, share in SHARES.items():
        assert seen[difference] == round(2000 * share)
    assert seen[Difference.SAME] > 1000


def test_what_a_person_must_decide_is_rare(customers: Sequence[SeedCustomer]) -> None:
    held = sum(each.difference in HELD for each in customers)
    assert 60 <= held <= 150


def test_same_is_the_same_to_the_letter(customers: Sequence[SeedCustomer]) -> None:
    for each in of(customers, Difference.SAME):
        salesforce, hubspot = fields(each.salesforce), fields(each.hubspot)
        pairs = {
            "Name": hubspot["name"],
            "Phone": hubspot["phone"],
            "Billing_Email__c": hubspot["billing_email"],
            "External_ID__c": hubspot["company_id"],
            "BillingStreet": street(hubspot),
            "BillingCity": hubspot["city"],
            "BillingState": hubspot.get("state"),
            "BillingPostalCode": hubspot.get("zip"),
            "BillingCountry": hubspot["country"],
        }
        assert {name: salesforce.get(name) for name in pairs} == pairs
        assert salesforce["Name"] == each.name
        assert salesforce["BillingCity"] == each.address.city


def test_ship_to_is_only_in_salesforce(customers: Sequence[SeedCustomer]) -> None:
    shipped = [each for each in customers if each.ship_to and each.salesforce]
    assert 200 < len(shipped) < 600
    for each in shipped:
        assert each.ship_to is not None
        assert fields(each.salesforce)["ShippingCity"] == each.ship_to.city


ADDRESS = ("address", "address2", "city", "state", "zip", "country")


@pytest.mark.parametrize(
    ("difference", "differing"),
    [
        (Difference.ADDRESS_SPELLING, set(ADDRESS)),
        (Difference.ADDRESS_MOVED, set(ADDRESS) - {"country"}),
        (Difference.HOUSE_NUMBER, {"address"}),
        (Difference.UNIT, {"address", "address2"}),
        (Difference.PHONE_SPELLING, {"phone"}),
        (Difference.PHONE, {"phone"}),
        (Difference.EMAIL_CASE, {"billing_email"}),
        (Difference.EMAIL, {"billing_email"}),
        (Difference.EMAIL_SWAPPED, {"billing_email"}),
        (Difference.NAME, {"name"}),
        (Difference.ID_CASE, {"company_id"}),
        (Difference.ID_SPACES, {"company_id"}),
    ],
)
def test_a_difference_is_in_its_field_and_nowhere_else(
    customers: Sequence[SeedCustomer], difference: Difference, differing: set[str]
) -> None:
    for each in of(customers, difference):
        truth = {
            "name": each.name,
            "phone": each.phone,
            "billing_email": each.email,
            "company_id": each.external_id,
            "address": each.address.line1,
            "address2": each.address.line2,
            "city": each.address.city,
            "state": each.address.state,
            "zip": each.address.zipCode,
            "country": each.address.country,
        }
        hubspot = fields(each.hubspot)
        changed = {name for name, value in truth.items() if hubspot.get(name) != value}
        assert changed
        assert changed <= differing
        assert fields(each.salesforce)["Name"] == each.name


def test_what_differs_in_spelling_only(customers: Sequence[SeedCustomer]) -> None:
    for each in of(customers, Difference.EMAIL_CASE):
        assert fields(each.hubspot)["billing_email"].casefold() == each.email.casefold()
    for each in of(customers, Difference.ID_CASE):
        assert fields(each.hubspot)["company_id"].casefold() == each.external_id.casefold()
    for each in of(customers, Difference.ID_SPACES):
        assert fields(each.hubspot)["company_id"].strip() == each.external_id


def test_swapped_emails_are_each_others(customers: Sequence[SeedCustomer]) -> None:
    swapped = of(customers, Difference.EMAIL_SWAPPED)
    owner = {each.email: each for each in swapped}
    for each in swapped:
        other = owner[fields(each.hubspot)["billing_email"]]
        assert other is not each
        assert fields(other.hubspot)["billing_email"] == each.email


def test_who_is_in_one_crm_only(customers: Sequence[SeedCustomer]) -> None:
    assert all(each.hubspot is None for each in of(customers, Difference.ONLY_SALESFORCE))
    assert all(each.salesforce is None for each in of(customers, Difference.ONLY_HUBSPOT))
    others = [each for each in customers if not each.difference.startswith("only_")]
    assert all(each.salesforce and each.hubspot for each in others)


def test_a_blank_and_a_missing_id_are_on_either_side(customers: Sequence[SeedCustomer]) -> None:
    missing = of(customers, Difference.NO_EXTERNAL_ID)
    assert {"External_ID__c" in fields(each.salesforce) for each in missing} == {True, False}
    for each in missing:
        assert ("External_ID__c" in fields(each.salesforce)) != ("company_id" in fields(each.hubspot))
    blanks = Counter(
        (
            "Phone" in fields(each.salesforce),
            "Billing_Email__c" in fields(each.salesforce),
            "BillingStreet" in fields(each.salesforce),
            "phone" in fields(each.hubspot),
            "billing_email" in fields(each.hubspot),
            "address" in fields(each.hubspot),
        )
        for each in of(customers, Difference.BLANK_FIELD)
    )
    assert len(blanks) == 6
    assert all(kind.count(False) == 1 for kind in blanks)
