"""The decision on two linked records that were merged in the CRM: which customer lives on there."""

from __future__ import annotations

from typing import Any

from sync.core.departed import named_in
from sync.core.match import LinkState
from sync.decisions import Decision, Subject, named
from sync.errors import BadInput, Conflicted
from sync.store import links
from sync.store.connections import StoredConnection
from sync.store.links import StoredLink
from sync.store.session import Tx
from sync.touched import look_again


def settle_merged(tx: Tx, connection: StoredConnection, subject: Subject, decision: Decision) -> None:
    """Give the record that is left to the named customer; the other one stays here, without a record.

    Raises:
        BadInput: the customer is none of the two, or deleted, or the decision is of another kind.
        Conflicted: one of the links is gone.
    """
    row = subject.row
    theirs = named_in(row.reasons, "customers")
    frozen = {
        link.customer_id: link
        for link in links.load(tx, connection.id, links.by_customers(sorted(theirs)), lock=True)
    }
    if row.ref is None or theirs - frozen.keys():
        raise Conflicted("One of the links is gone; the row will close itself.")
    if decision.dismiss:
        _detach(tx, list(frozen.values()))
        return
    if decision.link is None:
        raise BadInput("A row of kind remote_merged can be decided by --link CUSTOMER or --dismiss.")
    if decision.link not in frozen:
        raise BadInput(
            "Only the customers of the merged records can be named.", fields={"link": "not of them"}
        )
    if decision.ref not in (None, row.ref):
        raise BadInput(f"After the merge there is one record, {row.ref}.", fields={"ref": "was merged away"})
    named(tx, connection.organisation_id, decision.link)
    mine = frozen.pop(decision.link)
    _detach(tx, list(frozen.values()))
    _give(tx, mine, row.ref, next((each for each in frozen.values() if each.ref == row.ref), None))
    links.mark_dirty(tx, [mine.customer_id], subject.at, why="decision", only=connection.id)
    look_again(tx, connection.organisation_id, connection.id, [row.ref])


def _give(tx: Tx, link: StoredLink, ref: str, holder: StoredLink | None) -> None:
    """Point a link to the record that is left; who holds it takes the other one's ref in exchange.

    Nothing was agreed with that record: what differs from it is asked about.
    """
    if holder is not None:
        links.update_many(tx, [(holder, {"ref": f"exchanged {holder.id}"})])
    fresh: dict[str, Any] = {} if link.ref == ref else {"baseline": {}, "accepted": None}
    links.update_many(tx, [(link, {"ref": ref, "state": LinkState.ACTIVE.value, **fresh})])
    if holder is not None:
        links.update_many(tx, [(holder, {"ref": link.ref, "state": LinkState.DETACHED.value})])


def _detach(tx: Tx, found: list[StoredLink]) -> None:
    gone = {"state": LinkState.DETACHED.value, "dirty_at": None, "dirty_why": None}
    links.update_many(tx, [(link, gone) for link in found])
