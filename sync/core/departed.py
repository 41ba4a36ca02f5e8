"""The plan of a CRM record that is gone: deleted, archived, or merged into another.

Deletes are never propagated to billing: they freeze the link and propose. A merge moves the link to the
winner by itself only if that is certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sync.core.actions import AdjustLink, Conflict, ConflictKind, RecordPlan, subject_of
from sync.core.match import CustomerView, LinkState, LinkView


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A CRM record that is no longer there.

    Args:
        ref: its id.
        link: its link, if it had one, and `customer` the linked customer.
        merged_into: the winner's id, if it was merged.
        winner_link: the winner's own link on this connection, with `winner_customer`.
    """

    ref: str
    link: LinkView | None = None
    customer: CustomerView | None = None
    merged_into: str | None = None
    winner_link: LinkView | None = None
    winner_customer: CustomerView | None = None


def plan_departed(gone: Departure, open_rows: Sequence[Conflict]) -> RecordPlan:
    """Plan one record that was deleted, archived or merged away."""
    subject = subject_of(gone.ref)
    link, customer = gone.link, gone.customer
    if link is None or link.state is LinkState.DETACHED or customer is None or customer.deleted:
        return RecordPlan(ref=gone.ref, subjects=(subject,))
    if gone.merged_into is not None and gone.merged_into != gone.ref:
        return _plan_merged(gone, link, customer, gone.merged_into)
    offers = [row for row in open_rows if row.kind is ConflictKind.REMOTE_DELETED]
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
    freeze = () if link.state is LinkState.FROZEN else (AdjustLink(link_id=link.id, state=LinkState.FROZEN),)
    return RecordPlan(
        ref=gone.ref, customer_id=customer.id, actions=freeze, conflicts=(row,), subjects=(subject,)
    )


def _plan_merged(gone: Departure, link: LinkView, customer: CustomerView, winner: str) -> RecordPlan:
    if gone.winner_link is None:
        # Certain: the one linked record lives on under the winner's id, with what was agreed on it.
        state = LinkState.ACTIVE if link.state is LinkState.FROZEN else None
        relink = AdjustLink(link_id=link.id, ref=winner, state=state)
        return RecordPlan(
            ref=gone.ref, customer_id=customer.id, actions=(relink,), subjects=(subject_of(gone.ref),)
        )
    names = sorted((customer.id, gone.winner_customer.id if gone.winner_customer else ""))
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
                "customers": list(names),
                "refs": [*sorted((gone.ref, winner))],
            },
        ),
    )
    freeze = tuple(
        AdjustLink(link_id=each.id, state=LinkState.FROZEN)
        for each in (link, gone.winner_link)
        if each.state is not LinkState.FROZEN
    )
    return RecordPlan(
        ref=gone.ref, customer_id=customer.id, actions=freeze, conflicts=(row,), subjects=(row.subject,)
    )
