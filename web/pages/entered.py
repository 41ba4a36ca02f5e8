"""What the form of a customer holds: filled from a customer or from what was sent, and read as the API reads.

The inputs are named as the fields; those of an address `address.city`, those of a tax number `tax.0.kind` and
`tax.0.number`. A *part* of the form is what is compared and sent whole: a field, an address, all tax numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from connectors.records import ADDRESS_PARTS, FLAG_FIELDS
from sync.core.address.countries import country_code, territory_of
from sync.core.address.form import chosen_region, country_name
from sync.store.customers import StoredCustomer
from web.pages.visit import Visit

TEXTS = ("customer_name", "external_id", "email", "phone_number")
ADDRESSES = ("address", "ship_to_address")
OBJECTS = ("custom_data", "custom_attributes")
NAMED = ("business_entity_id", "parent_customer_id", "connector", "reference_id")
FLAGS = tuple(sorted(FLAG_FIELDS))
PARTS = (*TEXTS, *ADDRESSES, "tax", *OBJECTS, *FLAGS, *NAMED)
AS_IT_IS = "="
"""Chosen as country: what is kept, which no list has."""
MOST_TAXES = 50
_TYPED = tuple(part for part in ADDRESS_PARTS if part not in ("country", "country_code"))

Parts = Mapping[str, Any]
"""Part of the form → what it holds: texts, or of an address a mapping, of tax numbers a list of pairs."""


@dataclass(frozen=True, slots=True)
class Entered:
    """What the form holds. Texts are those that a browser would send back unchanged."""

    texts: Mapping[str, str]
    taxes: Sequence[tuple[str, str]]

    def __getitem__(self, name: str) -> str:
        """The text of an input; empty if there is none."""
        return self.texts.get(name, "")

    def country(self, address: str) -> str | None:
        """The code of the country that is chosen; None if it is none that is known."""
        chosen = self[f"{address}.in"]
        return chosen if len(chosen) == 2 else None

    def address(self, address: str) -> dict[str, str | None]:
        """The parts of an address as they are to be kept."""
        made = {part: self[f"{address}.{part}"].strip() or None for part in _TYPED}
        chosen, country, code = (self[f"{address}.{name}"] for name in ("in", "country", "country_code"))
        if chosen in (AS_IT_IS, _chosen(country, code)):
            return {**made, "country": country or None, "country_code": code or None}
        return {**made, "country": country_name(chosen), "country_code": chosen or None}

    def parts(self) -> Parts:
        """All that it holds, part by part."""
        made: dict[str, Any] = {name: self[name].strip() for name in (*TEXTS, *OBJECTS, *FLAGS, *NAMED)}
        made |= {name: self.address(name) for name in ADDRESSES}
        made["tax"] = [pair for pair in ((k.strip(), n.strip()) for k, n in self.taxes) if any(pair)]
        return made

    def digests(self) -> str:
        """By which it is known later what a person has changed."""
        return orjson.dumps({name: digest(value) for name, value in self.parts().items()}).decode()


def digest(value: object) -> str:
    """A few characters by which a value is known again."""
    return blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=6).hexdigest()


def blank() -> Entered:
    """Nothing but what is so unless it is said."""
    return Entered(dict.fromkeys(FLAGS, "1"), [])


def of_customer(customer: StoredCustomer, parent: str) -> Entered:
    """A customer as it is; `parent` names the one above it."""
    row = customer.row
    texts = {name: _line_ends(str(row[name] or "")) for name in TEXTS}
    for name in ADDRESSES:
        parts = row[name] or {}
        texts |= {f"{name}.{part}": _line_ends(str(parts.get(part) or "")) for part in ADDRESS_PARTS}
        country = texts[f"{name}.country"], texts[f"{name}.country_code"]
        texts[f"{name}.in"] = _chosen(*country)
    for name in OBJECTS:
        kept = row[name] or {}
        pretty = orjson.dumps(kept, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
        texts[name] = pretty if kept else ""
    texts |= {name: "1" if row[name] else "" for name in FLAGS}
    texts |= {"business_entity_id": row["business_entity_id"] or "", "parent_customer_id": parent}
    kinds = sorted(customer.tax.items())
    return Entered(texts, [(path.removeprefix("tax_info.").replace(".", " "), n) for path, n in kinds])


def of_form(asked: Visit) -> Entered:
    """What a person sent."""
    texts = {name: value for name, value in asked.form if not name.startswith("tax.")}
    rows = {
        number: (asked.given(f"tax.{number}.kind"), asked.given(f"tax.{number}.number"))
        for number in range(MOST_TAXES + 1)
        if any(name == f"tax.{number}.number" for name, _ in asked.form)
    }
    return Entered({name: _line_ends(value) for name, value in texts.items()}, list(rows.values()))


def region_of(entered: Entered, address: str) -> str:
    """The listed region that the typed state stands for; the text itself where there is none."""
    text = entered[f"{address}.state"].strip()
    return chosen_region(text, entered.country(address)) or text


def _line_ends(text: str) -> str:
    """As browsers send them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _chosen(country: str, code: str) -> str:
    """What a list of countries shows as chosen for the two texts that are kept."""
    known = {found for found in (country_code(code), country_code(country)) if found}
    if not country and not code:
        return ""
    if not known or len({territory_of(each) for each in known}) > 1:
        return AS_IT_IS
    return country_code(code) or known.pop()
