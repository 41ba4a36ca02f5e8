"""From a form to a decision: which button was pressed, and which value was chosen for each field."""

from __future__ import annotations

from connectors.records import ADDRESS_FIELDS, ADDRESS_PARTS, Address, FieldValue
from sync.clock import plain_id
from sync.core.actions import Conflict
from sync.customers import find as find_customer
from sync.decisions import Decision, Take
from sync.errors import BadInput, NotFoundError
from sync.store.session import Tx
from web.pages.visit import Visit

WAYS = ("ours", "theirs", "fields", "link", "create", "relink", "dismiss", "retry")


def read(tx: Tx, asked: Visit, row: Conflict) -> Decision:
    """The decision of a form on one question.

    Raises:
        BadInput: it is none, or a value cannot be taken.
    """
    way = asked.given("way")
    if way in ("ours", "theirs"):
        return Decision(take=Take(way))
    if way == "fields":
        return Decision(values=_values(asked, row))
    if way == "link":
        ref = asked.given("ref").strip()
        return Decision(link=_customer(tx, asked, asked.given("customer")), ref=ref or None)
    if way == "relink":
        return Decision(ref=asked.given("ref").strip() or None)
    if way in ("create", "dismiss", "retry"):
        return Decision(create=way == "create", dismiss=way == "dismiss", retry=way == "retry")
    raise BadInput("Say what is to become of it.")


def simple(asked: Visit) -> Decision:
    """The decision of a form on many questions.

    Raises:
        BadInput: it is none that holds for many.
    """
    way = asked.given("way")
    if way in ("ours", "theirs"):
        return Decision(take=Take(way))
    if way in ("dismiss", "retry", "create"):
        return Decision(create=way == "create", dismiss=way == "dismiss", retry=way == "retry")
    raise BadInput("Say what is to become of them.")


def _customer(tx: Tx, asked: Visit, name: str) -> str:
    name = name.strip()
    if not name:
        raise BadInput("Say which customer.", fields={"customer": "is missing"})
    try:
        known = plain_id(name)
    except ValueError:
        known = name
    try:
        return find_customer(tx, asked.caller.organisation_id, known).id
    except NotFoundError:
        why = "there is no customer of this number"
        raise BadInput(f"This customer cannot be taken: {why}.", fields={"customer": why}) from None


def _values(asked: Visit, row: Conflict) -> dict[str, FieldValue]:
    """Each field as it was chosen: one of the sides, or what was typed."""
    values: dict[str, FieldValue] = {}
    for path in dict.fromkeys((*row.local, *row.remote)):
        side = asked.given(f"side:{path}")
        if side == "theirs":
            values[path] = row.remote.get(path)
        elif side == "edit":
            values[path] = _typed(asked, path)
        else:
            values[path] = row.local.get(path)
    return values


def _typed(asked: Visit, path: str) -> FieldValue:
    if path in ADDRESS_FIELDS:
        parts = {part: asked.given(f"edit:{path}.{part}").strip() for part in ADDRESS_PARTS}
        return Address(**{part: value for part, value in parts.items() if value}) or None
    text = asked.given(f"edit:{path}").strip()
    return text or None
