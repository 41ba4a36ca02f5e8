"""What a person's decision on a row of the queue changes: the customer, the link, and nothing else.

A decision is *local := choice, baseline := (theirs, theirs)*. The ordinary table then reads "local changed,
CRM unchanged" and pushes, or "equal" and stops: there is no second path to the CRM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from connectors.records import ADDRESS_FIELDS, JSON, Fields, FieldValue, to_json
from sync.core import normalise
from sync.core.actions import Conflict, ConflictKind
from sync.core.diff import Baseline, Pair
from sync.core.landing import merged
from sync.core.match import EVERY, LinkState
from sync.core.reconcile import accepted_pair
from sync.core.scope import KEY
from sync.core.validate import problem
from sync.errors import BadInput, Conflicted
from sync.store import customers, intents, links
from sync.store.baselines import pack_pairs, unpack_pairs
from sync.store.conflicts import StoredConflict
from sync.store.customers import StoredCustomer
from sync.store.links import StoredLink
from sync.store.runs import AppliedChange
from sync.store.session import Tx
from sync.touched import release_emails, touch_customers

FIELD_KINDS = frozenset(
    {
        ConflictKind.ADDRESS_MISMATCH,
        ConflictKind.ADDRESS_INVALID,
        ConflictKind.FIELD_CONFLICT,
        ConflictKind.EMAIL_TAKEN,
        ConflictKind.IMMUTABLE_FIELD,
    }
)


class Take(StrEnum):
    """Whose values are taken."""

    THEIRS = "theirs"
    OURS = "ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person decided; exactly one of these.

    Args:
        take: whose values, for every field of the row.
        values: a value per field; fields that are not named are ours.
        link: join the record to this customer (id), and `ref` says which record where there are several.
        create: make a customer of the record, or a record of the customer.
        dismiss: keep both as they are.
        retry: try again what failed.
    """

    take: Take | None = None
    values: Fields = field(default_factory=dict)
    link: str | None = None
    ref: str | None = None
    create: bool = False
    dismiss: bool = False
    retry: bool = False

    def as_json(self) -> dict[str, JSON]:
        """What is kept of it on the row."""
        chosen: dict[str, JSON] = {}
        if self.take is not None:
            chosen["take"] = self.take.value
        if self.values:
            chosen["fields"] = [*sorted(self.values)]
        if self.link is not None:
            chosen["link"] = self.link
        for name in ("create", "dismiss", "retry"):
            if getattr(self, name):
                chosen[name] = True
        return chosen


@dataclass(frozen=True, slots=True)
class Subject:
    """The row with the customer and the link that it speaks of, locked."""

    stored: StoredConflict
    row: Conflict
    customer: StoredCustomer | None
    link: StoredLink | None
    at: datetime
    actor: str = ""


def choose(subject: Subject, decision: Decision) -> dict[str, FieldValue]:
    """The value that each field of the row is to have here.

    Raises:
        BadInput: a value is wrong for its field, or the field cannot take theirs.
    """
    row = subject.row
    paths = list(dict.fromkeys((*row.local, *row.remote)))
    unknown = sorted(set(decision.values) - set(paths))
    if unknown:
        raise BadInput(f"This row is not about {', '.join(unknown)}; it is about {', '.join(paths)}.")
    chosen: dict[str, FieldValue] = {}
    for path in paths:
        if path in decision.values:
            chosen[path] = decision.values[path]
        else:
            chosen[path] = _taken(row, path, decision.take, alone=len(paths) == 1)
        same = normalise.identical(path, chosen[path], row.local.get(path))
        if not same and (why := problem(path, chosen[path])):
            raise BadInput(f"{path}: {why}.", fields={path: why})
        if not same and row.kind is ConflictKind.IMMUTABLE_FIELD:
            raise BadInput(f"{path} cannot change once it is set; take ours, or dismiss.")
    return chosen


def _taken(row: Conflict, path: str, take: Take | None, *, alone: bool) -> FieldValue:
    """The value of the side that was taken. Beside other fields a mere blank wins over no value."""
    taken, other = row.local.get(path), row.remote.get(path)
    if take is Take.THEIRS:
        taken, other = other, taken
    fills = not alone and path != "address" and normalise.blank(taken)
    return other if fills else taken


def check_fresh(tx: Tx, subject: Subject) -> None:
    """Refuse a decision on values that are no longer so.

    Raises:
        Conflicted: the customer has changed since the row was written, or is being written to the CRM.
    """
    customer, row = subject.customer, subject.row
    if customer is None:
        return
    moved = [
        path
        for path, value in row.local.items()
        if not normalise.identical(path, value, customer.value(path))
    ]
    if moved:
        links.mark_dirty(tx, [customer.id], subject.at, only=subject.stored.row["connection_id"])
        raise Conflicted(
            f"{', '.join(moved)} changed here since the row was made; nothing was decided.",
            cure="Sync once more and look at the fresh values.",
        )
    busy = intents.load(tx, subject.stored.row["connection_id"], intents.by_customers([customer.id]))
    if busy:
        raise Conflicted(
            "This customer is being written to the CRM just now; nothing was decided.",
            cure="Try again in a moment.",
        )


def settle_fields(tx: Tx, organisation_id: str, subject: Subject, decision: Decision) -> AppliedChange:
    """Carry out a decision on fields: take, edit or dismiss. Returns it with all that it replaced."""
    customer, link, row = subject.customer, subject.link, subject.row
    if customer is None or link is None:
        raise Conflicted("The customer or its link is gone; the row will close itself.")
    chosen = dict(row.local) if decision.dismiss else choose(subject, decision)
    keyed = chosen.pop(KEY, None) is not None
    news = {
        path: value
        for path, value in chosen.items()
        if not normalise.identical(path, value, customer.value(path))
    }
    refuse_taken_email(tx, organisation_id, customer.id, news.get("email"))
    pairs: dict[str, Pair] = {}
    for path in chosen:
        theirs = row.landed.get(path, row.remote.get(path))
        pairs[path] = (row.local.get(path) if decision.dismiss else theirs, theirs)
    columns: dict[str, Any] = {
        "baseline": pack_pairs(merged(unpack_pairs(link.row["baseline"]), pairs)),
        "dirty_at": subject.at,
        "dirty_why": "decision",
        "written_back": _without(link.row["written_back"], chosen),
    }
    if link.row["doubted"]:  # of the others nobody has decided yet
        columns["doubted"] = _doubted_but(link.row["doubted"], chosen)
    if link.row["state"] == LinkState.HELD.value:
        columns["state"] = LinkState.ACTIVE.value
    if keyed:  # ours is not sent again: which of the two stands is asked anew
        columns["accepted_key"] = None
    # Addresses pass the check from now on, and a blank that was chosen goes out whatever the rule for blanks.
    accepted = {
        path: accepted_pair(value, pairs[path][1])
        for path, value in chosen.items()
        if path in ADDRESS_FIELDS or normalise.blank(value)
    }
    if accepted:
        columns["accepted"] = {**(link.row["accepted"] or {}), **accepted}
    if news:
        customers.update_many(tx, [(customer, news)], subject.at, keys={})
        touch_customers(tx, [customer.id], subject.at, but=link.row["connection_id"])
        release_emails(tx, organisation_id, [(customer, news)])
    links.update_many(tx, [(link, columns)])
    if "address" in chosen and not decision.dismiss:
        accept_elsewhere(tx, customer, chosen["address"], subject.at, but=link.id)
    return _as_change(customer, link, chosen, pairs, columns)


def _as_change(
    customer: StoredCustomer, link: StoredLink, chosen: Fields, pairs: Baseline, columns: Mapping[str, Any]
) -> AppliedChange:
    """A decision as it is kept: pairs of what was and what became of fields, link and accepted addresses."""
    known, accepted = link.row["baseline"] or {}, link.row["accepted"] or {}
    news = columns.get("accepted", accepted)
    state: str = link.row["state"]
    return AppliedChange(
        side="local",
        action="decide",
        customer_id=customer.id,
        link_id=link.id,
        ref=link.ref,
        fields={path: [to_json(customer.value(path)), to_json(value)] for path, value in chosen.items()},
        before_baseline={path: pair for path, pair in known.items() if path in chosen},
        details={
            "theirs": {path: to_json(pair[1]) for path, pair in pairs.items()},
            "pairs": pack_pairs(pairs),
            "accepted": [
                {path: pair for path, pair in each.items() if path in chosen} for each in (accepted, news)
            ],
            "link": [state, columns.get("state", state)],
        },
    )


def _doubted_but(doubted: Sequence[str], chosen: Fields) -> list[str] | None:
    if EVERY in doubted:
        return sorted({*doubted, *chosen})
    return [path for path in doubted if path not in chosen] or None


def _without(stamps: Mapping[str, Any] | None, chosen: Fields) -> dict[str, Any] | None:
    """A person has decided: what the CRM did to the field before no longer counts against it."""
    return {path: times for path, times in (stamps or {}).items() if path not in chosen} or None


def named(tx: Tx, organisation_id: str, customer_id: str) -> StoredCustomer:
    """The customer whom a decision names, locked.

    Raises:
        BadInput: there is none, or it is deleted: no record is joined to it.
    """
    found = customers.load(tx, organisation_id, customers.by_ids([customer_id]), lock=True)
    if not found or found[0].row["deleted_at"] is not None:
        raise BadInput("There is no such customer.", cure="See them with: concord customers list")
    return found[0]


def refuse_taken_email(tx: Tx, organisation_id: str, customer_id: str, value: FieldValue) -> None:
    """Refuse to give a customer an address that another one has.

    Raises:
        BadInput: names the other customer.
    """
    if not isinstance(value, str) or not value.strip():
        return
    folded = normalise.email(value)
    owner = customers.email_owners(tx, organisation_id, [folded]).get(folded)
    if owner not in (None, customer_id):
        raise BadInput(
            f"email: belongs to another customer ({str(owner)[:12]}).",
            cure="Change that customer first, or set another address.",
        )


def accept_elsewhere(
    tx: Tx, customer: StoredCustomer, address: FieldValue, at: datetime, *, but: str | None = None
) -> None:
    """One edit, one decision: a CRM that still has what was last agreed there takes it without asking."""
    others = []
    for link in _links_elsewhere(tx, customer, but):
        pair = (unpack_pairs(link.row["baseline"]) or {}).get("address")
        if pair is not None:
            accepted = {**(link.row["accepted"] or {}), "address": accepted_pair(address, pair[1])}
            columns = {"accepted": accepted, "dirty_at": at, "dirty_why": "decision"}
            others.append((link, columns))
    links.update_many(tx, others)


def _links_elsewhere(tx: Tx, customer: StoredCustomer, but: str | None) -> list[StoredLink]:
    living = (LinkState.ACTIVE.value, LinkState.HELD.value)
    return [
        link for link in links.of_customer(tx, customer.id) if link.id != but and link.row["state"] in living
    ]
