"""What is to become of each row of a page: pure, so that what was shown is what is carried out.

A row goes the way of a CRM's record: matched by its key, held by the address check. It is never guessed which
of two rows is meant, nor whose e-mail address one is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any

import orjson

from connectors.records import ADDRESS_FIELDS, FieldValue, to_json
from sync.core import normalise
from sync.core.address import AddressVerdict, Outcome, check
from sync.core.diff import as_address
from sync.errors import BadInput
from sync.imports.record import Fault, Given
from sync.imports.scene import Read, Scene
from sync.store.customers import StoredCustomer
from sync.store.query import Row
from sync.taking import email_of, refuse_large


class Action(StrEnum):
    """What becomes of a row."""

    CREATE = "create"
    UPDATE = "update"
    CONFLICT = "conflict"  # a question in the queue: nothing of the row is taken until a person decides
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"  # the example row
    REJECTED = "rejected"


EFFECTIVE = frozenset({Action.CREATE, Action.UPDATE, Action.CONFLICT})
DOUBLE = "another row names the same customer, once by its id and once by its external id"
MOVED = "the customer has changed since the plan was shown; import the row again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What is to become of a row.

    Args:
        line: its number.
        action: what becomes of it.
        at: of a rejected row, the field at fault, empty for the row as a whole; `reason` why.
        customer: that it means; None for a new one.
        external_id: of a new one.
        fields: the new values; of a conflict those that differ.
        verdict: of a conflict, what the address check found.
    """

    line: int
    action: Action
    at: str = ""
    reason: str = ""
    customer: StoredCustomer | None = None
    external_id: str | None = None
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    verdict: AddressVerdict | None = None

    def effect(self) -> bytes:
        """A digest of what it does: the values before and after, and whose they are."""
        before = self.customer
        body: dict[str, Any] = {
            "customer": before.id if before else None,
            "key": self.external_id,
            "fields": {
                path: [to_json(before.value(path)) if before else None, to_json(value)]
                for path, value in self.fields.items()
            },
        }
        text = orjson.dumps([self.action, body], option=orjson.OPT_SORT_KEYS)
        return blake2b(text, digest_size=16).digest()


def rule(scene: Scene) -> list[Ruling]:
    """Decide on every row of a page."""
    return _by_final_owners(scene, [_one(scene, each) for each in scene.rows])


def _one(scene: Scene, each: Read) -> Ruling:
    line, given = each.row["line"], each.given
    if isinstance(given, Fault):
        return _rejected(line, given)
    if given.example:
        return Ruling(line=line, action=Action.SKIPPED, reason="is the example row of the sample file")
    fault = _alike(scene, each.row) or _misnamed(each, given)
    if fault is not None:
        return _rejected(line, fault)
    fields = dict(given.fields)
    for path in [path for path in fields if (line, path) in scene.named]:
        found = scene.named[line, path]
        if isinstance(found, Fault):
            return _rejected(line, found)
        fields[path] = found
    return _update(each, each.customer, fields) if each.customer else _create(line, given, fields)


def _rejected(line: int, fault: Fault) -> Ruling:
    return Ruling(line=line, action=Action.REJECTED, at=fault.field, reason=fault.reason)


def _alike(scene: Scene, row: Row) -> Fault | None:
    """Rows of one key, or of one e-mail address: the same row twice is taken once, others not at all."""
    group = scene.keys.get(row["key"])
    if group is not None:
        other = group["first"] if group["first"] != row["line"] else group["last"]
        if group["kinds"] > 1:
            return Fault("external_id", f"line {other} is of the same customer, with other values")
        if group["first"] != row["line"]:
            return Fault("", f"is the same as line {other}")
    group = scene.emails.get(row["email_fold"] or "")
    if group is not None and group["kinds"] > 1:
        other = group["first"] if group["first"] != row["line"] else group["last"]
        return Fault("email", f"line {other} has the same e-mail address")
    return None


def _misnamed(each: Read, given: Given) -> Fault | None:
    if given.id and each.customer is None:
        return Fault("id", "there is no customer of this id")
    if each.near:
        return Fault("external_id", "differs only in case from that of another customer")
    if given.id and each.customer and given.external_id not in (None, each.customer.row["external_id"]):
        return Fault("external_id", "is not that of the customer of this id")
    return None


def _create(line: int, given: Given, fields: Mapping[str, FieldValue]) -> Ruling:
    values = {path: value for path, value in fields.items() if not normalise.blank(value)}
    if "customer_name" not in values:
        return _rejected(line, Fault("customer_name", "is required for a new customer"))
    made = Ruling(line=line, action=Action.CREATE, external_id=given.external_id, fields=values)
    return _within_bounds(made, None)


def _update(each: Read, customer: StoredCustomer, fields: Mapping[str, FieldValue]) -> Ruling:
    line = each.row["line"]
    news = {
        path: value
        for path, value in fields.items()
        if path in ADDRESS_FIELDS or not normalise.same(path, customer.value(path), value)
    }
    if "business_entity_id" in news and customer.value("business_entity_id"):
        return _rejected(line, Fault("business_entity", "cannot be changed once it is set"))
    held: AddressVerdict | None = None
    for path in sorted(ADDRESS_FIELDS & news.keys()):
        verdict = check(as_address(customer.value(path)), as_address(news[path]))
        if verdict.outcome is Outcome.MISMATCH:
            held = verdict if path == "address" else held
        elif verdict.outcome is not Outcome.ONE_SIDED and verdict.richer != "remote":
            del news[path]  # the same place, in another spelling or with less of it
    action = Action.CONFLICT if held else Action.UPDATE if news else Action.UNCHANGED
    made = Ruling(line=line, action=action, customer=customer, fields=news, verdict=held)
    return _within_bounds(made, customer)


def _within_bounds(ruling: Ruling, customer: StoredCustomer | None) -> Ruling:
    try:
        refuse_large(ruling.fields, customer.row if customer else None)
    except BadInput as error:
        name, why = next(iter(error.fields.items()))
        return _rejected(ruling.line, Fault(name, str(why)))
    return ruling


def _by_final_owners(scene: Scene, rulings: Sequence[Ruling]) -> list[Ruling]:
    """Reject rows whose e-mail address is, or stays, another's: two that swap theirs are no clash."""
    settled = {each.line: each for each in rulings}
    while True:
        moving = {
            each.customer.id
            for each in settled.values()
            if each.customer and each.action is Action.UPDATE and "email" in each.fields
        }
        final = {address: owner for address, owner in scene.owners.items() if owner not in moving}
        losers = [
            each
            for each in settled.values()
            if each.action in (Action.CREATE, Action.UPDATE)
            and (address := email_of(each.fields))
            and final.setdefault(address, _owner(each)) != _owner(each)
        ]
        if not losers:
            return list(settled.values())
        for each in losers:
            settled[each.line] = _rejected(each.line, Fault("email", "belongs to another customer"))


def _owner(ruling: Ruling) -> str:
    return ruling.customer.id if ruling.customer else f"line {ruling.line}"
