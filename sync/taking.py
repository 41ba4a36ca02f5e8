"""What keeps a customer's values from being taken: those of others, and their size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy.exc import IntegrityError

from connectors.records import JSON, Fields
from sync.core import normalise
from sync.errors import BadInput, Taken
from sync.store import customers
from sync.store.query import Row
from sync.store.schema import customers as table
from sync.store.session import Tx

LARGEST = 65_536
"""Bytes of `custom_data`, and of `custom_attributes`, as JSON."""


def email_of(fields: Fields) -> str | None:
    """The e-mail address among the fields, as addresses are compared; None if there is none."""
    value = fields.get("email")
    return normalise.email(value) if isinstance(value, str) and value.strip() else None


def refuse_taken(
    tx: Tx, organisation_id: str, external_id: str | None, fields: Fields, *, but: str | None = None
) -> None:
    """Refuse an external id or e-mail address of a customer other than `but`.

    Raises:
        Taken: names the field and the owner.
    """
    wrong: dict[str, JSON] = {}
    if external_id:
        for other in customers.load(tx, organisation_id, table.c.external_id == external_id):
            if other.id != but and other.row["deleted_at"] is None:
                wrong["external_id"] = f"belongs to another customer ({other.id[:12]})"
    address = email_of(fields)
    if address:
        owner = customers.email_owners(tx, organisation_id, [address]).get(address)
        if owner not in (None, but):
            wrong["email"] = f"belongs to another customer ({str(owner)[:12]})"
    if wrong:
        text = "; ".join(f"{name}: {why}" for name, why in wrong.items())
        raise Taken(f"The customer cannot be taken: {text}.", fields=wrong)


@contextmanager
def one_of_two(tx: Tx, check: Callable[[], None]) -> Iterator[None]:
    """Write what must be unique. Of two who do so at once, the second is refused as if it had come later.

    Args:
        tx: the transaction, which goes on.
        check: raises what the second is told, once the first can be seen.
    """
    try:
        with tx.begin_nested():
            yield
    except IntegrityError:
        check()
        raise


def refuse_large(fields: Fields, present: Row | None = None) -> None:
    """Refuse `custom_data` and `custom_attributes` that would grow beyond bounds.

    Raises:
        BadInput: names the field.
    """
    for column in ("custom_data", "custom_attributes"):
        given = {path: value for path, value in fields.items() if path.startswith(f"{column}.")}
        if not given:
            continue
        before: Mapping[str, Any] = (present[column] if present else None) or {}
        merged = {**{f"{column}.{name}": value for name, value in before.items()}, **given}
        if len(orjson.dumps(merged)) > LARGEST:
            why = f"is larger than {LARGEST:,} bytes"
            raise BadInput(f"The customer cannot be taken: {column}: {why}.", fields={column: why})
