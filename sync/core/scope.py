"""Scope: which records a connection syncs, as conditions on canonical fields that must all hold.

Two values that mean the same are the same to a condition, too. A record out of scope keeps its link and its
baseline, and nothing of it moves either way; once it is in scope again, it is compared with its old baseline
like any other. Which side is asked follows from the promises:

- What the CRM has *now* decides about a record that was looked at, linked or not, also at the read-back
  before a push. Were the customer asked, too, an edit here that takes the customer out of scope would never
  land, and both sides would differ in silence.
- What the customer has decides whether it is created in the CRM: there is nothing else to ask.

A record that was deleted or merged has no values left to judge: it is treated like any other.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import StrEnum

from connectors.records import ADDRESS_FIELDS, ADDRESS_PARTS, Address, Fields, FieldValue
from sync.core import normalise
from sync.core.address.countries import country_code

KEY = "external_id"


class Operator(StrEnum):
    """How a field is held against values. A blank field meets `ne` and `not_in`, as it has none of them."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    BLANK = "blank"
    PRESENT = "present"
    STARTS = "starts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition.

    Args:
        field: a canonical path, a part of an address such as `address.country_code`, or `external_id`.
        values: what the field is held against; none for `blank` and `present`.
    """

    field: str
    operator: Operator
    values: tuple[FieldValue, ...] = ()
    wanted: frozenset[Hashable] = dataclass_field(init=False, compare=False, repr=False)
    beginning: str = dataclass_field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        meant = [meaning(self.field, value) for value in self.values]
        object.__setattr__(self, "wanted", frozenset(meant))
        object.__setattr__(self, "beginning", _spelled(self.field, meant[0]) if meant else "")

    def holds(self, fields: Fields) -> bool:
        """Whether a record with these values (`external_id` among them, if it is asked for) meets it."""
        mine = meaning(self.field, value_of(self.field, fields))
        if self.operator is Operator.BLANK:
            return mine is None
        if self.operator is Operator.PRESENT:
            return mine is not None
        if self.operator is Operator.STARTS:
            return mine is not None and _spelled(self.field, mine).startswith(self.beginning)
        return (mine in self.wanted) is (self.operator in (Operator.EQ, Operator.IN))


def in_scope(conditions: Sequence[Condition], fields: Fields, external_id: str | None) -> bool:
    """Whether a record meets all conditions; without any, every record does."""
    if not conditions:
        return True
    known: Mapping[str, FieldValue] = {**fields, KEY: external_id}
    return all(condition.holds(known) for condition in conditions)


def root(field: str) -> str:
    """The canonical path that a condition's field is, or is a part of."""
    path, _, part = field.partition(".")
    return path if path in ADDRESS_FIELDS and part else field


def is_part(field: str) -> bool:
    """Whether a field is a part of an address."""
    path, _, part = field.partition(".")
    return path in ADDRESS_FIELDS and part in ADDRESS_PARTS


def value_of(field: str, fields: Fields) -> FieldValue:
    """The value of a condition's field. The country's code is read from its name where it has none."""
    if not is_part(field):
        return fields.get(field)
    path, _, part = field.partition(".")
    address = fields.get(path)
    parts = address.parts() if isinstance(address, Address) else {}
    if part in ("country", "country_code"):
        other = "country_code" if part == "country" else "country"
        own = parts.get(part)
        return parts.get(other) if normalise.blank(own) else own
    return parts.get(part)


def meaning(field: str, value: FieldValue) -> Hashable:
    """The normal form in which a field's values are compared; None if it is blank."""
    if normalise.blank(value):
        return None
    if field == KEY:
        return normalise.text(str(value))
    if not is_part(field):
        return normalise.normal(field, value)
    text = str(value)
    code = country_code(text) if field.endswith((".country", ".country_code")) else None
    return code or normalise.fold(normalise.text(text))


def _spelled(field: str, value: Hashable) -> str:
    """A normal form as text of which another may be the beginning."""
    text = str(value)
    return "".join(char for char in text if char.isdigit()) if field == "phone_number" else text
