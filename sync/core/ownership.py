"""E-mail addresses are unique in the organisation: who owns one is decided over a whole page.

What counts is who would own each address when the page is done, so two customers that swap theirs are no
clash. A customer whose new address is someone else's keeps its other changes; that one field waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from sync.core import normalise
from sync.core.actions import (
    Action,
    AdjustLink,
    Conflict,
    ConflictKind,
    CreateCustomer,
    MakeLink,
    RecordPlan,
    UpdateCustomer,
    subject_of,
)

FIELD = "email"
T = TypeVar("T")


def claims(plan: RecordPlan) -> str | None:
    """The folded e-mail address that the plan would give to a customer, if any."""
    for action in plan.actions:
        value = None
        if isinstance(action, CreateCustomer):
            value = action.fields.get(FIELD)
        elif isinstance(action, UpdateCustomer) and FIELD in action.changes:
            value = action.changes[FIELD].after
        if isinstance(value, str) and not normalise.blank(value):
            return normalise.email(value)
    return None


def _gives_up(plan: RecordPlan) -> bool:
    return any(isinstance(action, UpdateCustomer) and FIELD in action.changes for action in plan.actions)


def settle_emails(plans: Sequence[RecordPlan], owners: Mapping[str, str]) -> list[RecordPlan]:
    """Hold the e-mail field of every plan whose address is, or stays, another customer's.

    Args:
        plans: the plans of one page.
        owners: folded address → id of the customer that has it now, for all addresses claimed.

    Returns:
        The plans in the same order.
    """
    settled = list(plans)
    if not any(claims(plan) for plan in plans):
        return settled
    # Holding one plan's field can take an address back from another, so go on until nothing moves.
    while True:
        leaving = {plan.customer_id for plan in settled if plan.customer_id and _gives_up(plan)}
        final = {address: owner for address, owner in owners.items() if owner not in leaving}
        losers = []
        for index, plan in enumerate(settled):
            address = claims(plan)
            if address is None:
                continue
            owner = final.setdefault(address, plan.customer_id or f"new:{index}")
            if owner != (plan.customer_id or f"new:{index}"):
                losers.append((index, owner))
        if not losers:
            return settled
        for index, owner in losers:
            settled[index] = _without_email(settled[index], owner)


def _without_email(plan: RecordPlan, owner: str) -> RecordPlan:
    wanted, current = None, None
    actions: list[Action] = []
    for action in plan.actions:
        if isinstance(action, CreateCustomer):
            wanted = action.fields[FIELD]
            actions.append(replace(action, fields=_drop(action.fields), baseline=_drop(action.baseline)))
        elif isinstance(action, UpdateCustomer) and FIELD in action.changes:
            wanted, current = action.changes[FIELD].after, action.changes[FIELD].before
            if rest := _drop(action.changes):
                actions.append(replace(action, changes=rest, overwrites=action.overwrites - {FIELD}))
        elif isinstance(action, MakeLink):
            actions.append(replace(action, baseline=_drop(action.baseline)))
        elif isinstance(action, AdjustLink):
            slim = replace(action, baseline=_drop(action.baseline))
            if slim != AdjustLink(link_id=slim.link_id):
                actions.append(slim)
        else:
            actions.append(action)
    ref = plan.ref or ""
    row = Conflict(
        kind=ConflictKind.EMAIL_TAKEN,
        subject=subject_of(ref),
        field=FIELD,
        ref=plan.ref,
        customer_id=plan.customer_id,
        local={FIELD: current},
        remote={FIELD: wanted},
        reasons=({"why": "another customer has this e-mail address", "customer": _known(owner)},),
    )
    return replace(plan, actions=tuple(actions), conflicts=(*plan.conflicts, row))


def _known(owner: str) -> str | None:
    return None if owner.startswith("new:") else owner


def _drop(fields: Mapping[str, T]) -> dict[str, T]:
    return {path: value for path, value in fields.items() if path != FIELD}
