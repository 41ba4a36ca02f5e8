"""What a decision that is not about values changes, kept for its undo: links, and a customer's life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from connectors.records import JSON
from sync.core import normalise
from sync.core.departed import named_in
from sync.core.unsettle import Life, Snapshot
from sync.decisions import Decision, Subject
from sync.store import conflicts, customers, links, sightings
from sync.store import undo as store
from sync.store.customers import StoredCustomer
from sync.store.links import StoredLink
from sync.store.runs import AppliedChange
from sync.store.session import Tx

SETTLE, UNSETTLE = store.SETTLEMENTS
_IDENTITY = ("connection_id", "customer_id", "ref", "state")
_KEPT = (*_IDENTITY, "baseline", "accepted", "accepted_key", "map_version", "doubted")


def snapshot(link: StoredLink) -> Snapshot:
    """What of a link a decision can change."""
    return {name: link.row[name] for name in _KEPT}


def life(customer: StoredCustomer) -> Life:
    """What of a customer such a decision can change."""
    return Life(deleted=customer.row["deleted_at"] is not None, external_id=customer.row["external_id"])


@dataclass(frozen=True, slots=True)
class Before:
    """How things stood before a decision: links and other open questions by id, and the record's key."""

    subject: Subject
    customer_ids: frozenset[str]
    refs: frozenset[str]
    links: Mapping[str, Snapshot]
    beside: frozenset[str]
    key: str | None

    @classmethod
    def of(cls, tx: Tx, subject: Subject, decision: Decision) -> Before:
        """Read and lock whatever the decision may touch."""
        row = subject.row
        ids = {row.customer_id, decision.link, *named_in(row.reasons, "customers")} - {None}
        if subject.link is not None:
            ids.add(subject.link.customer_id)
        refs = {ref for ref in (row.ref, decision.ref) if ref}
        named = decision.ref or row.ref
        seen = sightings.load(tx, subject.stored.row["connection_id"], [named] if named else [])
        key = seen[named].external_id if named in seen else row.remote.get("external_id")
        mine, there = frozenset(map(str, ids)), frozenset(refs)
        return cls(
            subject,
            mine,
            there,
            {each.id: snapshot(each) for each in _links(tx, subject, mine, there)},
            _open_beside(tx, subject),
            None if key is None else str(key),
        )


def settled(tx: Tx, before: Before) -> list[AppliedChange]:
    """What the decision changed, by customer; the first one tells of the question too."""
    subject = before.subject
    after = {each.id: snapshot(each) for each in _links(tx, subject, before.customer_ids, before.refs)}
    moved = [
        each
        for each in {**before.links, **after}
        if not normalise.equal(before.links.get(each), after.get(each))
    ]
    by_customer: dict[str | None, dict[str, JSON]] = {}
    for each in moved:
        was, became = before.links.get(each), after.get(each)
        owner = str((became or was or {})["customer_id"])
        by_customer.setdefault(owner, {})[each] = [*trimmed(was, became)]
    changed, lives = _life(tx, before, after)
    head = changed.id if changed else subject.row.customer_id or next(iter(by_customer), None)
    by_customer = {head: by_customer.pop(head, {}), **by_customer}
    closed = sorted(before.beside - _open_beside(tx, subject))
    keyed = any(_bears_on_key(before.links.get(each), after.get(each)) for each in moved)
    told: dict[str, JSON] = {
        "version": changed.row["version"] if changed else None,
        "beside": [*closed],
        "key": before.key if keyed else None,
    }
    return [
        change(
            SETTLE,
            customer_id,
            kept,
            lives if customer_id == head else None,
            told if customer_id == head else {},
        )
        for customer_id, kept in by_customer.items()
    ]


def change(
    action: str,
    customer_id: str | None,
    kept: Mapping[str, JSON],
    lives: tuple[Life | None, Life] | None,
    details: Mapping[str, JSON],
) -> AppliedChange:
    """One customer's part of a decision, or of an undo. A customer that was made had no life before."""
    was, became = lives or (None, None)
    keyed = was is not None and became is not None and was.external_id != became.external_id
    told: JSON = None
    if became is not None:
        told = [asdict(was or Life(deleted=True, external_id=became.external_id)), asdict(became)]
    return AppliedChange(
        side="link" if became is None else "local",
        action=action,
        customer_id=customer_id,
        link_id=next(iter(kept), None),
        ref=None,
        fields={"external_id": [was.external_id, became.external_id]} if keyed and was and became else None,
        details={**details, "links": dict(kept), "life": told, "bumps": was is not None},
    )


def _bears_on_key(was: Snapshot | None, became: Snapshot | None) -> bool:
    """Whether the record's own external id says how far that can go back."""
    return was is None or became is None or was["accepted_key"] != became["accepted_key"]


def trimmed(was: Snapshot | None, became: Snapshot | None) -> tuple[JSON, JSON]:
    """Both sides of a link's change, without what they share; a link that came or went is kept whole."""
    if was is None or became is None:
        return (None if was is None else dict(was), None if became is None else dict(became))
    names = [name for name in _KEPT if name in _IDENTITY or not normalise.equal(was[name], became[name])]
    return {name: was[name] for name in names}, {name: became[name] for name in names}


def _links(tx: Tx, subject: Subject, customer_ids: frozenset[str], refs: frozenset[str]) -> list[StoredLink]:
    """Links of these customers, on every connection, and of these records on the question's."""
    found = {each.id: each for each in store.all_links(tx, customer_ids)} if customer_ids else {}
    if refs:
        there = links.load(tx, subject.stored.row["connection_id"], links.by_refs(refs), lock=True)
        found |= {each.id: each for each in there}
    return [*found.values()]


def _open_beside(tx: Tx, subject: Subject) -> frozenset[str]:
    found = conflicts.open_rows(tx, subject.stored.row["connection_id"], [subject.row.subject])
    return frozenset(each.id for each in found) - {subject.stored.id}


def _life(
    tx: Tx, before: Before, after: Mapping[str, Snapshot]
) -> tuple[StoredCustomer | None, tuple[Life | None, Life] | None]:
    """Whose life was changed, and how."""
    customer = before.subject.customer
    made = {str(each["customer_id"]) for each in after.values()} - before.customer_ids - _owners(before)
    ids = made or ({customer.id} if customer else set())
    found = (
        customers.load(tx, before.subject.stored.row["organisation_id"], customers.by_ids(ids)) if ids else []
    )
    for each in found:
        was, became = (life(customer) if customer and not made else None), life(each)
        if was != became:
            return each, (was, became)
    return None, None


def _owners(before: Before) -> set[str]:
    return {str(each["customer_id"]) for each in before.links.values()}
