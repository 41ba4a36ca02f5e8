"""What things are called on pages, in the words of people who bill customers; and text that hides nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from sync.core.actions import ConflictKind
from sync.store.connections import ConnectionState
from sync.store.overview import LATE as LATE_AFTER
from sync.store.overview import Standing

KINDS: Mapping[str, str] = {
    ConflictKind.ADDRESS_MISMATCH: "Different addresses",
    ConflictKind.ADDRESS_INVALID: "Address not valid",
    ConflictKind.FIELD_CONFLICT: "Changed on both sides",
    ConflictKind.AMBIGUOUS_MATCH: "Several possible matches",
    ConflictKind.MISSING_EXTERNAL_ID: "No customer number",
    ConflictKind.KEY_CHANGED: "Customer number changed",
    ConflictKind.EMAIL_TAKEN: "E-mail used twice",
    ConflictKind.IMMUTABLE_FIELD: "Fixed value changed",
    ConflictKind.REMOTE_DELETED: "Deleted in the CRM",
    ConflictKind.REMOTE_MERGED: "Merged in the CRM",
    ConflictKind.DELETE_VS_EDIT: "Deleted here, edited there",
    ConflictKind.PUSH_REJECTED: "Refused by the CRM",
    ConflictKind.INVALID_RECORD: "Record with a mistake",
}
STATES: Mapping[str, tuple[str, str]] = {
    ConnectionState.NEW: ("waiting", "New: its first sync has to be planned and approved"),
    ConnectionState.NEEDS_APPROVAL: ("waiting", "Waits for an approval"),
    ConnectionState.ACTIVE: ("good", "At work"),
    ConnectionState.PAUSED: ("waiting", "Paused"),
    ConnectionState.HALTED: ("bad", "Stopped: something looks wrong"),
    ConnectionState.AUTH_FAILED: ("bad", "Cannot sign in to the CRM"),
}
"""State of a connection → how it is marked, and what it means."""
LATE = ("bad", "Late: nobody takes up what is due")
FAILED = ("bad", "Its last run failed")
UNSEEN = ("waiting", "Not looked at yet")
FIELDS: Mapping[str, str] = {
    "external_id": "Customer number",
    "customer_name": "Name",
    "email": "E-mail",
    "phone_number": "Phone",
    "address": "Billing address",
    "ship_to_address": "Shipping address",
    "communications_enabled": "Receives mail",
    "auto_charge_enabled": "Charged automatically",
    "business_entity_id": "Our legal entity",
    "parent_customer_id": "Parent customer",
    "line1": "Street",
    "line2": "Line 2",
    "line3": "Line 3",
    "city": "City",
    "state": "State",
    "zipCode": "Postal code",
    "country": "Country",
    "country_code": "Country code",
    "customer_id": "Customer",
    "first_name": "First name",
    "last_name": "Last name",
    "send_contract": "Gets contracts",
    "send_invoice": "Gets invoices",
    "may_be_negative": "May be below zero",
}
PRODUCTS: Mapping[str, str] = {
    "salesforce": "Salesforce",
    "hubspot": "HubSpot",
    "memory": "Memory",
    "file": "the file",
}
PARTS: Mapping[str, str] = {
    "area": "Area",
    "county": "County",
    "department": "Department",
    "district": "District",
    "do_si": "Province or city",
    "eircode": "Eircode",
    "emirate": "Emirate",
    "island": "Island",
    "oblast": "Oblast",
    "parish": "Parish",
    "pin": "PIN code",
    "post_town": "Post town",
    "prefecture": "Prefecture",
    "province": "Province",
    "state": "State",
    "suburb": "Suburb",
    "zip": "ZIP code",
}
"""What countries call the parts of their addresses."""
_UNITS = ((86_400 * 365, "year"), (86_400 * 30, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"))
_JOINERS = "\u200c\u200d"
"""Scripts and emoji need them to be read at all."""
_SHOWN_AS_CODE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


def kind(name: str) -> str:
    """A kind of question."""
    return KINDS.get(name, name)


def field(path: str) -> str:
    """A field of a customer."""
    if path in FIELDS:
        return FIELDS[path]
    top, _, rest = path.partition(".")
    if top == "tax_info":
        return f"Tax number {rest.replace('.', ' ')}"
    return rest or path


def standing(found: Standing) -> tuple[str, str]:
    """How a connection that stands so is marked, and what that means."""
    if found.connection.state is not ConnectionState.ACTIVE:
        return STATES[found.connection.state]
    if found.late:
        return LATE
    if found.failed:
        return FAILED
    return STATES[ConnectionState.ACTIVE] if found.connection.row["looked_at"] else UNSEEN


def part(name: str, kind: str) -> str:
    """A part of an address, as its country calls it."""
    if name == "state" and not kind:
        return "State or region"
    return PARTS.get(kind) or FIELDS[name]


def product(connector: str) -> str:
    """A CRM's product."""
    return PRODUCTS.get(connector, connector)


def plural(number: int, one: str, many: str = "") -> str:
    """A number with what it counts."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def span(seconds: float) -> str:
    """A length of time, roughly."""
    for size, unit in _UNITS:
        if seconds >= size:
            return plural(int(seconds // size), unit)
    return "less than a minute"


def ago(then: datetime | None, now: datetime) -> str:
    """How long ago."""
    if then is None:
        return "never"
    seconds = (now - then).total_seconds()
    return "just now" if seconds < 10 else f"{span(seconds)} ago"


def until(then: datetime | None, now: datetime) -> str:
    """In how long."""
    if then is None:
        return "not planned"
    seconds = (then - now).total_seconds()
    if seconds < -LATE_AFTER.total_seconds():
        return f"due since {span(-seconds)}"
    return "now" if seconds < 10 else f"in {span(seconds)}"


def moment(then: datetime | None) -> str:
    """A time, to the minute."""
    return "" if then is None else f"{then.astimezone(UTC):%d %b %Y, %H:%M} UTC"


def seen(text: object) -> Markup:
    """Text of strangers: escaped, its direction kept to itself, what would be invisible shown by its code."""
    return Markup("<bdi>{}</bdi>").format(coded(str(text)))


def coded(text: str) -> Markup:
    """Text, escaped, with what would be invisible as a code."""
    if text.isprintable():
        return escape(text)
    return Markup("").join(_character(each) for each in text)


def _character(each: str) -> Markup:
    if each in " \n\t" or each in _JOINERS or unicodedata.category(each) not in _SHOWN_AS_CODE:
        return escape(each)
    name = unicodedata.name(each, "control character").lower()
    return Markup('<code class="hidden" title="{}">U+{}</code>').format(name, f"{ord(each):04X}")


def dotted(name: str) -> Markup:
    """A name like `customer.updated`, which is broken at its dots alone."""
    return Markup('<span class="dotted">{}</span>').format(Markup(".<wbr>").join(name.split(".")))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "seen": seen,
    "kind": kind,
    "field": field,
    "dotted": dotted,
    "product": product,
    "moment": moment,
    "plural": plural,
}
