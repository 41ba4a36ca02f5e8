"""Some two thousand made-up customers in two CRMs, for demos, tests and measurements.

Most customers are the same in both CRMs, each written as that CRM is used; the others differ in every
way that real ones do (`places_differences.SHARES`). Everything is invented; only cities, regions and
the shapes of postal codes and telephone numbers are real.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from connectors.records import Address
from connectors.sandbox.places import Country, fill, site
from connectors.sandbox.places_americas import AMERICAS
from connectors.sandbox.places_asia_pacific import ASIA_PACIFIC
from connectors.sandbox.places_business import Register
from connectors.sandbox.places_differences import Difference, differ, draw
from connectors.sandbox.places_europe_south_east import EUROPE_SOUTH_EAST
from connectors.sandbox.places_europe_west import EUROPE_WEST
from connectors.sandbox.places_records import (
    INDUSTRIES,
    Profile,
    Record,
    hubspot_record,
    salesforce_record,
)

__all__ = ["COUNTRIES", "SeedCustomer", "population"]

COUNTRIES: tuple[Country, ...] = (*AMERICAS, *EUROPE_WEST, *EUROPE_SOUTH_EAST, *ASIA_PACIFIC)

_UNIT_SHARE = 0.35
_SHIP_TO_SHARE = 0.2
_TRADE_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedCustomer:
    """One customer as it is, and as each CRM has it.

    Attributes:
        address: the truth, with the country by its English name; Salesforce's record has it, and
            HubSpot's unless `difference` says otherwise. The name, e-mail and phone likewise.
        salesforce: an account by its field names, None if the customer is not in Salesforce.
        hubspot: a company by its property names, None if the customer is not in HubSpot.
        difference: a value of `Difference`.
    """

    external_id: str
    name: str
    email: str
    phone: str
    address: Address
    ship_to: Address | None
    salesforce: Record | None
    hubspot: Record | None
    difference: str


def population(seed: int, size: int = 2000) -> Sequence[SeedCustomer]:
    """Make customers; the same seed and size give the same ones.

    Args:
        seed: any number.
        size: how many; each difference has its share of them, rounded.
    """
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    register = Register()
    countries = random.choices(COUNTRIES, weights=[country.weight for country in COUNTRIES], k=size)
    numbers = random.sample(range(10_000, 10_000 + 20 * size), size)
    differences = draw(size, random)
    customers = [
        _customer(f"CUS-{number}", country, difference, register, random)
        for number, country, difference in zip(numbers, countries, differences, strict=True)
    ]
    return _with_swapped_emails(customers)


def _customer(
    external_id: str, country: Country, difference: Difference, register: Register, random: Random
) -> SeedCustomer:
    business = register.enter(country, random)
    unit = difference is Difference.UNIT or random.random() < _UNIT_SHARE
    at = site(country, random.choice(country.cities), random, unit=unit)
    profile = Profile(
        external_id=external_id,
        name=business.name,
        email=business.email,
        phone=fill(at.city.phone, random),
        address=at.address(),
        ship_to=at.moved(random).address() if random.random() < _SHIP_TO_SHARE else None,
        domain=business.domain,
        trade=random.choice(INDUSTRIES) if random.random() < _TRADE_SHARE else None,
    )
    salesforce, hubspot = differ(difference, salesforce_record(profile), hubspot_record(profile), at, random)
    return SeedCustomer(
        external_id=external_id,
        name=profile.name,
        email=profile.email,
        phone=profile.phone,
        address=profile.address,
        ship_to=profile.ship_to,
        salesforce=salesforce,
        hubspot=hubspot,
        difference=difference,
    )


def _with_swapped_emails(customers: Sequence[SeedCustomer]) -> list[SeedCustomer]:
    swapped = [each for each in customers if each.difference == Difference.EMAIL_SWAPPED]
    emails = {
        each.external_id: other.email
        for left, right in zip(swapped[::2], swapped[1::2], strict=True)
        for each, other in ((left, right), (right, left))
    }
    return [
        replace(each, hubspot={**each.hubspot, "billing_email": emails[each.external_id]})
        if each.hubspot and each.external_id in emails
        else each
        for each in customers
    ]
