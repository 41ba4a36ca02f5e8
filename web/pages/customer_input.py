"""From the form of a customer to the fields that the API takes, and back from its reasons to the inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.records import ADDRESS_FIELDS, ADDRESS_PARTS, JSON, Address
from sync.clock import plain_id
from sync.core import normalise, taxids
from sync.core.address.validity import ValidationStatus, validity
from sync.customers import find
from sync.errors import BadInput, NotFoundError
from sync.faults import faults
from sync.store.customers import StoredCustomer
from sync.store.session import Tx
from web.pages import words
from web.pages.entered import ADDRESSES, FLAGS, OBJECTS, TEXTS, Entered, Parts
from web.pages.jsontext import Fault, JsonFault, read_object

MISSING = "is missing"


@dataclass(frozen=True, slots=True)
class Note:
    """What is said of an input: `bad` refuses the form, `waiting` is a doubt, `good` is good."""

    mark: str
    text: str
    fault: Fault | None = None


Notes = dict[str, Note]
"""Slot → what is said there; a slot is an input's id, or that of a part of the form."""


def said_of(error: BadInput) -> Notes:
    """What a refusal says of each input."""
    return {name: Note("bad", f"{_sentence(str(why)).rstrip('.')}.") for name, why in error.fields.items()}


@dataclass(frozen=True, slots=True)
class Reading:
    """What the form comes to: fields as the API takes them, and what is to be said of its inputs."""

    data: dict[str, JSON] = field(default_factory=dict)
    notes: Notes = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    """Tax numbers: jurisdiction and code → their row."""

    @property
    def wrong(self) -> Notes:
        """What refuses it."""
        return {slot: each for slot, each in self.notes.items() if each.mark == "bad"}

    @property
    def doubts(self) -> Notes:
        """What may well be a mistake, and is the person's to say."""
        return {slot: each for slot, each in self.notes.items() if each.mark == "waiting"}

    def blame(self, fields: Mapping[str, Any]) -> None:
        """Say at the inputs what is wrong with fields."""
        for path, why in fields.items():
            self.notes.setdefault(*self._placed(path, str(why)))

    def _placed(self, path: str, why: str) -> tuple[str, Note]:
        top, _, rest = path.partition(".")
        part, _, more = why.partition(" ")
        if top in ADDRESS_FIELDS and part in ADDRESS_PARTS:
            rest, why = part, more
        if top in OBJECTS and rest:
            why = f"{rest[:60]} {why}"
        note = Note("bad", f"{_sentence(why).rstrip('.')}.")
        if top in ADDRESS_FIELDS:
            return f"{top}-{_INPUTS.get(rest, rest)}" if rest else top, note
        if top == "tax_info":
            place, known = rest.partition(".")[0], list(self.kinds.values())
            row = known[int(place)] if place.isdecimal() else self.kinds.get(rest)
            return "tax" if row is None else f"tax-{row}", note
        return top, note


_INPUTS = {"country": "in", "country_code": "in"}


def read(
    tx: Tx,
    organisation_id: str,
    entered: Entered,
    shown: Parts | None,
    customer: StoredCustomer | None,
) -> Reading:
    """The form as fields, and all that is to be said of it at once.

    Args:
        tx: where other records are looked up.
        organisation_id: whose the customer is.
        entered: the form.
        shown: what the form held before anybody typed; None for a new customer. Only what differs is sent.
        customer: whom it is about.
    """
    made, now = Reading(), entered.parts()
    changed = [name for name in now if shown is None or now[name] != shown[name]]
    for name in changed:
        if name in TEXTS:
            made.data[name] = now[name] or (None if name != "customer_name" else "")
        elif name in FLAGS:
            made.data[name] = bool(now[name])
        elif name in ADDRESSES:
            made.data[name] = now[name] if any(now[name].values()) else None
        elif name in OBJECTS:
            _read_object(made, name, now[name], (customer.row[name] or {}) if customer else {})
    if "tax" in changed:
        _read_taxes(made, entered.taxes)
    if "business_entity_id" in changed:
        made.data["business_entity_id"] = now["business_entity_id"] or None
    if "parent_customer_id" in changed:
        _read_parent(tx, organisation_id, made, now["parent_customer_id"])
    if customer is None:
        _read_origin(made, now["connector"], now["reference_id"])
    made.blame(faults(tx, organisation_id, made.data, customer))
    _doubt(made, [name for name in ADDRESSES if name in changed])
    return made


def _read_object(made: Reading, name: str, text: str, present: Mapping[str, JSON]) -> None:
    try:
        found = read_object(text)
    except JsonFault as error:
        fault = error.fault
        made.notes[name] = Note("bad", f"Line {fault.line}, column {fault.column}: {fault.reason}.", fault)
        return
    gone = dict.fromkeys(set(present) - set(found))
    made.data[name] = {
        **gone,
        **{k: v for k, v in found.items() if k not in present or not normalise.equal(present[k], v)},
    }


def _read_taxes(made: Reading, rows: Sequence[tuple[str, str]]) -> None:
    numbers: list[JSON] = []
    for row, (kind, number) in enumerate(rows):
        named = kind.upper().replace("(", " ").replace(")", " ").split()
        if not kind.strip() and not number.strip():
            continue
        if len(named) != 2 or not all(each.isascii() and each.isalpha() for each in named):
            made.notes[f"tax-{row}"] = Note("bad", "The kind is a jurisdiction and a code, such as EU VAT.")
        elif not number.strip():
            made.notes[f"tax-{row}"] = Note("bad", "The number is missing.")
        elif ".".join(named) in made.kinds:
            made.notes[f"tax-{row}"] = Note("bad", "A second number of the same kind cannot be kept.")
        else:
            made.kinds[".".join(named)] = row
            numbers.append({"country_code": named[0], "tax_code": named[1], "tax_id": number.strip()})
            checked = taxids.check(named[0], named[1], number.strip())
            if checked.problem:
                made.notes[f"tax-{row}"] = Note("waiting", f"{_sentence(checked.problem)}.")
            elif checked.jurisdiction:
                made.notes[f"tax-{row}"] = Note("good", f"Fits the rules of {checked.jurisdiction}.")
    made.data["tax_info"] = numbers


def _read_parent(tx: Tx, organisation_id: str, made: Reading, text: str) -> None:
    if not text:
        made.data["parent_customer_id"] = None
        return
    try:
        try:
            parent = find(tx, organisation_id, plain_id(text))
        except ValueError:
            parent = find(tx, organisation_id, text)
    except NotFoundError:
        made.notes["parent_customer_id"] = Note("bad", "There is no customer of this number.")
        return
    made.data["parent_customer_id"] = parent.id
    made.notes["parent_customer_id"] = Note("good", str(parent.row["customer_name"])[:200])


def _read_origin(made: Reading, name: str, ref: str) -> None:
    for blank in [each for each, value in made.data.items() if value is None]:
        del made.data[blank]
    if name and ref:
        made.data["connector"] = {"name": name, "reference_id": ref}
    elif name or ref:
        missing = "the record's id there" if name else "the connection"
        made.notes["connector"] = Note("bad", f"Say {missing}, too.")


def _doubt(made: Reading, addresses: Sequence[str]) -> None:
    for name in addresses:
        parts = made.data.get(name)
        if not isinstance(parts, dict) or name in made.notes:
            continue
        found = validity(Address(**{part: str(value) for part, value in parts.items() if value}))
        if found.status is ValidationStatus.VALID:
            country = words.field("country")
            made.notes[name] = Note("good", f"Fits the rules of its {country.lower()}.")
        for each in found.reasons:
            known = each.reason.startswith((MISSING, "is not known")) or found.status.value == "invalid"
            slot = f"{name}-{_INPUTS.get(each.field, each.field)}"
            mark = "waiting" if known else "neutral"
            made.notes.setdefault(slot, Note(mark, f"{_sentence(each.reason)}."))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
