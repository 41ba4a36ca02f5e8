"""Who cannot be deleted: a customer that contracts which run still bill, or count on to pay."""

from __future__ import annotations

from datetime import datetime

from sync.errors import BadInput
from sync.store import contracts
from sync.store.session import Tx


def refuse_while_billed(tx: Tx, organisation_id: str, customer_id: str, at: datetime) -> None:
    """To be asked before a customer is deleted, who is locked: no contract is made for it meanwhile.

    Raises:
        BadInput: it has contracts that run, or pays for some.
    """
    count = contracts.count_running(tx, organisation_id, customer_id, at)
    if count:
        what = "contract that is" if count == 1 else "contracts that are"
        raise BadInput(
            f"The customer has {count} {what} active, paused or disputed, as customer or as payer.",
            cure="End or delete them first, or let another customer pay.",
        )
