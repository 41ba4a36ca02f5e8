"""What contracts that run keep as it is: the customers whom they bill, or count on to pay."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from connectors.records import Fields, FieldValue
from sync.errors import BadInput
from sync.store import contracts
from sync.store.customers import StoredCustomer
from sync.store.query import now
from sync.store.session import Tx

PARENT = "parent_customer_id"
HELD = "cannot be changed while contracts that run bill the parent customer"


def refuse_while_billed(tx: Tx, organisation_id: str, customer_id: str, at: datetime) -> None:
    """To be asked before a customer is deleted, who is locked: no contract is made for it meanwhile.

    Raises:
        BadInput: it has contracts that run, or pays for some, as payer or as parent.
    """
    count = contracts.count_running(tx, organisation_id, customer_id, at)
    if count:
        what = "contract that is" if count == 1 else "contracts that are"
        raise BadInput(
            f"The customer has {count} {what} active, paused or disputed, as customer, payer or parent.",
            cure="End or delete them first, or let another customer pay.",
        )


def refuse_another_parent(tx: Tx, organisation_id: str, customer: StoredCustomer, fields: Fields) -> None:
    """To be asked before the fields of a locked customer are written.

    Raises:
        BadInput: its parent would change, or go, while contracts bill it.
    """
    if held_to_parents(tx, organisation_id, [(customer, fields)]):
        raise BadInput(f"{PARENT}: {HELD}.", fields={PARENT: HELD})


def held_to_parents(
    tx: Tx, organisation_id: str, changes: Iterable[tuple[StoredCustomer, Fields]]
) -> set[str]:
    """The ids of those customers whose parent would change, or go, while contracts bill it."""
    moved = [customer.id for customer, fields in changes if _moves(customer, fields)]
    return contracts.held_to_parents(tx, organisation_id, moved, now(tx)) if moved else set()


def _moves(customer: StoredCustomer, fields: Fields) -> bool:
    present = _plain(customer.value(PARENT))
    return present is not None and present != _plain(fields.get(PARENT, present))


def _plain(name: FieldValue) -> str | None:
    return str(name).replace("-", "").lower() if name else None
