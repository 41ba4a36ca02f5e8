"""Everything that bears on a page of CRM records, read set-wise and locked in id order.

The number of statements does not depend on the number of records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.port import Observation, Presence
from connectors.records import JSON, Fields
from sync.core import normalise
from sync.core.actions import Conflict, key_subject, subject_of
from sync.core.departed import Departure
from sync.core.match import CustomerView, LinkState, LinkView, RemoteView, Standing
from sync.core.policy import OnMissingExternalId
from sync.references import NAMING, judged
from sync.store import conflicts, customers, intents, links, sightings, tombstones
from sync.store.conflicts import StoredConflict
from sync.store.customers import StoredCustomer
from sync.store.links import StoredLink
from sync.store.session import Tx
from sync.store.sightings import Sighting, stamp_of
from sync.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A CRM record as looked at: decoded if it is live, with the reason if it cannot be decoded.

    Args:
        digest: of the canonical value (16 bytes).
        invalid: (field, reason) of a record that cannot be read.
        raw: of a record that cannot be read: what the CRM has in that field.
        erased: its customer was erased here: nothing of it is kept but that it was seen.
    """

    observation: Observation
    fields: Fields
    digest: bytes
    external_id: str | None
    invalid: tuple[str, str] | None = None
    raw: JSON = None
    erased: bool = False

    @property
    def ref(self) -> str:
        """The record's id in the CRM."""
        return self.observation.ref

    def sighting(self) -> Sighting:
        """What is kept of it once it is planned."""
        seen = self.observation
        return Sighting(self.ref, seen.digest, self.digest, self.external_id, stamp_of(seen.modified_at))


@dataclass(slots=True, kw_only=True)
class Situation:
    """What the database knows about a page of records. All keys are as plain as they look."""

    at: datetime
    links: Mapping[str, StoredLink]  # by ref
    customers: Mapping[str, StoredCustomer]  # by id
    by_key: Mapping[str, list[StoredCustomer]]  # by folded external id, or what stands for it
    links_of: Mapping[str, StoredLink]  # by customer id
    sharing: Mapping[str, list[Sighting]]  # by folded external id
    queue: Mapping[str, list[StoredConflict]]  # by subject
    writing: frozenset[str]  # customers that an open intent speaks of
    work: Work
    misnamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Ref → field → why the record of ours that it names is none that its customer may name."""

    def standing(self, looked: Looked) -> Standing:
        """How a live record stands to the customers."""
        remote = RemoteView(
            ref=looked.ref,
            external_id=looked.external_id,
            fields=looked.fields,
            modified_at=looked.observation.modified_at,
            misnamed=self.misnamed.get(looked.ref, {}),
        )
        link = self.links.get(looked.ref)
        if link is not None:
            return Standing(
                remote=remote,
                link=self._view(link),
                customer=self._customer(link.customer_id),
                restored=self.work.restored,
            )
        key = self._wanted_key(looked)
        if key is None:
            return Standing(remote=remote)
        folded = normalise.fold(key)
        alike = self.by_key.get(folded, [])
        if not alike and folded not in self.sharing:
            return Standing(remote=remote)
        exact = next((each for each in alike if each.row["external_id"] == key), None)
        own_link = self.links_of.get(exact.id) if exact else None
        others = [each for each in self.sharing.get(folded, []) if each.ref != looked.ref]
        return Standing(
            remote=remote,
            customer=exact.view(self.work.policy.fields) if exact else None,
            customer_link=self._view(own_link) if own_link else None,
            rivals=tuple(sorted(each.ref for each in others if each.external_id == key)),
            variants=tuple(sorted(each.ref for each in others if each.external_id != key)),
            lookalikes=tuple(
                each.id for each in alike if each is not exact and each.row["deleted_at"] is None
            ),
            restored=self.work.restored,
        )

    def departure(self, looked: Looked) -> Departure:
        """What a record that is gone leaves behind."""
        link = self.links.get(looked.ref)
        winner = looked.observation.merged_into
        winner_link = self.links.get(winner) if winner and winner != looked.ref else None
        customer = self.customers.get(link.customer_id) if link else None
        return Departure(
            ref=looked.ref,
            link=self._view(link) if link else None,
            customer=self._customer(link.customer_id) if link else None,
            merged_into=winner,
            winner_link=self._view(winner_link) if winner_link else None,
            winner_customer=self._customer(winner_link.customer_id) if winner_link else None,
            heirs=self._heirs(customer) if customer else frozenset(),
        )

    def _heirs(self, customer: StoredCustomer) -> frozenset[str]:
        key = customer.row["external_id"]
        alike = self.sharing.get(normalise.fold(key), ()) if key else ()
        return frozenset(each.ref for each in alike if each.external_id == key and each.ref not in self.links)

    def erased(self, looked: Looked) -> bool:
        """Whether a record is that of a customer who was erased here, or has its external id."""
        link = self.links.get(looked.ref)
        if link is not None:
            customer = self.customers.get(link.customer_id)
            return customer is not None and customer.row["erased_at"] is not None
        key = self._wanted_key(looked)
        if key is None:
            return False
        folded = normalise.fold(key)
        living = any(each.row["deleted_at"] is None for each in self.by_key.get(folded, ()))
        return not living and tombstones.grave(self.work.organisation_id, folded) in self.by_key

    def open_rows(self, looked: Looked) -> list[Conflict]:
        """The open rows about a record, the one it was merged into, and the one whose place it may take."""
        refs = dict.fromkeys((looked.ref, looked.observation.merged_into or looked.ref))
        customer = self.customer_of(looked)
        own = self.links_of.get(customer.id) if customer is not None else None
        if own is not None and own.row["state"] == LinkState.FROZEN.value:
            refs[own.ref] = None
        return [row.conflict() for ref in refs for row in self.queue.get(subject_of(ref), [])]

    def customer_of(self, looked: Looked) -> StoredCustomer | None:
        """The customer that a record is, or would be, joined to."""
        link = self.links.get(looked.ref)
        if link is not None:
            return self.customers.get(link.customer_id)
        key = self._wanted_key(looked)
        alike = self.by_key.get(normalise.fold(key), []) if key else []
        return next((each for each in alike if each.row["external_id"] == key), None)

    def _wanted_key(self, looked: Looked) -> str | None:
        adopts = self.work.policy.on_missing_external_id is OnMissingExternalId.ADOPT_REF
        return looked.external_id or (looked.ref if adopts else None)

    def _view(self, link: StoredLink) -> LinkView:
        paused = (
            frozenset() if self.work.reapply else self.work.connection.paused(int(link.row["map_version"]))
        )
        return link.view(paused, self.at)

    def _customer(self, customer_id: str) -> CustomerView | None:
        stored = self.customers.get(customer_id)
        return stored.view(self.work.policy.fields) if stored else None


def load(tx: Tx, work: Work, looked: Sequence[Looked]) -> Situation:
    """Read and lock everything about these records: customers first, then links, each in id order."""
    refs = {each.ref for each in looked}
    refs |= {each.observation.merged_into for each in looked if each.observation.merged_into}
    adopts = work.policy.on_missing_external_id is OnMissingExternalId.ADOPT_REF
    keys = {each.external_id for each in looked if each.external_id}
    if adopts:
        keys |= {each.ref for each in looked if each.observation.presence is Presence.LIVE}
    linked = links.load(tx, work.connection_id, links.by_refs(refs))
    found = customers.load(
        tx,
        work.organisation_id,
        customers.by_ids([each.customer_id for each in linked]),
        tombstones.by_keys(work.organisation_id, keys),
        lock=True,
    )
    by_id = {each.id: each for each in found}
    departed = {each.ref for each in looked if each.observation.presence is not Presence.LIVE}
    folded = {normalise.fold(key) for key in keys}
    orphaned = _folded_keys(by_id[each.customer_id] for each in linked if each.ref in departed)
    sharing = sightings.sharing_keys(tx, work.connection_id, folded | orphaned)
    refs |= {each.ref for key in orphaned for each in sharing.get(key, ())}
    locked: list[StoredLink] = []
    if (
        linked or by_id
    ):  # a link made meanwhile, of records that had none, breaks its unique key: we look again
        locked = links.load(tx, work.connection_id, links.by_refs(refs), links.by_customers(by_id), lock=True)
    subjects = {subject_of(ref) for ref in refs} | {key_subject(key) for key in folded}
    subjects |= {subject_of(each.ref) for each in locked}
    situation = Situation(
        at=work.now(),
        links={each.ref: each for each in locked},
        customers=by_id,
        by_key=_by_key(found),
        links_of={each.customer_id: each for each in locked},
        sharing=_sharing(sharing, looked),
        queue=_by_subject(conflicts.open_rows(tx, work.connection_id, subjects)),
        writing=frozenset(
            each.customer_id for each in intents.load(tx, work.connection_id, intents.by_customers(by_id))
        ),
        work=work,
    )
    if inbound := [path for path in NAMING if path in work.policy.taken]:
        situation.misnamed = _misnamed(tx, situation, looked, inbound)
    return situation


def _misnamed(
    tx: Tx, situation: Situation, looked: Sequence[Looked], inbound: Sequence[str]
) -> dict[str, dict[str, str]]:
    """What is said of records that name others than their customers do.

    Nothing is locked beyond the page's own customers, so that locks stay in id order.
    """
    fresh: list[tuple[str, tuple[StoredCustomer | None, str, str]]] = []
    for each in looked:
        customer = situation.customer_of(each)
        for path in inbound:
            value, present = each.fields.get(path), customer.value(path) if customer else None
            if isinstance(value, str) and not normalise.same(path, present, value):
                fresh.append((each.ref, (customer, path, value)))
    found: dict[str, dict[str, str]] = {}
    known = judged(tx, situation.work.organisation_id, [each for _, each in fresh], lock=False)
    for (ref, (_, path, _)), (_, why) in zip(fresh, known, strict=True):
        if why:
            found.setdefault(ref, {})[path] = why
    return found


def _folded_keys(found: Iterable[StoredCustomer]) -> set[str]:
    return {normalise.fold(each.row["external_id"]) for each in found if each.row["external_id"]}


def _sharing(known: Mapping[str, list[Sighting]], looked: Sequence[Looked]) -> Mapping[str, list[Sighting]]:
    """Who carries each key by now: what was seen before, but for the records of this page as they are."""
    here = {each.ref for each in looked}
    sharing = {key: [each for each in group if each.ref not in here] for key, group in known.items()}
    for each in looked:
        if each.external_id is not None:
            sharing.setdefault(normalise.fold(each.external_id), []).append(each.sighting())
    return sharing


def _by_key(found: Iterable[StoredCustomer]) -> dict[str, list[StoredCustomer]]:
    grouped: dict[str, list[StoredCustomer]] = {}
    for each in found:
        if each.row["external_fold"]:
            grouped.setdefault(each.row["external_fold"], []).append(each)
    for same in grouped.values():
        # A deleted customer counts only where no living one has the key.
        same.sort(key=lambda each: each.row["deleted_at"] is not None)
    return grouped


def _by_subject(found: Iterable[StoredConflict]) -> dict[str, list[StoredConflict]]:
    grouped: dict[str, list[StoredConflict]] = {}
    for row in found:
        grouped.setdefault(row.row["subject"], []).append(row)
    return grouped
