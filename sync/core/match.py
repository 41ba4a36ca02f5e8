"""Which customer and which CRM record belong together.

The external id is the only automatic key, matched exactly after trimming and NFC. Whatever is not one
certain pair is a named case for a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from connectors.records import Fields
from sync.core.diff import Baseline
from sync.core.policy import OnMissingExternalId, Policy


class LinkState(StrEnum):
    """The state of a link (design, section 1)."""

    ACTIVE = "active"
    HELD = "held"
    FROZEN = "frozen"
    DETACHED = "detached"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerView:
    """What planning sees of a customer: the fields its connection maps, and its identity."""

    id: str
    external_id: str | None
    version: int
    fields: Fields
    updated_at: datetime
    deleted: bool = False


EVERY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """What planning sees of a link.

    Args:
        accepted: address field → the pair of address digests that a person let pass.
        accepted_key: the pair of external ids for which a person decided that ours goes to the CRM.
        paused: fields whose mapping or rule is newer than the link; they wait for a resync.
        written_back: field → how often in 24 hours an edit in the CRM was overwritten by our value.
        doubted: fields of which the CRM may know better than we do, since our side is a backup: nothing of
            them goes out before a person decides. With `EVERY` among them it is all but the others.
    """

    id: str
    customer_id: str
    ref: str
    state: LinkState
    baseline: Baseline | None
    accepted: Mapping[str, str] = field(default_factory=dict)
    accepted_key: str | None = None
    paused: frozenset[str] = frozenset()
    written_back: Mapping[str, int] = field(default_factory=dict)
    doubted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteView:
    """A CRM record, decoded.

    `misnamed`: field → why the record of ours that it names is none that the customer may name.
    """

    ref: str
    external_id: str | None
    fields: Fields
    modified_at: datetime | None = None
    misnamed: Mapping[str, str] = field(default_factory=dict)


class Pairing(StrEnum):
    """How a CRM record and the customers stand to one another."""

    LINKED = "linked"
    RETURNED = "returned"
    FIRST_LINK = "first_link"
    NEW_CUSTOMER = "new_customer"
    ADOPT_REF = "adopt_ref"
    SKIPPED = "skipped"
    DETACHED = "detached"
    MISSING_KEY = "missing_external_id"
    AMBIGUOUS = "ambiguous_match"
    KEY_CHANGED = "key_changed"
    LOCALLY_DELETED = "delete_vs_edit"
    RELINK_OFFER = "relink_offer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything that bears on who a live CRM record is.

    Args:
        remote: the record.
        link: the link of its ref on this connection, of any state.
        customer: the linked customer; without a link, the one with exactly its external id.
        customer_link: without a link: that customer's own link on this connection, to another ref.
        rivals: other live refs of this connection with exactly its external id.
        variants: other live refs whose external id differs in case only.
        lookalikes: ids of customers whose external id differs in case only.
        restored: our side is a backup that was not compared with all CRMs yet.
    """

    remote: RemoteView
    link: LinkView | None = None
    customer: CustomerView | None = None
    customer_link: LinkView | None = None
    rivals: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    lookalikes: tuple[str, ...] = ()
    restored: bool = False


def pair(standing: Standing, policy: Policy) -> Pairing:
    """The one certain pairing of a live CRM record, or the name of what stands in its way."""
    if standing.link is not None and standing.customer is not None:
        return _linked(standing.remote, standing.link, standing.customer, policy)
    if standing.remote.external_id is None:
        return {
            OnMissingExternalId.REVIEW: Pairing.MISSING_KEY,
            OnMissingExternalId.ADOPT_REF: Pairing.ADOPT_REF,
            OnMissingExternalId.SKIP: Pairing.SKIPPED,
        }[policy.on_missing_external_id]
    if standing.rivals:
        return Pairing.AMBIGUOUS
    customer, link = standing.customer, standing.customer_link
    if customer is None:
        # An exact match is certain whatever else looks like it; without one, a lookalike is a doubt.
        doubtful = standing.lookalikes or standing.variants
        return Pairing.AMBIGUOUS if doubtful else Pairing.NEW_CUSTOMER
    if link is not None:
        return Pairing.RELINK_OFFER if link.state is LinkState.FROZEN else Pairing.AMBIGUOUS
    return Pairing.LOCALLY_DELETED if customer.deleted else Pairing.FIRST_LINK


def _linked(remote: RemoteView, link: LinkView, customer: CustomerView, policy: Policy) -> Pairing:
    if customer.deleted:
        return Pairing.LOCALLY_DELETED
    if link.state is LinkState.DETACHED:
        return Pairing.DETACHED
    if remote.external_id != customer.external_id and key_to_push(remote, link, customer, policy) is None:
        return Pairing.KEY_CHANGED
    return Pairing.RETURNED if link.state is LinkState.FROZEN else Pairing.LINKED


def key_pair(local: str | None, remote: str | None) -> str:
    """What is stored when a person decides a changed key: it holds for exactly this pair."""
    return f"{local or ''}\n{remote or ''}"


def key_there(pair: str | None) -> str | None:
    """The CRM's external id of such a pair; of none it has none, since ours is its own record id."""
    return (pair or "").partition("\n")[2] or None


def key_to_push(
    remote: RemoteView, link: LinkView | None, customer: CustomerView, policy: Policy
) -> str | None:
    """The external id that the CRM has yet to be told, if any.

    Either the customer took the CRM's own record id as its key, or a person decided that ours stands.
    """
    if customer.external_id is None or remote.external_id == customer.external_id:
        return None
    adopts = policy.on_missing_external_id is OnMissingExternalId.ADOPT_REF
    if adopts and remote.external_id is None and customer.external_id == remote.ref:
        return customer.external_id
    decided = link is not None and link.accepted_key == key_pair(customer.external_id, remote.external_id)
    return customer.external_id if decided else None
