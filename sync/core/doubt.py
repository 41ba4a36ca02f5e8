"""Records that stand in no certain relation to a customer: each becomes a row for a person."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.records import JSON, Fields
from sync.core import normalise
from sync.core.actions import AdjustLink, Conflict, ConflictKind, RecordPlan, key_subject, subject_of
from sync.core.diff import Baseline, changed
from sync.core.match import LinkState, LinkView, Pairing, RemoteView, Standing


def plan_doubt(standing: Standing, pairing: Pairing) -> RecordPlan:
    """The row for a record that cannot be joined to a customer until a person decides."""
    remote, customer, link = standing.remote, standing.customer, standing.link
    subject = subject_of(remote.ref)
    subjects = [subject]
    customer_id = customer.id if customer else None
    local: Fields = dict(customer.fields) if customer else {}
    theirs: Fields = dict(remote.fields)
    baseline: Baseline = {}
    reasons: tuple[Mapping[str, JSON], ...] = ()
    kind = ConflictKind.MISSING_EXTERNAL_ID
    if pairing is Pairing.MISSING_KEY and remote.external_id is None:
        reasons = ({"why": "the record has no external id"},)
    if pairing is Pairing.AMBIGUOUS:
        kind = ConflictKind.AMBIGUOUS_MATCH
        subject = key_subject(normalise.fold(remote.external_id or ""))
        subjects.append(subject)
        reasons = (_doubt(standing),)
        theirs, local = {}, {}
    elif pairing is Pairing.KEY_CHANGED and customer is not None:
        kind = ConflictKind.KEY_CHANGED
        local, theirs = {"external_id": customer.external_id}, {"external_id": remote.external_id}
    elif pairing is Pairing.LOCALLY_DELETED:
        kind = ConflictKind.DELETE_VS_EDIT
        if link is not None and not _edited(remote, link):
            return RecordPlan(ref=remote.ref, subjects=(subject,))
    elif pairing is Pairing.RELINK_OFFER and standing.customer_link is not None:
        kind = ConflictKind.REMOTE_DELETED
        gone = standing.customer_link
        subject = subject_of(gone.ref)
        subjects.append(subject)
        baseline = dict(gone.baseline or {})
        reasons = ({"why": "another record has the same external id", "relink_to": remote.ref},)
    row = Conflict(
        kind=kind,
        subject=subject,
        ref=_ref(standing, kind, subject),
        customer_id=customer_id,
        local=local,
        remote=theirs,
        baseline=baseline,
        reasons=reasons,
    )
    return RecordPlan(
        ref=remote.ref,
        customer_id=customer_id,
        actions=_back(link, pairing),
        conflicts=(row,),
        subjects=tuple(subjects),
    )


def _back(link: LinkView | None, pairing: Pairing) -> tuple[AdjustLink, ...]:
    """A record that is back is there, whatever its key: what is decided on it, or edited here, reaches it."""
    if pairing is not Pairing.KEY_CHANGED or link is None or link.state is not LinkState.FROZEN:
        return ()
    return (AdjustLink(link_id=link.id, state=LinkState.ACTIVE),)


def _ref(standing: Standing, kind: ConflictKind, subject: str) -> str:
    """The record that the row shows: of those that share a key one, whichever was looked at last."""
    if kind is ConflictKind.REMOTE_DELETED:
        return subject.removeprefix("ref:")
    return min(standing.remote.ref, *standing.rivals) if standing.rivals else standing.remote.ref


def _doubt(standing: Standing) -> dict[str, JSON]:
    """Why a key does not name one pair; the same words whichever of the records is looked at."""
    link = standing.customer_link
    refs = sorted({standing.remote.ref, *standing.rivals, *standing.variants, *((link.ref,) if link else ())})
    customers = sorted({*standing.lookalikes, *((standing.customer.id,) if standing.customer else ())})
    why = "several CRM records carry this external id"
    if standing.lookalikes or standing.variants:
        why = "external ids that differ in upper and lower case only"
    elif link is not None and not standing.rivals:
        why = "the customer with this external id is linked to another record"
    return {"why": why, "refs": list(refs), "customers": list(customers)}


def _edited(remote: RemoteView, link: LinkView) -> bool:
    """Whether the CRM side moved after its customer was deleted here."""
    known = link.baseline or {}
    return any(changed(path, known[path][1], value) for path, value in remote.fields.items() if path in known)
