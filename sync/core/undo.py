"""What an undo does to one record: what of a run goes back, and what is left alone, with the reason.

Only the side that the run wrote is restored, and only where nobody has changed the field since, here or in
the CRM. The pair of a restored field becomes (restored, the other side now), so that nothing moves until
someone edits. What is back already is nothing to do, so an undo that was cut off can be done again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from connectors.records import FieldValue
from sync.core import normalise
from sync.core.diff import Baseline, Change, Changeset, Pair, changed
from sync.core.done import Done, Left, Now, Side, Why
from sync.core.landing import means
from sync.core.match import LinkState
from sync.core.policy import Policy
from sync.core.reconcile import regions_of


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPlan:
    """What is done about one record.

    `baseline` holds the pairs of what is restored here; a field restored in the CRM has its pair moved by
    the receipt.
    """

    to_local: Changeset = field(default_factory=dict)
    to_remote: Changeset = field(default_factory=dict)
    baseline: Baseline = field(default_factory=dict)
    delete: bool = False
    restore: bool = False
    detach: bool = False
    attach: bool = False
    left: tuple[Left, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether anything is done at all."""
        links = self.detach or self.attach
        return bool(self.to_local or self.to_remote or self.delete or self.restore or links)


def plan_undo(done: Done, now: Now, policy: Policy) -> UndoPlan:
    """Plan the undo of what a run did to one record."""
    if now.busy:
        return UndoPlan(left=(Left(Side.CRM, "", Why.BUSY),))
    left: list[Left] = []
    delete = done.created and _deletes(now, left)
    restore = done.deleted and _restores(now, left)
    to_local: dict[str, Change] = {}
    baseline: dict[str, Pair] = {}
    if not (done.created or done.deleted):
        for path, change in done.local.items():
            why = _why_not_here(path, change, now)
            if why is not None:
                left.append(Left(Side.LOCAL, path, why))
            elif not normalise.identical(path, now.local.get(path), change.before):
                to_local[path] = Change(now.local.get(path), change.before)
                baseline |= _pair_of(path, change.before, now)
    to_remote: dict[str, Change] = {}
    for path, change in done.crm.items():
        why = _why_not_there(path, change, now, policy)
        if why is not None:
            left.append(Left(Side.CRM, path, why))
        elif now.remote is not None and changed(path, change.before, now.remote.get(path), _regions(now)[1]):
            to_remote[path] = Change(now.remote.get(path), change.before)
    if done.keyed:
        left.append(Left(Side.CRM, "external_id", Why.FIXED))
    if done.created_there:
        left.append(Left(Side.CRM, "", Why.MADE_THERE))
    return UndoPlan(
        to_local=to_local,
        to_remote=to_remote,
        baseline=baseline,
        delete=delete,
        restore=restore,
        detach=done.linked and not delete and _detaches(now, left),
        attach=done.unlinked and _attaches(now, left),
        left=tuple(left),
    )


def _regions(now: Now) -> tuple[str | None, str | None]:
    return regions_of(now.local, now.remote or {})


def _why_not_here(path: str, change: Change, now: Now) -> Why | None:
    """Why a field is not restored here; None also if it is back already."""
    value = now.local.get(path)
    if normalise.identical(path, value, change.before):
        return None
    if now.deleted:
        return Why.DELETED
    if not normalise.identical(path, value, change.after):
        return Why.HERE
    if path in now.waiting:
        return Why.WAITING
    if path == "business_entity_id":
        return Why.FIXED
    return Why.THERE if _news_there(path, now) else None


def _why_not_there(path: str, change: Change, now: Now, policy: Policy) -> Why | None:
    """Why a field is not restored in the CRM; None also if it is back already."""
    if now.remote is None:
        return Why.GONE
    if not now.same_record or path not in now.baseline:
        return Why.MOVED
    value = now.remote.get(path)
    if not changed(path, change.before, value, _regions(now)[1]):
        return None
    if not means(path, change.after, value) or _news_there(path, now):
        return Why.THERE
    if path in now.waiting:
        return Why.WAITING
    if now.deleted:
        return Why.DELETED
    if changed(path, now.baseline[path][0], now.local.get(path), _regions(now)[0]):
        return Why.HERE
    return None if path in policy.fields and policy.rule(path).outbound else Why.RULES


def _news_there(path: str, now: Now) -> bool:
    """Whether the CRM has an edit of the field that has not been taken in yet: it is on its way here."""
    if now.remote is None or path not in now.remote or path not in now.baseline:
        return False
    return changed(path, now.baseline[path][1], now.remote[path], _regions(now)[1])


def _pair_of(path: str, restored: FieldValue, now: Now) -> dict[str, Pair]:
    if now.remote is not None and path in now.remote:
        return {path: (restored, now.remote[path])}
    return {path: (restored, now.baseline[path][1])} if path in now.baseline else {}


def _deletes(now: Now, left: list[Left]) -> bool:
    if now.deleted:
        return False
    if now.moved:
        left += [Left(Side.LOCAL, path, Why.HERE) for path in sorted(now.moved)]
    elif now.billed:
        left.append(Left(Side.LOCAL, "", Why.BILLED))
    return not (now.moved or now.billed)


def _restores(now: Now, left: list[Left]) -> bool:
    if not now.deleted:
        return False
    if now.key_taken:
        left.append(Left(Side.LOCAL, "external_id", Why.TAKEN))
    return not now.key_taken


def _detaches(now: Now, left: list[Left]) -> bool:
    if now.state is LinkState.DETACHED:
        return False
    if now.state in (LinkState.ACTIVE, LinkState.HELD) and now.same_record:
        return True
    left.append(Left(Side.CRM, "", Why.GONE if now.state is LinkState.FROZEN else Why.MOVED))
    return False


def _attaches(now: Now, left: list[Left]) -> bool:
    if now.deleted:
        left.append(Left(Side.CRM, "", Why.DELETED))
    elif now.state is None or not now.same_record:
        left.append(Left(Side.CRM, "", Why.MOVED))
    else:
        return now.state is LinkState.DETACHED
    return False


def hold_taken_emails(
    plans: Mapping[str, UndoPlan], emails: Mapping[str, FieldValue], owners: Mapping[str, str]
) -> dict[str, UndoPlan]:
    """Leave alone every e-mail address that is, or stays, another customer's.

    Args:
        plans: by customer id.
        emails: the address that each of these customers has, living or deleted.
        owners: folded address → id of the living customer that has it, for all addresses claimed.
    """
    settled = dict(plans)
    while True:
        leaving = {each for each, plan in settled.items() if plan.delete or "email" in plan.to_local}
        final = {address: owner for address, owner in owners.items() if owner not in leaving}
        losers = [
            customer_id
            for customer_id, plan in settled.items()
            if (address := claimed(plan, emails.get(customer_id)))
            and final.setdefault(address, customer_id) != customer_id
        ]
        if not losers:
            return settled
        for customer_id in losers:
            settled[customer_id] = _without_email(settled[customer_id])


def claimed(plan: UndoPlan, email: FieldValue) -> str | None:
    """The folded address that a plan gives to its customer, if any."""
    value = plan.to_local["email"].after if "email" in plan.to_local else email if plan.restore else None
    return normalise.email(value) if isinstance(value, str) and not normalise.blank(value) else None


def _without_email(plan: UndoPlan) -> UndoPlan:
    if plan.restore:
        return UndoPlan(left=(*plan.left, Left(Side.LOCAL, "email", Why.TAKEN)))
    return replace(
        plan,
        to_local={path: change for path, change in plan.to_local.items() if path != "email"},
        baseline={path: pair for path, pair in plan.baseline.items() if path != "email"},
        left=(*plan.left, Left(Side.LOCAL, "email", Why.TAKEN)),
    )
