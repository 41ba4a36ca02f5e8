"""The plan of one CRM record: what should happen to it, its customer, their link and the queue.

Level-triggered: a plan says what *should* be true after looking at the record as it stands now. Planning
the same state twice plans nothing new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.records import FieldValue
from sync.core import normalise
from sync.core.actions import (
    Conflict,
    ConflictKind,
    CreateCustomer,
    RecordPlan,
    UpdateCrm,
    key_subject,
    subject_of,
)
from sync.core.departed import undecided_merge
from sync.core.doubt import plan_doubt
from sync.core.match import CustomerView, LinkState, LinkView, Pairing, RemoteView, Standing, pair
from sync.core.pairs import Couple, plan_pair
from sync.core.policy import Policy
from sync.core.quarantine import overwritten, quarantine
from sync.core.valid import question, withheld
from sync.core.validate import problem


def plan_record(standing: Standing, open_rows: Sequence[Conflict], policy: Policy) -> RecordPlan:
    """Plan one live CRM record."""
    remote = standing.remote
    pairing = pair(standing, policy)
    if pairing is Pairing.RELINK_OFFER and undecided_merge(open_rows):
        pairing = Pairing.AMBIGUOUS  # the customer's own record is there; it is open whose it is
    owned = (Pairing.RETURNED, Pairing.KEY_CHANGED, Pairing.LOCALLY_DELETED)
    if pairing in owned and undecided_merge(open_rows):
        return _untouched(standing, open_rows)  # whose it is comes before what it is called
    if pairing is Pairing.LINKED and _held_under_older_rules(standing.link):
        return _untouched(standing, open_rows)
    customer = standing.customer
    if customer is not None and pairing in (Pairing.LINKED, Pairing.RETURNED, Pairing.FIRST_LINK):
        return plan_pair(_couple(standing, customer), open_rows, policy)
    if pairing in (Pairing.SKIPPED, Pairing.DETACHED):
        return RecordPlan(ref=remote.ref, subjects=(subject_of(remote.ref),))
    if pairing is Pairing.ADOPT_REF:
        return _plan_adoption(standing, open_rows, policy)
    if pairing is Pairing.NEW_CUSTOMER:
        return _plan_new_customer(remote, policy)
    plan = plan_doubt(standing, pairing)
    return _with_overwritten(plan, [row for row in open_rows if row.subject in plan.subjects])


def _couple(standing: Standing, customer: CustomerView) -> Couple:
    return Couple(customer=customer, remote=standing.remote, link=standing.link, restored=standing.restored)


def plan_invalid(
    ref: str,
    field: str,
    reason: str,
    open_rows: Sequence[Conflict] = (),
    *,
    customer_id: str | None = None,
    raw: FieldValue = None,
) -> RecordPlan:
    """A CRM record that cannot be read or taken: quarantined, with the field, its raw value and the reason.

    A dismissal speaks of that value: another one is a new question.
    """
    row = Conflict(
        kind=ConflictKind.INVALID_RECORD,
        subject=subject_of(ref),
        ref=ref,
        customer_id=customer_id,
        remote={field: raw} if field and raw is not None else {},
        reasons=({"field": field, "why": reason},),
    )
    plan = RecordPlan(ref=ref, customer_id=customer_id, conflicts=(row,), subjects=(row.subject,))
    return _with_overwritten(plan, open_rows)


def _with_overwritten(plan: RecordPlan, open_rows: Sequence[Conflict]) -> RecordPlan:
    return replace(plan, conflicts=(*plan.conflicts, *overwritten(open_rows)))


def plan_out_of_scope(ref: str) -> RecordPlan:
    """A CRM record out of scope: link, baseline and queue stay as they are."""
    return RecordPlan(ref=ref, out_of_scope=True)


def _held_under_older_rules(link: LinkView | None) -> bool:
    """Whether the address for which a record is held waits for a resync: its other fields wait with it."""
    return link is not None and link.state is LinkState.HELD and "address" in link.paused


def _untouched(standing: Standing, open_rows: Sequence[Conflict]) -> RecordPlan:
    return RecordPlan(
        ref=standing.remote.ref, conflicts=tuple(open_rows), subjects=(subject_of(standing.remote.ref),)
    )


def _plan_new_customer(remote: RemoteView, policy: Policy) -> RecordPlan:
    external_id = remote.external_id or remote.ref  # without one, the record's own ref is adopted
    values = {path: value for path, value in remote.fields.items() if path in policy.taken}
    taken = {path: value for path, value in values.items() if not normalise.blank(value)}
    judged = {"external_id": external_id, "customer_name": None, **taken}
    reasons = [
        {"field": path, "why": why}
        for path, value in judged.items()
        if (why := problem(path, value) or remote.misnamed.get(path))
    ]
    if reasons:
        return quarantine(remote, reasons)
    held = withheld(taken, policy)
    fields = {path: value for path, value in taken.items() if path not in held}
    agreed = {path: (taken.get(path), value) for path, value in values.items() if path not in held}
    create = CreateCustomer(ref=remote.ref, external_id=external_id, fields=fields, baseline=agreed)
    asked = [
        question(path, ref=remote.ref, customer_id=None, local=None, remote=taken[path], policy=policy)
        for path in sorted(held)
    ]
    subjects = (subject_of(remote.ref), key_subject(normalise.fold(external_id)))
    return RecordPlan(ref=remote.ref, actions=(create,), conflicts=tuple(asked), subjects=subjects)


def _plan_adoption(standing: Standing, open_rows: Sequence[Conflict], policy: Policy) -> RecordPlan:
    """A record without a key takes its own ref as external id, here first and then in the CRM."""
    customer = standing.customer
    if customer is not None:
        if standing.customer_link is not None or customer.deleted:
            return plan_doubt(standing, Pairing.MISSING_KEY)
        return plan_pair(_couple(standing, customer), open_rows, policy)
    plan = _plan_new_customer(standing.remote, policy)
    if not plan.actions:
        return plan
    write_back = UpdateCrm(
        customer_id="", ref=standing.remote.ref, changes={}, external_id=standing.remote.ref
    )
    return replace(plan, actions=(*plan.actions, write_back))
