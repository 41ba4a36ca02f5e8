"""The records that a customer names: its business entity and its parent, which must be there."""

from __future__ import annotations

from contextlib import suppress

from connectors.records import Fields, FieldValue
from sync.billing import refused
from sync.clock import plain_id
from sync.entities import require
from sync.store import customers
from sync.store.schema import customers as table
from sync.store.session import Tx

DEEPEST = 20
"""Customers above one another, at most."""


def resolved(tx: Tx, organisation_id: str, customer_id: str | None, fields: Fields) -> Fields:
    """The fields of a customer with the ids of other records as they are kept.

    Args:
        tx: the transaction in which the customer is written; those that it names stay until it ends.
        organisation_id: whose it is.
        customer_id: which; None for a new one.
        fields: what it is given.

    Raises:
        BadInput: there is no such record, or the parent would stand below its own child.
    """
    found: dict[str, FieldValue] = dict(fields)
    if isinstance(entity := fields.get("business_entity_id"), str):
        found["business_entity_id"] = require(tx, organisation_id, entity)
    if isinstance(parent := fields.get("parent_customer_id"), str):
        found["parent_customer_id"] = _parent(tx, organisation_id, customer_id, parent)
    return found


def _parent(tx: Tx, organisation_id: str, customer_id: str | None, given: str) -> str:
    parent = above = None
    with suppress(ValueError):
        parent = above = plain_id(given)
    for _ in range(DEEPEST):
        if above is None:
            break
        if above == customer_id:
            raise refused("customer", {"parent_customer_id": "stands below this customer"})
        # Locked, so that two that become each other's parents at once do not both pass.
        held = customers.load(tx, organisation_id, table.c.id == above, lock=above == parent)
        row = held[0].row if held and held[0].row["deleted_at"] is None else None
        if row is None and above == parent:
            parent = None
        above = row["parent_customer_id"] if row is not None else None
    else:
        raise refused("customer", {"parent_customer_id": f"stands below {DEEPEST} others already"})
    if parent is None:
        raise refused("customer", {"parent_customer_id": "there is no such customer"})
    return parent
