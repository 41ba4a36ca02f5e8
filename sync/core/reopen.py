"""What the undo of a person's decision does: the sides go back, and the question is asked again.

The baseline becomes what it was before the decision, so that the two edits which it was about are told from
one another as before, and wait. Undoing that undo decides again: the ordinary push carries it to the CRM.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from connectors.records import Fields
from sync.core import normalise
from sync.core.diff import Change, Changeset, changed
from sync.core.done import Left, Now, Side, Why
from sync.core.landing import means
from sync.core.policy import Policy
from sync.core.reconcile import regions_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision, or the undo of one (`again`), as it was kept.

    Args:
        local: field → what it was and what it became here.
        theirs: the CRM's values when it was decided.
        again: it reopened the question, and is to be decided again.
    """

    local: Changeset
    theirs: Fields
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenPlan:
    """What is done: fields written on both sides, and whose pairs go back."""

    to_local: Changeset = field(default_factory=dict)
    to_remote: Changeset = field(default_factory=dict)
    paths: frozenset[str] = frozenset()
    left: tuple[Left, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing had to be left alone."""
        return not self.left


def plan_reopen(decided: Decided, now: Now, policy: Policy, *, stands: bool) -> ReopenPlan:
    """Plan the undo of a decision; `stands` if its row is still as the decision left it."""
    if now.busy:
        return ReopenPlan(left=(Left(Side.CRM, "", Why.BUSY),))
    if not stands:
        return ReopenPlan(left=(Left(Side.LOCAL, "", Why.DECIDED),))
    if now.deleted or not now.same_record:
        return ReopenPlan(left=(Left(Side.LOCAL, "", Why.DELETED if now.deleted else Why.MOVED),))
    if now.remote is None:
        return ReopenPlan(left=(Left(Side.CRM, "", Why.GONE),))
    regions = regions_of(now.local, now.remote)
    to_local: dict[str, Change] = {}
    to_remote: dict[str, Change] = {}
    left: list[Left] = []
    paths = set()
    for path, change in decided.local.items():
        here, there, theirs = now.local.get(path), now.remote.get(path), decided.theirs.get(path)
        back = normalise.identical(path, here, change.before)
        moved = changed(path, theirs, there, regions[1])
        if not back and not normalise.identical(path, here, change.after):
            left.append(Left(Side.LOCAL, path, Why.HERE))
        elif moved and (decided.again or not means(path, change.after, there)):
            left.append(Left(Side.CRM, path, Why.THERE))
        elif moved and not (path in policy.fields and policy.rule(path).outbound):
            left.append(Left(Side.CRM, path, Why.RULES))
        else:
            paths.add(path)
            if not back:
                to_local[path] = Change(here, change.before)
            if moved:
                to_remote[path] = Change(there, theirs)
    return ReopenPlan(to_local=to_local, to_remote=to_remote, paths=frozenset(paths), left=tuple(left))


def plan_rest(decided: Decided, now: Now, policy: Policy, *, unsent: Collection[str]) -> ReopenPlan:
    """Plan what the CRM did not take of an undo whose question is open already: only it is sent again."""
    plan = plan_reopen(decided, now, policy, stands=True)
    owed = {path: change for path, change in plan.to_remote.items() if path in unsent}
    return ReopenPlan(
        to_remote={path: change for path, change in owed.items() if path not in plan.to_local},
        left=tuple(each for each in plan.left if each.path in {*unsent, ""}),
    )


def without_email(plan: ReopenPlan) -> ReopenPlan:
    """The plan with its e-mail address left alone on both sides: another customer has it since."""
    return ReopenPlan(
        to_local={path: change for path, change in plan.to_local.items() if path != "email"},
        to_remote={path: change for path, change in plan.to_remote.items() if path != "email"},
        paths=plan.paths - {"email"},
        left=(*plan.left, Left(Side.LOCAL, "email", Why.TAKEN)),
    )
