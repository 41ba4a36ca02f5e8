"""The ways in which a customer's two CRM records differ, and how often each occurs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from random import Random

from connectors.records import Address
from connectors.sandbox.places import Site, fill
from connectors.sandbox.places_business import other_name
from connectors.sandbox.places_records import Record, filled, hubspot_address
from connectors.sandbox.places_spelling import respell, respell_phone


class Difference(StrEnum):
    """How a customer's two CRM records differ."""

    SAME = "same"
    ADDRESS_SPELLING = "address_spelling"
    PHONE_SPELLING = "phone_spelling"
    EMAIL_CASE = "email_case"
    BLANK_FIELD = "blank_field"
    """One side has no phone, no e-mail or no address."""
    ADDRESS_MOVED = "address_moved"
    HOUSE_NUMBER = "house_number"
    UNIT = "unit"
    EMAIL = "email"
    NAME = "name"
    PHONE = "phone"
    NO_EXTERNAL_ID = "no_external_id"
    ONLY_SALESFORCE = "only_salesforce"
    ONLY_HUBSPOT = "only_hubspot"
    EMAIL_SWAPPED = "email_swapped"
    """Two customers have each other's e-mail in HubSpot."""
    ID_CASE = "id_case"
    """The external ids differ only in case."""
    ID_SPACES = "id_spaces"
    """HubSpot's external id has spaces around it."""


SHARES: Mapping[Difference, float] = {
    Difference.ADDRESS_SPELLING: 0.14,
    Difference.PHONE_SPELLING: 0.06,
    Difference.EMAIL_CASE: 0.04,
    Difference.BLANK_FIELD: 0.05,
    Difference.ONLY_SALESFORCE: 0.03,
    Difference.ONLY_HUBSPOT: 0.03,
    Difference.ID_SPACES: 0.004,
    Difference.ADDRESS_MOVED: 0.012,
    Difference.HOUSE_NUMBER: 0.008,
    Difference.UNIT: 0.006,
    Difference.EMAIL: 0.006,
    Difference.NAME: 0.006,
    Difference.PHONE: 0.006,
    Difference.NO_EXTERNAL_ID: 0.006,
    Difference.EMAIL_SWAPPED: 0.002,
    Difference.ID_CASE: 0.003,
}
"""The share of the customers with each difference; the rest are the same in both, to the letter."""

HELD = frozenset(
    {
        Difference.ADDRESS_MOVED,
        Difference.HOUSE_NUMBER,
        Difference.UNIT,
        Difference.EMAIL,
        Difference.NAME,
        Difference.PHONE,
        Difference.NO_EXTERNAL_ID,
        Difference.EMAIL_SWAPPED,
        Difference.ID_CASE,
    }
)
"""The differences that a person has to decide: 5.5 % of the customers."""

_BLANK = (
    ({"Phone"}, {"phone"}),
    ({"Billing_Email__c"}, {"billing_email"}),
    (
        {"BillingStreet", "BillingCity", "BillingState", "BillingPostalCode", "BillingCountry"},
        {"address", "address2", "city", "state", "zip", "country"},
    ),
)


def draw(size: int, random: Random) -> list[Difference]:
    """One difference per customer, by `SHARES`, shuffled; swapped e-mails in pairs."""
    drawn = [each for each, share in SHARES.items() for _ in range(round(share * size))]
    if drawn.count(Difference.EMAIL_SWAPPED) % 2:
        drawn.remove(Difference.EMAIL_SWAPPED)
    drawn += [Difference.SAME] * (size - len(drawn))
    random.shuffle(drawn)
    return drawn


def differ(  # noqa: PLR0911, PLR0912 - one arm per difference
    difference: Difference, salesforce: Record, hubspot: Record, at: Site, random: Random
) -> tuple[Record | None, Record | None]:
    """The two records with this difference between them; `EMAIL_SWAPPED` takes two customers.

    Where either side could be the one that differs, it is HubSpot's, but for a blank and a missing id.
    """
    match difference:
        case Difference.SAME | Difference.EMAIL_SWAPPED:
            return salesforce, hubspot
        case Difference.ONLY_SALESFORCE:
            return salesforce, None
        case Difference.ONLY_HUBSPOT:
            return None, hubspot
        case Difference.BLANK_FIELD:
            return _blank(*random.choice(_BLANK), salesforce, hubspot, random)
        case Difference.NO_EXTERNAL_ID:
            return _blank({"External_ID__c"}, {"company_id"}, salesforce, hubspot, random)
        case Difference.ADDRESS_SPELLING:
            return salesforce, _at(hubspot, respell(at.address(), at, random))
        case Difference.ADDRESS_MOVED:
            return salesforce, _at(hubspot, at.moved(random).address())
        case Difference.HOUSE_NUMBER:
            return salesforce, _at(hubspot, at.renumbered(random).address())
        case Difference.UNIT:
            return salesforce, _at(hubspot, at.other_unit(random).address())
        case Difference.PHONE_SPELLING:
            return salesforce, {**hubspot, "phone": respell_phone(hubspot["phone"], random)}
        case Difference.PHONE:
            return salesforce, {**hubspot, "phone": _other_phone(hubspot["phone"], at, random)}
        case Difference.EMAIL_CASE:
            return salesforce, {**hubspot, "billing_email": _capitals(hubspot["billing_email"])}
        case Difference.EMAIL:
            return salesforce, {**hubspot, "billing_email": f"office.{hubspot['billing_email']}"}
        case Difference.NAME:
            return salesforce, {**hubspot, "name": other_name(hubspot["name"], random)}
        case Difference.ID_CASE:
            return salesforce, {**hubspot, "company_id": hubspot["company_id"].lower()}
        case Difference.ID_SPACES:
            return salesforce, {**hubspot, "company_id": f" {hubspot['company_id']} "}


def _blank(
    salesforce_fields: set[str], hubspot_fields: set[str], salesforce: Record, hubspot: Record, random: Random
) -> tuple[Record, Record]:
    if random.random() < 0.5:
        return _without(salesforce, salesforce_fields), hubspot
    return salesforce, _without(hubspot, hubspot_fields)


def _without(record: Record, fields: set[str]) -> Record:
    return {name: value for name, value in record.items() if name not in fields}


def _at(hubspot: Record, address: Address) -> Record:
    fields = hubspot_address(address)
    return _without(hubspot, set(fields)) | filled(fields)


def _capitals(email: str) -> str:
    name, _, host = email.partition("@")
    return f"{name.capitalize()}@{host.title()}"


def _other_phone(phone: str, at: Site, random: Random) -> str:
    while (other := fill(at.city.phone, random)) == phone:
        pass
    return other
