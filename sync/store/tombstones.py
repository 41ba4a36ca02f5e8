"""What is left of an erased customer: an empty row with a digest of its external id, and its links.

Of a link nothing is left but the CRM's own id of the record. Both keep the records from coming back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import func, update

from sync.core import normalise
from sync.core.match import LinkState
from sync.store.query import one_of
from sync.store.schema import customers, links, tax_ids
from sync.store.session import Tx

ERASED = "(erased)"
"""Stands where a text must stand."""


def grave(organisation_id: str, folded: str) -> str:
    """What stands for a folded external id that nobody is to read any more; another in each organisation."""
    text = organisation_id + "\n" + folded
    return f"erased:{sha256(text.encode()).hexdigest()}"


def by_keys(organisation_id: str, external_ids: Iterable[str]) -> Any:
    """Condition: has one of these external ids but for its case, or had one before it was erased."""
    folded = {normalise.fold(each) for each in external_ids}
    return one_of(customers.c.external_fold, folded | {grave(organisation_id, each) for each in folded})


def bury(tx: Tx, organisation_id: str, customer_id: str, folded: str | None, at: datetime) -> int:
    """Empty a locked customer and its links; how many tax numbers went."""
    tx.execute(
        update(customers)
        .where(customers.c.id == customer_id)
        .values(
            external_id=None,
            external_fold=grave(organisation_id, folded) if folded else customers.c.external_fold,
            customer_name=ERASED,
            **dict.fromkeys(
                (
                    *("email", "email_fold", "phone_number", "address", "ship_to_address"),
                    *("custom_data", "custom_attributes", "business_entity_id", "parent_customer_id"),
                )
            ),
            communications_enabled=False,
            auto_charge_enabled=False,
            version=customers.c.version + 1,
            updated_at=at,
            deleted_at=func.coalesce(customers.c.deleted_at, at),
            erased_at=at,
        )
    )
    tx.execute(
        update(links)
        .where(links.c.customer_id == customer_id)
        .values(
            state=LinkState.DETACHED.value,
            **dict.fromkeys(
                ("baseline", "accepted", "accepted_key", "written_back", "doubted", "dirty_at", "dirty_why")
            ),
        )
    )
    return tx.execute(tax_ids.delete().where(tax_ids.c.customer_id == customer_id)).rowcount
