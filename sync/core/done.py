"""What a run did to one record, how the record stands now, and why an undo leaves something alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from connectors.records import Fields
from sync.core.diff import Baseline, Change, Changeset
from sync.core.match import LinkState


class Side(StrEnum):
    """Where a field stands."""

    LOCAL = "local"
    CRM = "crm"


class Why(StrEnum):
    """Why something is left alone."""

    HERE = "it was changed here since"
    THERE = "it was changed in the CRM since"
    GONE = "the record is gone from the CRM, or cannot be read"
    MOVED = "the customer is joined to another record, or to none, since"
    DELETED = "the customer was deleted since"
    WAITING = "it waits in the queue for a decision"
    DECIDED = "it was decided anew, or closed, since"
    TAKEN = "another customer has this value since"
    FIXED = "it cannot change once it is set"
    RULES = "the present map or rules do not let it be written to the CRM"
    BILLED = "contracts that run bill the customer, or count on it to pay"
    MADE_THERE = "the record was made in the CRM; delete it there if it is not wanted"
    BUSY = "it is being written to the CRM just now, or is not settled yet; ask for the undo again"
    REFUSED = "the CRM refused it"
    KEYED = "the record has another external id in the CRM since"
    SYNCED = "runs have moved values since; undo those runs to put them back"
    UNSURE = "the CRM did not take it yet; ask for the undo again"


@dataclass(frozen=True, slots=True)
class Left:
    """A field that is left alone; the whole record if `path` is empty. `detail`: the CRM's own reason."""

    side: Side
    path: str
    why: Why
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An applied change as it was kept."""

    action: str
    changes: Changeset = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a run did to one customer and its record, all its changes taken together.

    Args:
        local: fields written here, `crm` those written in the CRM.
        created: the customer was made (or restored) here, `deleted` the opposite.
        linked: customer and record were joined, `unlinked` the opposite.
        created_there: the record was made in the CRM.
        keyed: the CRM record was given its external id.
    """

    local: Changeset = field(default_factory=dict)
    crm: Changeset = field(default_factory=dict)
    created: bool = False
    deleted: bool = False
    linked: bool = False
    unlinked: bool = False
    created_there: bool = False
    keyed: bool = False


def fold(kept: Iterable[Kept]) -> Done:
    """Take the changes of one record together, oldest first."""
    local: dict[str, Change] = {}
    crm: dict[str, Change] = {}
    actions = set()
    for each in kept:
        actions.add(each.action)
        side = crm if each.action == "update_crm" else local
        for path, change in each.changes.items():
            side[path] = Change(side[path].before if path in side else change.before, change.after)
    keyed = crm.pop("external_id", None) is not None
    return Done(
        local=local,
        crm=crm,
        created=bool(actions & {"create_customer", "restore_customer"}),
        deleted="delete_customer" in actions,
        linked=bool(actions & {"make_link", "attach_link"}),
        unlinked="detach_link" in actions,
        created_there="create_crm" in actions,
        keyed=keyed,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """A record as it stands now.

    Args:
        local: the customer's values; `deleted` if it is not living.
        remote: the CRM record's values; None if it is gone or cannot be read.
        baseline: what both last agreed on, if they are joined.
        state: of their link; None without one.
        same_record: whether the customer is still joined to the record that the run knew.
        waiting: fields about which an open row of the queue asks.
        moved: fields that were changed here since the customer was made, by anything that still stands.
        billed: whether contracts keep the customer from being deleted.
        key_taken: whether another living customer has its external id.
        busy: whether it is being written just now.
    """

    local: Fields
    remote: Fields | None
    baseline: Baseline = field(default_factory=dict)
    state: LinkState | None = LinkState.ACTIVE
    deleted: bool = False
    same_record: bool = True
    waiting: frozenset[str] = frozenset()
    moved: frozenset[str] = frozenset()
    billed: bool = False
    key_taken: bool = False
    busy: bool = False
