"""The life of customers here: deleted and restored, with all that follows, whoever decides on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from connectors.records import JSON
from sync.store import audit, conflicts, customers, links
from sync.store import undo as store
from sync.store.customers import StoredCustomer
from sync.store.session import Tx
from sync.touched import ask_to_create, look_again, release_emails


def delete(
    tx: Tx, organisation_id: str, gone: Sequence[StoredCustomer], at: datetime, *, actor: str | None = None
) -> None:
    """Delete locked customers here; their records in CRMs stay as they are.

    Their links are detached, and keep the state that they had. What was asked about them is asked no more.

    Args:
        tx: the transaction.
        organisation_id: whose they are.
        gone: the customers. Whether contracts bill them was asked before.
        at: now.
        actor: the person who deletes them; None where a run tells of it.
    """
    ids = [each.id for each in gone]
    customers.soft_delete(tx, ids, at)
    links.part(tx, ids)
    asked = store.open_about(tx, customer_ids=ids, refs=[])
    conflicts.close(tx, [row["id"] for row in asked], conflicts.SUPERSEDED, at)
    # An edit in a CRM that waited in a question came with no agreement: it is asked of anew.
    _look(tx, organisation_id, ((row["connection_id"], row["ref"]) for row in asked if row["ref"]))
    release_emails(tx, organisation_id, [(each, {"email": None}) for each in gone])
    _note(tx, organisation_id, ids, actor, "customer.deleted")


def restore(
    tx: Tx, organisation_id: str, ids: Sequence[str], at: datetime, *, actor: str | None = None
) -> None:
    """Bring deleted customers back with the links that they had; edits missed in the meantime are looked for.

    Args:
        tx: the transaction.
        organisation_id: whose they are.
        ids: theirs. Whether others have their external ids and e-mail addresses by now was asked before.
        at: now.
        actor: the person who restores them; None where a run tells of it.
    """
    store.undelete(tx, ids, at)
    _look(tx, organisation_id, links.rejoin(tx, ids))
    ask_to_create(tx, organisation_id)
    _note(tx, organisation_id, ids, actor, "customer.restored")


def _look(tx: Tx, organisation_id: str, records: Iterable[tuple[str, str]]) -> None:
    wanted: dict[str, set[str]] = {}
    for connection_id, ref in records:
        wanted.setdefault(connection_id, set()).add(ref)
    for connection_id, refs in sorted(wanted.items()):
        look_again(tx, organisation_id, connection_id, sorted(refs))


def _note(tx: Tx, organisation_id: str, ids: Sequence[str], actor: str | None, action: str) -> None:
    if actor is not None:
        deeds: list[tuple[str, str, dict[str, JSON]]] = [
            (organisation_id, each, {"fields": {}}) for each in ids
        ]
        audit.write_many(tx, deeds, actor=actor, action=action)
