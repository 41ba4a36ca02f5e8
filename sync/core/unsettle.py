"""What the undo of a decision that is not about values does: links and the customer go back, or nothing does.

A link that the decision made is taken away again, so that the question can be asked anew. If the record has
taken another external id since, it would be joined by itself: then the link is detached, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from connectors.records import JSON
from sync.core.done import Left, Side, Why
from sync.core.match import LinkState
from sync.core.normalise import equal

Snapshot: TypeAlias = Mapping[str, JSON]
"""Columns of a link: `connection_id`, `customer_id`, `ref`, `state`, and those that the decision changed."""

LIVING = frozenset({LinkState.ACTIVE.value, LinkState.HELD.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Whether a customer is deleted, and its external id."""

    deleted: bool
    external_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A decision, or the undo of one (`again`), as it was kept.

    Args:
        links: by id, before and after; None where there is no such link.
        customer_id: whose life it changed, if anyone's.
        life: of that customer, before and after.
        key: the external id that the record had in the CRM.
        again: it reopened the question, and is to be decided again.
    """

    links: Mapping[str, tuple[Snapshot | None, Snapshot | None]] = field(default_factory=dict)
    customer_id: str | None = None
    life: tuple[Life, Life] | None = None
    key: str | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """How all of it stands now.

    Args:
        links: those of the decision, by id, and `others` of the same customers and records.
        life: of the customer whose life was changed.
        gone: ids of customers that are deleted.
        key: the external id that the record has in the CRM.
        moved: fields of the customer that were changed here since.
        billed: whether contracts keep it from being deleted.
        key_taken: whether another living customer has the external id that it would get, `email_taken` the
            address.
        synced: whether runs have moved values over these links since.
        stands: whether the question is still as the decision left it.
        busy: whether a customer is being written just now.
    """

    links: Mapping[str, Snapshot] = field(default_factory=dict)
    others: Mapping[str, Snapshot] = field(default_factory=dict)
    life: Life | None = None
    gone: frozenset[str] = frozenset()
    key: str | None = None
    moved: frozenset[str] = frozenset()
    billed: bool = False
    key_taken: bool = False
    email_taken: bool = False
    synced: bool = False
    stands: bool = True
    busy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsettlePlan:
    """What is done: links as they are to be (None: taken away), the customer's life, and the question."""

    links: Mapping[str, Snapshot | None] = field(default_factory=dict)
    life: Life | None = None
    question: bool = False
    left: tuple[Left, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether anything is done at all."""
        return bool(self.links or self.life or self.question)


def plan_unsettle(settled: Settled, now: Present) -> UnsettlePlan:
    """Plan the undo of one decision: whole, or not at all."""
    if now.busy:
        return UnsettlePlan(left=(Left(Side.CRM, "", Why.BUSY),))
    if not now.stands:
        return UnsettlePlan(left=(Left(Side.LOCAL, "", Why.DECIDED),))
    left = tuple(dict.fromkeys((*_links_moved(settled, now), *_life_moved(settled, now))))
    keyed = not settled.again and now.key != settled.key
    if keyed and not _makes(settled) and _tells_key(settled):
        left = (*left, Left(Side.CRM, "external_id", Why.KEYED))
    if left:
        return UnsettlePlan(left=left)
    detached = keyed and _makes(settled)
    links = {
        each: _back(before, after, now.links.get(each), detached)
        for each, (before, after) in settled.links.items()
    }
    life = settled.life[0] if settled.life else None
    deletes = life is not None and life.deleted
    if deletes:
        mine = {each: one for each, one in now.others.items() if one["customer_id"] == settled.customer_id}
        links |= {each: {**one, "state": LinkState.DETACHED.value} for each, one in mine.items()}
    plan = UnsettlePlan(links=links, life=life, question=True)
    if detached:
        plan = replace(plan, question=False, left=(Left(Side.CRM, "external_id", Why.KEYED),))
    if now.synced and not deletes:
        plan = replace(plan, left=(*plan.left, Left(Side.LOCAL, "", Why.SYNCED)))
    return plan


def _makes(settled: Settled) -> bool:
    return any(before is None for before, _ in settled.links.values())


def _tells_key(settled: Settled) -> bool:
    """Whether a person said that our external id goes to the record."""
    return any("accepted_key" in (after or {}) for _, after in settled.links.values())


def _back(
    before: Snapshot | None, after: Snapshot | None, present: Snapshot | None, detached: bool
) -> Snapshot | None:
    if before is None:
        return {**(present or {}), "state": LinkState.DETACHED.value} if detached else None
    return {
        **(present or {}),
        **{name: value for name, value in before.items() if after is None or not equal(after[name], value)},
    }


def _links_moved(settled: Settled, now: Present) -> Iterator[Left]:
    moved = Left(Side.CRM, "", Why.MOVED)
    revived = settled.life is not None and not settled.life[0].deleted
    for each, (before, after) in settled.links.items():
        present = now.links.get(each)
        if after is None:
            if present is not None:
                yield moved
        elif present is None or present["ref"] != after["ref"]:
            yield moved
        elif not _alike(str(present["state"]), str(after["state"])):
            yield Left(Side.CRM, "", Why.GONE) if present["state"] == LinkState.FROZEN.value else moved
        if before is None:
            continue
        if _place_taken(before, now.others.values()):
            yield moved
        if before["customer_id"] in now.gone and before["state"] != LinkState.DETACHED.value and not revived:
            yield Left(Side.LOCAL, "", Why.DELETED)


def _alike(one: str, other: str) -> bool:
    """A look at the record decides whether a link is active or held."""
    return one == other or {one, other} <= LIVING


def _place_taken(wanted: Snapshot, others: Iterable[Snapshot]) -> bool:
    return any(
        each["connection_id"] == wanted["connection_id"]
        and (each["ref"] == wanted["ref"] or each["customer_id"] == wanted["customer_id"])
        for each in others
    )


def _life_moved(settled: Settled, now: Present) -> Iterator[Left]:
    if settled.life is None:
        return
    before, after = settled.life
    if now.life is None or now.life.deleted != after.deleted:
        deleted = now.life is None or now.life.deleted
        yield Left(Side.LOCAL, "", Why.DELETED if deleted else Why.HERE)
        return
    if now.life.external_id != after.external_id:
        yield Left(Side.LOCAL, "external_id", Why.HERE)
    if before.deleted and not after.deleted:
        for path in sorted(now.moved):
            yield Left(Side.LOCAL, path, Why.HERE)
        if now.billed:
            yield Left(Side.LOCAL, "", Why.BILLED)
        return
    if now.key_taken:
        yield Left(Side.LOCAL, "external_id", Why.TAKEN)
    if now.email_taken:
        yield Left(Side.LOCAL, "email", Why.TAKEN)
