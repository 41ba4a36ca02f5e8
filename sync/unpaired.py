"""Decisions on records that stand in no certain pair: link, create, relink, restore, detach."""

from __future__ import annotations

from typing import Any

from connectors.records import FieldValue
from sync import lives
from sync.billed import refuse_while_billed
from sync.clock import new_id
from sync.core import normalise
from sync.core.actions import ConflictKind
from sync.core.match import LinkState, key_pair
from sync.core.scope import KEY
from sync.core.validate import problem
from sync.decisions import Decision, Subject, Take, named, refuse_taken_email, settle_fields
from sync.errors import BadInput, Conflicted
from sync.merged import settle_merged
from sync.store import conflicts, customers, links, sightings
from sync.store.connections import StoredConnection
from sync.store.customers import StoredCustomer
from sync.store.links import StoredLink
from sync.store.schema import customers as customers_table
from sync.store.session import Tx
from sync.touched import look_again, touch_customers


def settle(tx: Tx, connection: StoredConnection, subject: Subject, decision: Decision) -> None:
    """Carry out a decision on a row that is not about fields.

    Raises:
        BadInput: this kind of row cannot be decided that way; the text names the ways there are.
    """
    kind = subject.row.kind
    if kind in (ConflictKind.PUSH_REJECTED, ConflictKind.INVALID_RECORD):
        _quarantined(tx, connection, subject, decision)
    elif kind is ConflictKind.KEY_CHANGED:
        _key_changed(tx, connection, subject, decision)
    elif kind is ConflictKind.REMOTE_DELETED:
        _remote_deleted(tx, connection, subject, decision)
    elif kind is ConflictKind.DELETE_VS_EDIT:
        _deleted_here(tx, connection, subject, decision)
    elif kind is ConflictKind.REMOTE_MERGED:
        settle_merged(tx, connection, subject, decision)
    else:
        _unmatched(tx, connection, subject, decision)


def _wrong_way(subject: Subject, ways: str) -> BadInput:
    return BadInput(f"A row of kind {subject.row.kind.value} can be decided by {ways}.")


def _quarantined(tx: Tx, connection: StoredConnection, subject: Subject, decision: Decision) -> None:
    row = subject.row
    if decision.retry:
        if row.ref is not None:
            look_again(tx, connection.organisation_id, connection.id, [row.ref])
        if subject.link is not None:
            links.mark_dirty(tx, [subject.link.customer_id], subject.at, only=connection.id)
    elif decision.link is not None and row.ref is not None and subject.customer is not None:
        _link(tx, connection, row.ref, decision.link, subject)
    elif not decision.dismiss:
        raise _wrong_way(subject, "--retry or --dismiss; correcting the record closes it by itself")
    elif row.kind is ConflictKind.PUSH_REJECTED and row.remote and subject.link is not None:
        if row.local.get(KEY) == row.ref:
            raise _wrong_way(subject, "--retry; here a customer's external id is its record's own id")
        # Nothing of what was refused is sent again before a side changes; what else changes goes.
        settle_fields(tx, connection.organisation_id, subject, decision)


def _key_changed(tx: Tx, connection: StoredConnection, subject: Subject, decision: Decision) -> None:
    customer, link = _both(subject)
    theirs = normalise.external_id(str(subject.row.remote.get("external_id") or ""))
    if decision.dismiss:
        _set(tx, link, state=LinkState.DETACHED.value, dirty_at=None, dirty_why=None)
        return
    if decision.take is Take.OURS:
        pair = key_pair(customer.row["external_id"], theirs)
        _set(tx, link, accepted_key=pair, dirty_at=subject.at, dirty_why="decision")
        return
    if decision.take is not Take.THEIRS:
        raise _wrong_way(subject, "--take ours, --take theirs or --dismiss")
    _refuse_taken_key(tx, connection, customer, theirs)
    customers.update_many(tx, [(customer, {})], subject.at, keys={customer.id: theirs})
    touch_customers(tx, [customer.id], subject.at)


def _refuse_taken_key(
    tx: Tx, connection: StoredConnection, customer: StoredCustomer, key: str | None
) -> None:
    same = customers_table.c.external_id == key
    others = customers.load(tx, connection.organisation_id, same) if key else []
    if any(other.id != customer.id and other.row["deleted_at"] is None for other in others):
        raise BadInput(f"The external id {key} belongs to another customer.")


def _remote_deleted(tx: Tx, connection: StoredConnection, subject: Subject, decision: Decision) -> None:
    customer, link = _both(subject)
    if decision.link is not None or decision.ref is not None:
        offered = decision.ref or _offered(subject)
        _repoint(tx, connection, customer, link, ref=offered, at=subject.at)
    elif decision.dismiss:
        _set(tx, link, state=LinkState.DETACHED.value)
    elif decision.take is Take.THEIRS:
        refuse_while_billed(tx, connection.organisation_id, customer.id, subject.at)
        lives.delete(tx, connection.organisation_id, [customer], subject.at, actor=subject.actor)
    elif decision.take is Take.OURS or decision.create:
        links.delete(tx, [link.id])  # without a link the customer is made in the CRM again
    else:
        raise _wrong_way(
            subject, "--take theirs (delete here), --take ours (make it again), --ref RECORD or --dismiss"
        )
    if offers := [
        offer for reason in subject.row.reasons if isinstance(offer := reason.get("relink_to"), str)
    ]:
        look_again(tx, connection.organisation_id, connection.id, offers)  # no feed will tell of it again
    # What our writes overwrote in the record that is gone: whoever decides on the whole of it has seen that.
    beside = conflicts.open_rows(tx, connection.id, [subject.row.subject])
    others = [row.id for row in beside if row.id != subject.stored.id]
    conflicts.close(tx, others, conflicts.SUPERSEDED, subject.at)


def _offered(subject: Subject) -> str:
    for reason in subject.row.reasons:
        if isinstance(offer := reason.get("relink_to"), str):
            return offer
    raise BadInput("No other record was offered for this customer; name one with --ref.")


def _deleted_here(tx: Tx, connection: StoredConnection, subject: Subject, decision: Decision) -> None:
    customer = subject.customer
    if customer is None or subject.row.ref is None:
        raise Conflicted("The customer is gone for good.")
    if decision.take is Take.THEIRS or decision.create:
        refuse_taken_email(tx, connection.organisation_id, customer.id, customer.value("email"))
        _refuse_taken_key(tx, connection, customer, customer.row["external_id"])
        lives.restore(tx, connection.organisation_id, [customer.id], subject.at, actor=subject.actor)
        if subject.link is not None:
            _set(tx, subject.link, state=LinkState.ACTIVE.value, dirty_at=subject.at, dirty_why="decision")
        look_again(tx, connection.organisation_id, connection.id, [subject.row.ref])
    elif not (decision.dismiss or decision.take is Take.OURS):
        raise _wrong_way(
            subject, "--take theirs (restore it here), --take ours or --dismiss (leave it deleted)"
        )


def _unmatched(tx: Tx, connection: StoredConnection, subject: Subject, decision: Decision) -> None:
    row = subject.row
    ref = decision.ref or row.ref
    if decision.dismiss:
        if subject.link is not None:
            _set(tx, subject.link, state=LinkState.DETACHED.value)
        return
    if ref is None:
        raise BadInput("Several records share this external id; say which one with --ref.")
    if decision.link is not None:
        _link(tx, connection, ref, decision.link, subject)
    elif decision.create and row.kind is ConflictKind.MISSING_EXTERNAL_ID:
        _create_customer(tx, connection, ref, decision, subject)
    else:
        raise _wrong_way(subject, "--link CUSTOMER [--ref RECORD], --create or --dismiss")


def _link(tx: Tx, connection: StoredConnection, ref: str, customer_id: str, subject: Subject) -> None:
    customer = named(tx, connection.organisation_id, customer_id)
    present = links.load(
        tx, connection.id, links.by_refs([ref]), links.by_customers([customer_id]), lock=True
    )
    other = next((link for link in present if link.ref == ref and link.customer_id != customer_id), None)
    if other is not None and other.row["state"] != LinkState.DETACHED.value:
        raise BadInput("That record is linked to another customer.", cure="Decide that link first.")
    if other is not None:
        links.delete(tx, [other.id])
    own = next((link for link in present if link.customer_id == customer_id), None)
    if own is not None:
        _repoint(tx, connection, customer, own, ref=ref, at=subject.at)
        return
    _make_link(tx, connection, customer, ref, subject)


def _make_link(
    tx: Tx, connection: StoredConnection, customer: StoredCustomer, ref: str, subject: Subject
) -> None:
    row = links.new_row(
        link_id=new_id(),
        organisation_id=connection.organisation_id,
        connection_id=connection.id,
        customer_id=customer.id,
        ref=ref,
        state=LinkState.ACTIVE,
        baseline={},
        map_version=connection.map_version,
        planned_version=0,
        dirty_why="decision",
        observed_at=subject.at,
        at=subject.at,
    )
    row["accepted_key"] = _our_key(tx, connection, customer, ref)
    links.insert_many(tx, [row])
    look_again(tx, connection.organisation_id, connection.id, [ref])


def _create_customer(
    tx: Tx, connection: StoredConnection, ref: str, decision: Decision, subject: Subject
) -> None:
    values: dict[str, FieldValue] = {**subject.row.remote, **decision.values}
    external_id = normalise.external_id(str(values.pop("external_id", None) or ""))
    wrong = {path: why for path, value in values.items() if (why := problem(path, value))}
    if wrong:
        raise BadInput("; ".join(f"{path}: {why}" for path, why in wrong.items()), fields=dict(wrong))
    made = new_id()
    refuse_taken_email(tx, connection.organisation_id, made, values.get("email"))
    customers.insert_many(tx, connection.organisation_id, [(made, external_id, values)], subject.at)
    customer = customers.load(tx, connection.organisation_id, customers.by_ids([made]))[0]
    _make_link(tx, connection, customer, ref, subject)


def _our_key(tx: Tx, connection: StoredConnection, customer: StoredCustomer, ref: str) -> str:
    """A person said that they belong together, so our key goes to the record."""
    seen = sightings.load(tx, connection.id, [ref]).get(ref)
    return key_pair(customer.row["external_id"], seen.external_id if seen else None)


def _repoint(
    tx: Tx, connection: StoredConnection, customer: StoredCustomer, link: StoredLink, *, ref: str, at: Any
) -> None:
    """Point a link to another record; nothing was ever agreed with that one."""
    taken = links.load(tx, connection.id, links.by_refs([ref]), lock=True)
    if any(other.id != link.id for other in taken):
        raise BadInput("That record is linked to another customer.", cure="Decide that link first.")
    _set(
        tx,
        link,
        ref=ref,
        state=LinkState.ACTIVE.value,
        baseline={},
        accepted=None,
        accepted_key=_our_key(tx, connection, customer, ref),
        dirty_at=at,
        dirty_why="decision",
    )
    look_again(tx, connection.organisation_id, connection.id, [ref])


def _both(subject: Subject) -> tuple[StoredCustomer, StoredLink]:
    if subject.customer is None or subject.link is None:
        raise Conflicted("The customer or its link is gone; the row will close itself.")
    return subject.customer, subject.link


def _set(tx: Tx, link: StoredLink, **columns: Any) -> None:
    links.update_many(tx, [(link, columns)])
