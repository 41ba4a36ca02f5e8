"""The plan of a record and its customer, once they are a certain pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.records import JSON
from sync.core import normalise
from sync.core.actions import (
    Action,
    AdjustLink,
    Conflict,
    ConflictKind,
    MakeLink,
    RecordPlan,
    UpdateCrm,
    UpdateCustomer,
    key_subject,
    subject_of,
)
from sync.core.diff import Baseline, changeset
from sync.core.match import EVERY, CustomerView, LinkState, LinkView, RemoteView, key_to_push
from sync.core.moves import Moves, apply_open_rows, moves_of
from sync.core.policy import Policy
from sync.core.quarantine import overwritten, quarantine, verdict_reasons
from sync.core.reconcile import RESTORED, Reconciled, Sides, reconcile
from sync.core.valid import NOT_VALID, question
from sync.core.validate import problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Couple:
    """A customer and a CRM record that belong together; `link` is None when they first meet."""

    customer: CustomerView
    remote: RemoteView
    link: LinkView | None
    restored: bool = False

    @property
    def doubted(self) -> frozenset[str]:
        """The doubted fields of the link, or of the one that is to be made."""
        if self.link is not None:
            return self.link.doubted
        return frozenset({EVERY} if self.restored else ())


def plan_pair(couple: Couple, open_rows: Sequence[Conflict], policy: Policy) -> RecordPlan:
    """Reconcile the pair and say what moves, what is held, and what the queue should show."""
    customer, link, remote = couple.customer, couple.link, couple.remote
    sides = Sides(
        local=customer.fields,
        remote=remote.fields,
        baseline=link.baseline if link else None,
        local_at=customer.updated_at,
        remote_at=remote.modified_at,
        accepted=link.accepted if link else {},
        paused=link.paused if link else frozenset(),
        written_back=link.written_back if link else {},
        doubted=couple.doubted,
    )
    result = reconcile(sides, policy)
    doubts = sides.doubted if couple.restored else _still_doubted(sides, result)
    subjects = [subject_of(remote.ref)]
    if remote.external_id is not None and link is None:
        subjects.append(key_subject(normalise.fold(remote.external_id)))
    if result.held:
        return RecordPlan(
            ref=remote.ref,
            customer_id=customer.id,
            actions=_link_actions(couple, LinkState.HELD, {}, frozenset(), doubts),
            conflicts=(_mismatch_row(customer, remote, sides, result), *overwritten(open_rows)),
            subjects=tuple(subjects),
            matched=link is None,
            doubts=doubts,
        )
    moves = moves_of(sides, result, key_to_push(remote, link, customer, policy))
    apply_open_rows(moves, sides, remote, open_rows)
    invalid = _invalid(moves, remote)
    if invalid:
        return quarantine(remote, invalid, customer.id, open_rows)
    return RecordPlan(
        ref=remote.ref,
        customer_id=customer.id,
        actions=_actions(couple, moves, result, doubts),
        conflicts=(*_field_rows(customer, remote, sides, moves, policy), *moves.kept_rows),
        subjects=tuple(subjects),
        matched=link is None,
        kept=moves.kept,
        doubts=doubts,
    )


def _still_doubted(sides: Sides, result: Reconciled) -> frozenset[str]:
    """The doubted fields that a person has yet to decide: those that differ, and those not looked at."""
    asked = {path for path, why in result.conflicts.items() if result.held or why in (RESTORED, NOT_VALID)}
    return frozenset(path for path in asked | sides.paused if sides.doubts(path))


def _invalid(moves: Moves, remote: RemoteView) -> list[Mapping[str, JSON]]:
    found: list[Mapping[str, JSON]] = []
    for path, value in moves.to_local.items():
        if why := problem(path, value) or remote.misnamed.get(path):
            found.append({"field": path, "why": why})
    return found


def _actions(couple: Couple, moves: Moves, result: Reconciled, doubts: frozenset[str]) -> tuple[Action, ...]:
    customer, remote = couple.customer, couple.remote
    actions = list(_link_actions(couple, LinkState.ACTIVE, moves.baseline, result.forget_accepted, doubts))
    if moves.to_local:
        changes = changeset(customer.fields, moves.to_local)
        lost = frozenset(path for path in changes if result.rulings[path].overwrites)
        actions.append(UpdateCustomer(customer_id=customer.id, changes=changes, overwrites=lost))
    if moves.to_remote or moves.key:
        changes = changeset(remote.fields, moves.to_remote)
        lost = frozenset(path for path in changes if result.rulings[path].overwrites)
        actions.append(
            UpdateCrm(
                customer_id=customer.id,
                ref=remote.ref,
                changes=changes,
                overwrites=lost,
                external_id=moves.key,
            )
        )
    return tuple(actions)


def _link_actions(
    couple: Couple,
    state: LinkState,
    baseline: Baseline,
    forget_accepted: frozenset[str],
    doubts: frozenset[str],
) -> tuple[Action, ...]:
    """Make the link, or bring it to `state` with the pairs that are new; nothing if all stands already."""
    link = couple.link
    if link is None:
        return (
            MakeLink(
                customer_id=couple.customer.id,
                ref=couple.remote.ref,
                state=state,
                baseline=baseline,
                doubted=doubts,
            ),
        )
    known = link.baseline or {}
    news = {path: pair for path, pair in baseline.items() if not normalise.equal(known.get(path), pair)}
    if link.state is state and not news and not forget_accepted:
        return ()
    return (
        AdjustLink(
            link_id=link.id,
            state=state if link.state is not state else None,
            baseline=news,
            forget_accepted=forget_accepted,
        ),
    )


def _mismatch_row(customer: CustomerView, remote: RemoteView, sides: Sides, result: Reconciled) -> Conflict:
    known = sides.baseline or {}
    return Conflict(
        kind=ConflictKind.ADDRESS_MISMATCH,
        subject=subject_of(remote.ref),
        ref=remote.ref,
        customer_id=customer.id,
        local={path: sides.local[path] for path in result.conflicts},
        remote={path: sides.remote[path] for path in result.conflicts},
        baseline={path: known[path] for path in result.conflicts if path in known},
        reasons=verdict_reasons(result.verdicts["address"]),
    )


def _field_rows(
    customer: CustomerView, remote: RemoteView, sides: Sides, moves: Moves, policy: Policy
) -> list[Conflict]:
    known = sides.baseline or {}
    rows = []
    for path, why in moves.conflicts.items():
        pairs = {path: known[path]} if path in known else {}
        local, remote_value = sides.local[path], sides.remote[path]
        if why == NOT_VALID:
            ids = {"ref": remote.ref, "customer_id": customer.id}
            rows.append(
                question(path, **ids, local=local, remote=remote_value, baseline=pairs, policy=policy)
            )
            continue
        kind = ConflictKind.IMMUTABLE_FIELD if why == "immutable" else ConflictKind.FIELD_CONFLICT
        detail = verdict_reasons(moves.verdicts[path]) if path in moves.verdicts else ()
        rows.append(
            Conflict(
                kind=kind,
                subject=subject_of(remote.ref),
                field=path,
                ref=remote.ref,
                customer_id=customer.id,
                local={path: local},
                remote={path: remote_value},
                baseline=pairs,
                reasons=({"why": why}, *detail),
            )
        )
    return rows
