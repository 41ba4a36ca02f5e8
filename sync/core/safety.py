"""The brake: a run that would change too much, or a listing that lost too much, stops and asks.

Source of the idea: Entra Connect stops an export of more than 500 deletes before the first is written;
vdirsyncer refuses a side that is suddenly empty. The thresholds are the design's (section 9).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sync.core import normalise
from sync.core.actions import ConflictKind, CreateCustomer, RecordPlan, UpdateCrm, UpdateCustomer
from sync.core.diff import Changeset

HOLDS = frozenset({ConflictKind.ADDRESS_MISMATCH, ConflictKind.REMOTE_DELETED, ConflictKind.REMOTE_MERGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When the brake trips. A share counts only above its floor, so that small accounts can work."""

    changed_share: float = 0.20
    changed_floor: int = 50
    blanked_share: float = 0.02
    blanked_floor: int = 20
    lost_share: float = 0.10


@dataclass(frozen=True, slots=True)
class Load:
    """How much moves: records changed or newly held, and per field how many values are blanked."""

    changed: int = 0
    blanked: Mapping[str, int] = field(default_factory=dict)

    def plus(self, other: Load) -> Load:
        """Both loads together."""
        paths = {*self.blanked, *other.blanked}
        blanked = {path: self.blanked.get(path, 0) + other.blanked.get(path, 0) for path in paths}
        return Load(self.changed + other.changed, blanked)


def load_of(plans: Iterable[RecordPlan], *, known: frozenset[tuple[str, str]] = frozenset()) -> Load:
    """What some plans change here, or newly hold. `known`: (subject, kind) of holds that are open already.

    What goes to the CRM is counted when it has landed (`outgoing_load` foresees it): a write that fails and
    is tried again is still one change.
    """
    changed = 0
    blanked: dict[str, int] = {}
    for plan in plans:
        held = any(row.kind in HOLDS and (row.subject, row.kind) not in known for row in plan.conflicts)
        moves = False
        for action in plan.actions:
            moves = moves or isinstance(action, CreateCustomer | UpdateCustomer)
            if isinstance(action, UpdateCustomer):
                _count_blanked(action.changes, blanked)
        changed += moves or held
    return Load(changed, blanked)


def outgoing_load(updates: Iterable[UpdateCrm]) -> Load:
    """What some updates change in the CRM."""
    changed = 0
    blanked: dict[str, int] = {}
    for update in updates:
        changed += 1
        _count_blanked(update.changes, blanked)
    return Load(changed, blanked)


def _count_blanked(changes: Changeset, blanked: dict[str, int]) -> None:
    for path, change in changes.items():
        if normalise.blank(change.after) and not normalise.blank(change.before):
            blanked[path] = blanked.get(path, 0) + 1


def trips(load: Load, links: int, limits: Limits) -> str | None:
    """Why the brake trips at this load of the last 24 hours, or None.

    Args:
        load: everything in the window, the changes about to be made included.
        links: how many links the connection has.
        limits: the thresholds.
    """
    if load.changed > max(limits.changed_floor, limits.changed_share * links):
        return (
            f"{load.changed} records would change or be held within 24 hours, "
            f"more than {limits.changed_share:.0%} of {links} linked records"
        )
    for path, count in sorted(load.blanked.items()):
        if count > max(limits.blanked_floor, limits.blanked_share * links):
            return f"{path} would be blanked on {count} records within 24 hours"
    return None


def lost(listed: int, missing: int, links: int, limits: Limits) -> str | None:
    """Why a complete listing cannot be believed, or None.

    Args:
        listed: live records in the listing.
        missing: linked records that were not in it.
        links: links whose records should be there.
        limits: the thresholds.
    """
    if links and not listed:
        return f"the CRM listed no record at all, although {links} are linked"
    if missing > limits.lost_share * links and missing > 1:
        return f"{missing} of {links} linked records are gone from the CRM's listing"
    return None
