"""The plan of a CRM record that is gone: deleted, archived, or merged into another.

Deletes are never propagated to billing: they freeze the link and propose. A merge moves the link to the
winner by itself only if that is certain. A value that our write overwrote unseen stays asked about: no look
at the CRM would find it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.records import JSON
from sync.core.actions import AdjustLink, Conflict, ConflictKind, RecordPlan, subject_of
from sync.core.match import CustomerView, LinkState, LinkView
from sync.core.quarantine import overwritten


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A CRM record that is no longer there.

    Args:
        ref: its id.
        link: its link, if it had one, and `customer` the linked customer.
        merged_into: the winner's id, if it was merged.
        winner_link: the winner's own link on this connection, with `winner_customer`.
        heirs: refs of live records with the customer's external id that are no customer's yet: what was
            offered in its place is offered still if it is one of them.
    """

    ref: str
    link: LinkView | None = None
    customer: CustomerView | None = None
    merged_into: str | None = None
    winner_link: LinkView | None = None
    winner_customer: CustomerView | None = None
    heirs: frozenset[str] = frozenset()


def plan_departed(gone: Departure, open_rows: Sequence[Conflict]) -> RecordPlan:
    """Plan one record that was deleted, archived or merged away; `open_rows` are also those of its winner."""
    subject = subject_of(gone.ref)
    link, customer = gone.link, gone.customer
    if link is None or link.state is LinkState.DETACHED or customer is None or customer.deleted:
        # Of two customers whose records were merged the other one still waits for an answer.
        asked = [row for row in open_rows if row.kind is ConflictKind.REMOTE_MERGED]
        mine = tuple(row for row in asked if row.subject == subject)
        return RecordPlan(ref=gone.ref, conflicts=mine, subjects=(subject,))
    if gone.merged_into is not None and gone.merged_into != gone.ref:
        return _plan_merged(gone, link, customer, gone.merged_into, open_rows)
    offers = _offers(gone, open_rows)
    freeze = () if link.state is LinkState.FROZEN else (AdjustLink(link_id=link.id, state=LinkState.FROZEN),)
    if undecided_merge(open_rows):
        # Which customer the record was is still open: without that question the other's link would stay
        # frozen with nobody asked. Who lives on there learns next that the record is gone.
        return RecordPlan(
            ref=gone.ref,
            customer_id=customer.id,
            actions=freeze,
            conflicts=(*(row for row in open_rows if row.kind is not ConflictKind.REMOTE_DELETED), *offers),
            subjects=(subject,),
        )
    row = (
        offers[0]
        if offers
        else Conflict(
            kind=ConflictKind.REMOTE_DELETED,
            subject=subject,
            ref=gone.ref,
            customer_id=customer.id,
            local=dict(customer.fields),
            baseline=dict(link.baseline or {}),
            reasons=({"why": "the record was deleted in the CRM"},),
        )
    )
    return RecordPlan(
        ref=gone.ref,
        customer_id=customer.id,
        actions=freeze,
        conflicts=(row, *overwritten(open_rows)),
        subjects=(subject,),
    )


def _offers(gone: Departure, open_rows: Sequence[Conflict]) -> tuple[Conflict, ...]:
    """The records that are still offered in place of the one that is gone."""
    offers = [row for row in open_rows if row.kind is ConflictKind.REMOTE_DELETED]
    return tuple(row for row in offers if any(each.get("relink_to") in gone.heirs for each in row.reasons))


def undecided_merge(open_rows: Sequence[Conflict]) -> bool:
    """Whether nobody has said yet whose a record is into which another linked one was merged."""
    return any(row.kind is ConflictKind.REMOTE_MERGED for row in open_rows)


def named_in(reasons: Sequence[Mapping[str, JSON]], name: str) -> set[str]:
    """The `customers` or `refs` that a question about merged records names."""
    found = [reason.get(name) for reason in reasons]
    return {str(each) for listed in found if isinstance(listed, list) for each in listed}


def _plan_merged(
    gone: Departure, link: LinkView, customer: CustomerView, winner: str, open_rows: Sequence[Conflict]
) -> RecordPlan:
    unseen = overwritten(open_rows)
    earlier = [row for row in open_rows if row.kind is ConflictKind.REMOTE_MERGED]
    if gone.winner_link is None:
        # Certain: the one linked record lives on under the winner's id, with what was agreed on it, and with
        # the question whose it is, if that is still open.
        state = LinkState.ACTIVE if link.state is LinkState.FROZEN and not earlier else None
        unseen = (*unseen, *earlier)
        relink = AdjustLink(link_id=link.id, ref=winner, state=state)
        return RecordPlan(
            ref=gone.ref,
            customer_id=customer.id,
            actions=(relink,),
            conflicts=tuple(replace(row, subject=subject_of(winner), ref=winner) for row in unseen),
            subjects=(subject_of(gone.ref), subject_of(winner)),
        )
    names = {customer.id, gone.winner_customer.id if gone.winner_customer else ""}
    refs = {gone.ref, winner}
    for row in earlier:  # whose they are was open before: it is one question now
        names |= named_in(row.reasons, "customers")
        refs |= named_in(row.reasons, "refs")
    row = Conflict(
        kind=ConflictKind.REMOTE_MERGED,
        subject=subject_of(winner),
        ref=winner,
        customer_id=customer.id,
        local=dict(customer.fields),
        remote=dict(gone.winner_customer.fields) if gone.winner_customer else {},
        reasons=(
            {
                "why": "two linked records were merged in the CRM",
                "customers": [*sorted(names)],
                "refs": [*sorted(refs)],
            },
        ),
    )
    freeze = tuple(
        AdjustLink(link_id=each.id, state=LinkState.FROZEN)
        for each in (link, gone.winner_link)
        if each.state is not LinkState.FROZEN
    )
    return RecordPlan(
        ref=gone.ref,
        customer_id=customer.id,
        actions=freeze,
        conflicts=(row, *unseen, *_offers(gone, open_rows)),
        subjects=(row.subject, subject_of(gone.ref)),
    )
