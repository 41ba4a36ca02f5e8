"""Invented businesses: a name with its local legal form, a web domain that is reserved, an e-mail.

Names are made of coined syllables, so that none is meant to be anybody's. Domains are under `.example`
or are example.com and example.org, which nobody can own (RFC 2606).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from random import Random

from connectors.sandbox.places import Country

_HEADS = (
    *("Bel", "Brin", "Cal", "Dor", "Fen", "Gal", "Hol", "Kes", "Lum", "Mar", "Nim"),
    *("Or", "Pel", "Quil", "Ros", "Sil", "Tar", "Ul", "Ven", "Wyn", "Yar", "Zel"),
)
_TAILS = (
    *("umorra", "edwyth", "ilonta", "oveska", "undrel", "avosk", "erindo"),
    *("ustella", "arova", "olinth", "ithala", "unaro", "omundo", "isadra"),
)
_SHARED_HOSTS = ("example.com", "example.org")


@dataclass(frozen=True, slots=True)
class Business:
    """A business; `domain` is None for one whose e-mail lies at a shared host."""

    name: str
    domain: str | None
    email: str


@dataclass(slots=True)
class Register:
    """Hands out businesses, no name and no e-mail twice."""

    names: set[str] = field(default_factory=set)
    slugs: set[str] = field(default_factory=set)

    def enter(self, country: Country, random: Random) -> Business:
        """A new business of this country."""
        name, slug = self._name(country, random)
        if random.random() < 0.12:
            return Business(name, None, f"{slug}@{random.choice(_SHARED_HOSTS)}")
        domain = f"{slug}.example"
        return Business(name, domain, f"{random.choice(country.mailboxes)}@{domain}")

    def _name(self, country: Country, random: Random) -> tuple[str, str]:
        stem, latin = _stem(country, random)
        trade, latin_trade = random.choice(country.trades)
        plain = f"{stem}{country.joiner}{trade}"
        form = random.choice(country.legal)
        slug = f"{latin}-{latin_trade}".lower()
        for number in count(1):
            more = "" if number == 1 else f" {number}"
            name = f"{form}{plain}{more}" if country.legal_first else f"{plain}{more} {form}"
            fresh = slug if number == 1 else f"{slug}-{number}"
            if name not in self.names and fresh not in self.slugs:
                self.names.add(name)
                self.slugs.add(fresh)
                return name, fresh
        raise AssertionError("numbers do not end")


def other_name(name: str, random: Random) -> str:
    """The name as after the business was renamed: no spelling of the old one."""
    while (fresh := f"{_coined(random)} {_coined(random)} Group") == name:
        pass
    return fresh


def _stem(country: Country, random: Random) -> tuple[str, str]:
    if country.stems:
        return random.choice(country.stems)
    coined = _coined(random)
    return coined, coined


def _coined(random: Random) -> str:
    return random.choice(_HEADS) + random.choice(_TAILS)
