"""The decision table of one field (design, section 6), as a pure function.

    baseline | local     | CRM            | decision
    any      | equal by meaning           | agree: the baseline becomes the two forms
    none     | one side blank             | fill the blank side
    none     | differ                     | the rule's `first_link`
    has      | unchanged | changed        | take the CRM's value
    has      | changed   | unchanged      | push the local value
    has      | changed   | changed, differ| the rule's `on_both_changed`
    has      | blanked on one side        | `keep`: nothing moves

Three refinements: a one-way rule overwrites an edit on the other side (its value is kept in the run);
with no baseline nothing is ever erased; an address that changed on one side flows even where the other
spelling means the same, but a poorer form never replaces a richer one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connectors.records import ADDRESS_FIELDS, FieldValue
from sync.core import normalise
from sync.core.address import Outcome
from sync.core.diff import Pair, Regions, changed
from sync.core.policy import Blanks, Direction, FirstLink, OnBothChanged, OnPartial, Rule


class Decision(StrEnum):
    """What happens to one field."""

    UNCHANGED = "unchanged"
    AGREE = "agree"
    TAKE_CRM = "take_crm"
    PUSH_LOCAL = "push_local"
    CONFLICT = "conflict"
    BLANK_KEPT = "blank_kept"
    POORER_KEPT = "poorer_kept"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision, and whether it overwrites an edit of the other side that a rule lets lose."""

    decision: Decision
    overwrites: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both sides of one field.

    `outcome` and `richer` are the address check's, for addresses only. `accepted`: a person let exactly this
    pair pass, so what one says more than the other is no reason to ask again, and a blank that the person
    chose does travel.
    """

    path: str
    local: FieldValue
    remote: FieldValue
    baseline: Pair | None
    regions: Regions = (None, None)
    local_at: datetime | None = None
    remote_at: datetime | None = None
    outcome: Outcome | None = None
    richer: str | None = None
    on_partial: OnPartial = OnPartial.KEEP
    accepted: bool = False


_SAME_PLACE = (Outcome.MATCH, Outcome.EQUIVALENT)


def decide(seen: Comparison, rule: Rule, first_link: FirstLink) -> Ruling:
    """The decision for one field. `first_link` is the connection's; the rule's own goes before it."""
    if rule.direction is Direction.IGNORE:
        return Ruling(Decision.IGNORED)
    if seen.baseline is None:
        return _without_baseline(seen, rule, rule.first_link or first_link)
    local_changed = changed(seen.path, seen.baseline[0], seen.local, seen.regions[0])
    remote_changed = changed(seen.path, seen.baseline[1], seen.remote, seen.regions[1])
    if not local_changed and not remote_changed:
        return Ruling(Decision.UNCHANGED)
    if _equal(seen, one_sided=local_changed != remote_changed):
        return Ruling(Decision.AGREE)
    if rule.direction is not Direction.TWO_WAY:
        return _one_way(seen, rule, local_changed=local_changed, remote_changed=remote_changed)
    if local_changed and remote_changed:
        return _both_changed(seen, rule)
    return _move(seen, rule, to_local=remote_changed)


def _equal(seen: Comparison, *, one_sided: bool) -> bool:
    """Whether the sides agree. A changed spelling of an address is news while one side has it alone."""
    if seen.path in ADDRESS_FIELDS:
        if one_sided:
            return normalise.identical(seen.path, seen.local, seen.remote)
        return seen.outcome in _SAME_PLACE
    return normalise.same(seen.path, seen.local, seen.remote, seen.regions)


def _without_baseline(seen: Comparison, rule: Rule, first_link: FirstLink) -> Ruling:
    if _equal(seen, one_sided=False):
        return Ruling(Decision.AGREE)
    local_blank, remote_blank = normalise.blank(seen.local), normalise.blank(seen.remote)
    if local_blank or remote_blank:
        allowed = rule.inbound if local_blank else rule.outbound
        filled = Decision.TAKE_CRM if local_blank else Decision.PUSH_LOCAL
        return Ruling(filled if allowed else Decision.BLANK_KEPT)
    if seen.outcome is Outcome.PARTIAL:
        return _first_partial(seen, rule)
    if rule.direction is Direction.CRM_TO_LOCAL:
        return Ruling(Decision.TAKE_CRM, overwrites=True)
    if rule.direction is Direction.LOCAL_TO_CRM:
        return Ruling(Decision.PUSH_LOCAL, overwrites=True)
    if first_link is FirstLink.PREFER_CRM:
        return Ruling(Decision.TAKE_CRM, overwrites=True)
    if first_link is FirstLink.PREFER_LOCAL:
        return Ruling(Decision.PUSH_LOCAL, overwrites=True)
    return Ruling(Decision.CONFLICT)


def _first_partial(seen: Comparison, rule: Rule) -> Ruling:
    """Two forms of one place, one with more: neither is rewritten unless the connection says so."""
    if seen.on_partial is OnPartial.REVIEW or (seen.on_partial is OnPartial.ENRICH and seen.richer is None):
        return Ruling(Decision.CONFLICT)
    if seen.on_partial is OnPartial.ENRICH:
        if seen.richer == "remote" and rule.inbound:
            return Ruling(Decision.TAKE_CRM)
        if seen.richer == "local" and rule.outbound:
            return Ruling(Decision.PUSH_LOCAL)
    return Ruling(Decision.AGREE)


def _one_way(seen: Comparison, rule: Rule, *, local_changed: bool, remote_changed: bool) -> Ruling:
    """The master's value stands, whichever side moved; an edit on the other side loses to the rule."""
    to_local = rule.direction is Direction.CRM_TO_LOCAL
    other_moved = local_changed if to_local else remote_changed
    ruling = _move(seen, rule, to_local=to_local)
    if ruling.decision in (Decision.POORER_KEPT, Decision.CONFLICT):
        # One-way means that the master's form stands, even where the other side's says more.
        ruling = Ruling(Decision.TAKE_CRM if to_local else Decision.PUSH_LOCAL)
    moves = ruling.decision in (Decision.TAKE_CRM, Decision.PUSH_LOCAL)
    return Ruling(ruling.decision, overwrites=moves and other_moved)


def _both_changed(seen: Comparison, rule: Rule) -> Ruling:
    winner = rule.on_both_changed
    if winner is OnBothChanged.NEWEST:
        if seen.local_at is None or seen.remote_at is None or seen.local_at == seen.remote_at:
            return Ruling(Decision.CONFLICT)
        newest_is_local = seen.local_at > seen.remote_at
        winner = OnBothChanged.PREFER_LOCAL if newest_is_local else OnBothChanged.PREFER_CRM
    if winner is OnBothChanged.REVIEW:
        return Ruling(Decision.CONFLICT)
    to_local = winner is OnBothChanged.PREFER_CRM
    ruling = _move(seen, rule, to_local=to_local)
    if ruling.decision is Decision.BLANK_KEPT:
        # The winner only emptied the field, and blanks do not travel: the other side's edit stands.
        to_local = not to_local
        return _move(seen, rule, to_local=to_local)
    moves = ruling.decision in (Decision.TAKE_CRM, Decision.PUSH_LOCAL)
    return Ruling(ruling.decision, overwrites=moves)


def _move(seen: Comparison, rule: Rule, *, to_local: bool) -> Ruling:
    """Move one side's value to the other, unless it is blank or a poorer form of the same address.

    Where each of two partial addresses has something that the other lacks, moving either would lose it.
    """
    source = seen.remote if to_local else seen.local
    if normalise.blank(source) and rule.blanks is Blanks.KEEP and not seen.accepted:
        return Ruling(Decision.BLANK_KEPT)
    if seen.outcome is Outcome.PARTIAL and not seen.accepted:
        if seen.richer is None:
            return Ruling(Decision.CONFLICT)
        if seen.richer == ("local" if to_local else "remote"):
            return Ruling(Decision.POORER_KEPT)
    return Ruling(Decision.TAKE_CRM if to_local else Decision.PUSH_LOCAL)
