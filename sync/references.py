"""The records that customers name: their business entities and their parents, which must be there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

from sqlalchemy import select

from connectors.records import Fields, FieldValue
from sync.billed import HELD, PARENT, held_to_parents
from sync.clock import plain_id
from sync.errors import BadInput
from sync.store import customers
from sync.store.billtables import business_entities
from sync.store.customers import StoredCustomer
from sync.store.query import one_of
from sync.store.session import Tx

DEEPEST = 20
"""Customers above one another, at most."""
ENTITY = "business_entity_id"
NAMING = (ENTITY, PARENT)


def resolved(
    tx: Tx, organisation_id: str, customer_id: str | None, fields: Fields, *, lock: bool = True
) -> Fields:
    """What one customer names, as it is kept; see `References`."""
    return References(tx, organisation_id, [fields], lock=lock).resolved(customer_id, fields)


def judged(
    tx: Tx,
    organisation_id: str,
    named: Sequence[tuple[StoredCustomer | None, str, str]],
    *,
    lock: bool = True,
) -> list[tuple[str, str]]:
    """What customers name beyond what they name already: for each the id as it is kept, and why it cannot be.

    Args:
        tx: the transaction in which the customers are written.
        organisation_id: whose they are.
        named: who (None for a new customer), in which field, by which id.
        lock: see `References`.
    """
    known = References(tx, organisation_id, [{path: value} for _, path, value in named], lock=lock)
    held = held_to_parents(
        tx, organisation_id, [(customer, {path: value}) for customer, path, value in named if customer]
    )
    found = []
    for customer, path, value in named:
        mine = customer.id if customer else None
        try:
            kept, why = str(known.resolved(mine, {path: value})[path]), ""
        except BadInput as error:
            kept, why = "", str(error.fields[path])
        found.append((kept, HELD if path == PARENT and mine in held else why))
    return found


class References:
    """The records that a batch of customers names, looked up for all of them at once.

    Each customer is judged as if those before it had been written: none may close a ring.
    """

    def __init__(self, tx: Tx, organisation_id: str, batch: Iterable[Fields], *, lock: bool = True) -> None:
        """Look them up.

        Args:
            tx: the transaction in which the customers are written.
            organisation_id: whose they are.
            batch: what each is given.
            lock: those that are named stay until the transaction ends, and no two become each other's parents
                at once.
        """
        self._tx, self._organisation_id = tx, organisation_id
        named = [(_plain(fields.get(ENTITY)), _plain(fields.get(PARENT))) for fields in batch]
        self._entities = self._known({entity for entity, _ in named if entity}, lock=lock)
        self._above: dict[str, str | None] = {}
        self._learn({parent for _, parent in named if parent}, lock=lock)
        self._parents = set(self._above)
        for _ in range(DEEPEST):
            unknown = {each for each in self._above.values() if each and each not in self._above}
            self._learn(unknown)
            self._above |= dict.fromkeys(unknown - self._above.keys())

    def resolved(self, customer_id: str | None, fields: Fields) -> Fields:
        """The fields of a customer with the ids of other records as they are kept.

        Args:
            customer_id: which; None for a new one.
            fields: what it is given.

        Raises:
            BadInput: there is no such record, or the parent would stand below its own child.
        """
        found: dict[str, FieldValue] = dict(fields)
        if isinstance(entity := fields.get(ENTITY), str):
            if (kept := _plain(entity)) not in self._entities:
                raise _refused(ENTITY, "there is no such business entity")
            found[ENTITY] = kept
        if isinstance(parent := fields.get(PARENT), str):
            found[PARENT] = self._parent(customer_id, parent)
        return found

    def _known(self, ids: Collection[str], *, lock: bool) -> set[str]:
        if not ids:
            return set()
        mine = business_entities.c.organisation_id == self._organisation_id
        statement = select(business_entities.c.id).where(mine, one_of(business_entities.c.id, ids))
        if lock:
            statement = statement.with_for_update(read=True, key_share=True)
        return set(self._tx.execute(statement.order_by(business_entities.c.id)).scalars())

    def _learn(self, ids: Collection[str], *, lock: bool = False) -> None:
        if ids:
            for each in customers.load(self._tx, self._organisation_id, customers.by_ids(ids), lock=lock):
                if each.row["deleted_at"] is None:
                    self._above[each.id] = _plain(each.row[PARENT])

    def _parent(self, customer_id: str | None, given: str) -> str:
        above = parent = _plain(given)
        for _ in range(DEEPEST):
            if above is None:
                break
            if above == customer_id:
                raise _refused(PARENT, "stands below this customer")
            above = self._above.get(above)
        else:
            raise _refused(PARENT, f"stands below {DEEPEST} others already")
        if parent not in self._parents:
            raise _refused(PARENT, "there is no such customer")
        if customer_id is not None:
            self._above[customer_id] = parent
        return parent


def _plain(given: FieldValue) -> str | None:
    """The id as it is kept; None where it is none."""
    with suppress(ValueError):
        return plain_id(given) if isinstance(given, str) else None
    return None


def _refused(path: str, why: str) -> BadInput:
    return BadInput(f"The customer cannot be taken: {path}: {why}.", fields={path: why})
