"""The same value spelled otherwise: what two people who type the same thing into two CRMs do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import TypeAlias

import phonenumbers

from connectors.records import Address
from connectors.sandbox.places import Site, fill

Respelling: TypeAlias = Callable[[Address, Site, Random], Address | None]


def short_street(address: Address, at: Site, _: Random) -> Address | None:
    """Street words in their short form (Street, St; straße, str.)."""
    line = address.line1 or ""
    for long, short in at.country.short:
        line = line.replace(long, short)
    return replace(address, line1=line) if line != address.line1 else None


def state_code(address: Address, at: Site, _: Random) -> Address | None:
    """The state by its code, or in Latin letters."""
    code = at.city.state_code
    return replace(address, state=code) if code and address.state else None


def country_code(address: Address, at: Site, _: Random) -> Address | None:
    """The country by its two letters."""
    return replace(address, country=at.country.code) if address.country == at.country.name else None


def country_local(address: Address, at: Site, _: Random) -> Address | None:
    """The country by the name that its people use."""
    return replace(address, country=at.country.local_name) if address.country == at.country.name else None


def upper_case(address: Address, _: Site, __: Random) -> Address | None:
    """Street and city in capitals, where these can be turned back (not ß, not the dotless i)."""
    line, city = (address.line1 or "").upper(), (address.city or "").upper()
    typed = ((address.line1 or "").lower(), (address.city or "").lower())
    return replace(address, line1=line, city=city) if (line.lower(), city.lower()) == typed else None


def fold_lines(address: Address, _: Site, __: Random) -> Address | None:
    """The second line behind a comma on the first."""
    if not address.line2:
        return None
    return replace(address, line1=f"{address.line1}, {address.line2}", line2=None)


def zip_plus_four(address: Address, at: Site, random: Random) -> Address | None:
    """The ZIP code with its four further digits."""
    return (
        replace(address, zipCode=f"{address.zipCode}{fill('-%###', random)}")
        if at.country.code == "US"
        else None
    )


RESPELLINGS: Sequence[Respelling] = (
    short_street,
    state_code,
    country_code,
    country_local,
    upper_case,
    fold_lines,
    zip_plus_four,
)


def respell(address: Address, at: Site, random: Random) -> Address:
    """The same address with one or two spellings changed; never equal to `address`."""
    wanted = random.choice((1, 1, 2))
    changed = address
    for respelling in random.sample(RESPELLINGS, len(RESPELLINGS)):
        if wanted and (other := respelling(changed, at, random)) and other != changed:
            changed = other
            wanted -= 1
    return changed


def respell_phone(phone: str, random: Random) -> str:
    """The same number with other signs between its digits; always with its country code."""
    number = phonenumbers.parse(phone)
    national = str(number.national_number).rjust(len(str(number.national_number)), "0")
    zero = "0" if number.italian_leading_zero else ""
    forms = (
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        f"+{number.country_code} {zero}{national}",
        f"+{number.country_code}.{zero}{national[:3]}.{national[3:]}",
        f"+{number.country_code} ({zero}{national[:2]}) {national[2:]}",
    )
    return random.choice([form for form in forms if form != phone])
