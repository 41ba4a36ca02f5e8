"""One customer as a Salesforce account and as a HubSpot company, each written as that CRM is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from connectors.records import Address

Record: TypeAlias = "dict[str, str]"
"""A CRM record by the CRM's field names; a field without a value is absent."""

INDUSTRIES = (
    ("Technology", "COMPUTER_SOFTWARE"),
    ("Food & Beverage", "FOOD_BEVERAGES"),
    ("Transportation", "LOGISTICS_AND_SUPPLY_CHAIN"),
    ("Machinery", "MACHINERY"),
    ("Apparel", "APPAREL_FASHION"),
    ("Energy", "OIL_ENERGY"),
)
"""The same trade in Salesforce's and in HubSpot's own list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A customer before it is written into any CRM; `trade` is an entry of `INDUSTRIES`."""

    external_id: str
    name: str
    email: str
    phone: str
    address: Address
    ship_to: Address | None
    domain: str | None
    trade: tuple[str, str] | None


def salesforce_record(profile: Profile) -> Record:
    """The customer as an account: the street in one field, its lines split by line breaks."""
    return filled(
        {
            "Name": profile.name,
            "Phone": profile.phone,
            "Billing_Email__c": profile.email,
            "External_ID__c": profile.external_id,
            **_salesforce_address("Billing", profile.address),
            **_salesforce_address("Shipping", profile.ship_to or Address()),
            "Website": _website(profile),
            "Industry": profile.trade[0] if profile.trade else None,
        }
    )


def hubspot_record(profile: Profile) -> Record:
    """The customer as a company: two street lines, no shipping address."""
    return filled(
        {
            "name": profile.name,
            "phone": profile.phone,
            "billing_email": profile.email,
            "company_id": profile.external_id,
            **hubspot_address(profile.address),
            "domain": profile.domain,
            "website": _website(profile),
            "industry": profile.trade[1] if profile.trade else None,
        }
    )


def hubspot_address(address: Address) -> dict[str, str | None]:
    """The address in HubSpot's properties, blank ones as None."""
    return {
        "address": address.line1,
        "address2": address.line2,
        "city": address.city,
        "state": address.state,
        "zip": address.zipCode,
        "country": address.country,
    }


def filled(fields: Mapping[str, str | None]) -> Record:
    """Only the fields that have a value."""
    return {name: value for name, value in fields.items() if value}


def _salesforce_address(kind: str, address: Address) -> dict[str, str | None]:
    return {
        f"{kind}Street": "\n".join(line for line in (address.line1, address.line2, address.line3) if line),
        f"{kind}City": address.city,
        f"{kind}State": address.state,
        f"{kind}PostalCode": address.zipCode,
        f"{kind}Country": address.country,
    }


def _website(profile: Profile) -> str | None:
    return f"https://www.{profile.domain}" if profile.trade and profile.domain else None
