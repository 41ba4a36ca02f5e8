"""The plan of one CRM record: what should happen to it, its customer, their link and the queue.

Level-triggered: a plan says what *should* be true after looking at the record as it stands now. Planning
the same state twice plans nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from connectors.records import JSON
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
from sync.core.doubt import plan_doubt
from sync.core.match import Pairing, RemoteView, Standing, pair
from sync.core.pairs import Couple, plan_pair, quarantine
from sync.core.policy import Policy
from sync.core.validate import problem


def plan_record(standing: Standing, open_rows: Sequence[Conflict], policy: Policy) -> RecordPlan:
    """Plan one live CRM record."""
    remote = standing.remote
    pairing = pair(standing, policy)
    if pairing is Pairing.RETURNED and _merge_undecided(open_rows):
        return _untouched(standing, open_rows)
    customer = standing.customer
    if customer is not None and pairing in (Pairing.LINKED, Pairing.RETURNED, Pairing.FIRST_LINK):
        return plan_pair(Couple(customer=customer, remote=remote, link=standing.link), open_rows, policy)
    if pairing in (Pairing.SKIPPED, Pairing.DETACHED):
        return RecordPlan(ref=remote.ref, subjects=(subject_of(remote.ref),))
    if pairing is Pairing.ADOPT_REF:
        return _plan_adoption(standing, open_rows, policy)
    if pairing is Pairing.NEW_CUSTOMER:
        return _plan_new_customer(remote, policy, remote.external_id)
    return plan_doubt(standing, pairing)


def plan_invalid(ref: str, field: str, reason: str, *, customer_id: str | None = None) -> RecordPlan:
    """A CRM record that cannot be read or taken: quarantined, with the field and the reason."""
    row = Conflict(
        kind=ConflictKind.INVALID_RECORD,
        subject=subject_of(ref),
        ref=ref,
        customer_id=customer_id,
        reasons=({"field": field, "why": reason},),
    )
    return RecordPlan(ref=ref, customer_id=customer_id, conflicts=(row,), subjects=(row.subject,))


def _merge_undecided(open_rows: Sequence[Conflict]) -> bool:
    return any(row.kind is ConflictKind.REMOTE_MERGED for row in open_rows)


def _untouched(standing: Standing, open_rows: Sequence[Conflict]) -> RecordPlan:
    return RecordPlan(
        ref=standing.remote.ref, conflicts=tuple(open_rows), subjects=(subject_of(standing.remote.ref),)
    )


def _plan_new_customer(remote: RemoteView, policy: Policy, external_id: str | None) -> RecordPlan:
    taken = {
        path: value
        for path, value in remote.fields.items()
        if (policy.rule(path).inbound or path == "customer_name") and not normalise.blank(value)
    }
    reasons: list[Mapping[str, JSON]] = []
    for path in dict.fromkeys(("external_id", "customer_name", *taken)):
        value = external_id if path == "external_id" else taken.get(path)
        if why := problem(path, value):
            reasons.append({"field": path, "why": why})
    if reasons:
        return quarantine(remote, reasons)
    agreed = {path: (taken.get(path), value) for path, value in remote.fields.items() if _joint(path, policy)}
    create = CreateCustomer(ref=remote.ref, external_id=external_id, fields=taken, baseline=agreed)
    subjects = [subject_of(remote.ref)]
    if external_id is not None:
        subjects.append(key_subject(normalise.fold(external_id)))
    return RecordPlan(ref=remote.ref, actions=(create,), subjects=tuple(subjects))


def _joint(path: str, policy: Policy) -> bool:
    """Whether a new customer and its CRM record agree on the field from the start."""
    return policy.rule(path).inbound or path == "customer_name"


def _plan_adoption(standing: Standing, open_rows: Sequence[Conflict], policy: Policy) -> RecordPlan:
    """A record without a key takes its own ref as external id, here first and then in the CRM."""
    customer = standing.customer
    if customer is not None:
        if standing.customer_link is not None or customer.deleted:
            return plan_doubt(standing, Pairing.MISSING_KEY)
        return plan_pair(Couple(customer=customer, remote=standing.remote, link=None), open_rows, policy)
    plan = _plan_new_customer(standing.remote, policy, standing.remote.ref)
    if not plan.actions:
        return plan
    write_back = UpdateCrm(
        customer_id="", ref=standing.remote.ref, changes={}, external_id=standing.remote.ref
    )
    return replace(plan, actions=(*plan.actions, write_back))
