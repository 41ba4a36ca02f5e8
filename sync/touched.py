"""What follows from a changed customer, whoever changed it, and how records are asked for again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from connectors.records import FieldValue
from sync.core import normalise
from sync.core.actions import ConflictKind, customer_subject
from sync.store import conflicts, connections, jobs, links, sightings
from sync.store.customers import StoredCustomer
from sync.store.jobs import Wanted
from sync.store.session import Tx
from sync.work import Work


def touch_customers(tx: Tx, customer_ids: Iterable[str], at: datetime, *, but: str | None = None) -> None:
    """What follows from any change of customers.

    Their other links are dirty, a creation that a CRM refused may be tried again, and a push is asked for
    wherever that is so.
    """
    ids = list(customer_ids)
    dirty = links.mark_dirty(tx, ids, at, but=but)
    # A change may bring a customer into the scope of a connection on which it has no record yet.
    dirty |= {
        Wanted(each["id"], "push", jobs.CREATE, organisation_id=each["organisation_id"])
        for each in connections.with_scope(tx, ids)
        if each["id"] != but
    }
    refused = [customer_subject(each) for each in ids]
    jobs.ask_for(tx, dirty | conflicts.supersede(tx, refused, ConflictKind.PUSH_REJECTED, at))


def ask_to_create(tx: Tx, organisation_id: str, *, but: str | None = None) -> None:
    """Ask for customers that are new, or have a new key, to be created in all CRMs, or in all but one."""
    jobs.ask_for(
        tx,
        [
            Wanted(each, "push", jobs.CREATE, organisation_id=organisation_id)
            for each in connections.ids(tx, organisation_id)
            if each != but
        ],
    )


def ask_own_push(tx: Tx, work: Work, *, create: bool = False) -> None:
    """Ask for a push to the CRM at work, unless this run is about to do it itself.

    Args:
        tx: the transaction that leaves something to be pushed.
        work: the run.
        create: customers may be missing in the CRM; otherwise links are dirty.
    """
    if not (work.creates if create else work.pushes):
        jobs.ask(
            tx,
            organisation_id=work.organisation_id,
            connection_id=work.connection_id,
            kind="push",
            keys=[jobs.CREATE if create else ""],
        )


def release_emails(
    tx: Tx, organisation_id: str, changed: Iterable[tuple[StoredCustomer, Mapping[str, FieldValue]]]
) -> None:
    """Look again at the records that wait for an e-mail address which its owner has just given up."""
    freed = {
        customer.row["email_fold"]
        for customer, fields in changed
        if "email" in fields and customer.row["email_fold"]
    }
    if not freed:
        return
    waiting: dict[str, list[str]] = {}
    for row in conflicts.open_on_email(tx, organisation_id):
        wanted = row.conflict().remote.get("email")
        if row.row["ref"] and isinstance(wanted, str) and normalise.email(wanted) in freed:
            waiting.setdefault(row.row["connection_id"], []).append(row.row["ref"])
    for connection_id, refs in waiting.items():
        look_again(tx, organisation_id, connection_id, refs)


def waiting_for(tx: Tx, organisation_id: str, connection_id: str, taken: Collection[str]) -> set[str]:
    """Refs of records that went away, in whose place these were offered: they are somebody's by now."""
    seen = sightings.load(tx, connection_id, taken) if taken else {}
    keys = {normalise.fold(each.external_id) for each in seen.values() if each.external_id}
    return links.frozen_with_keys(tx, organisation_id, connection_id, keys) if keys else set()


def look_again(tx: Tx, organisation_id: str, connection_id: str, refs: Sequence[str]) -> None:
    """Ask for records to be fetched and planned anew, even if the CRM's side has not changed."""
    sightings.forget(tx, connection_id, refs)
    jobs.ask(tx, organisation_id=organisation_id, connection_id=connection_id, kind="fetch", keys=refs)
