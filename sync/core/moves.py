"""What is to move between a customer and its record, less what open rows of the queue hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.records import Fields, FieldValue
from sync.core import normalise
from sync.core.actions import Conflict, ConflictKind
from sync.core.address import AddressVerdict
from sync.core.decide import Decision
from sync.core.diff import Pair
from sync.core.match import RemoteView
from sync.core.reconcile import Reconciled, Sides, regions_of
from sync.core.scope import KEY


@dataclass(slots=True)
class Moves:
    """What reconciling decided, while rows that are already open still take fields out of it."""

    to_local: dict[str, FieldValue]
    to_remote: dict[str, FieldValue]
    baseline: dict[str, Pair]
    conflicts: dict[str, str]
    kept: dict[str, str]
    verdicts: Mapping[str, AddressVerdict]
    key: str | None
    kept_rows: list[Conflict] = field(default_factory=list)

    @property
    def sent(self) -> Fields:
        """What would be sent to the CRM, the external id with it."""
        return {**self.to_remote, **({KEY: self.key} if self.key else {})}

    def hold(self, path: str) -> None:
        """Take a field out, or the external id: nothing of it moves, its baseline stands."""
        if path == KEY:
            self.key = None
        self.to_local.pop(path, None)
        self.to_remote.pop(path, None)
        self.baseline.pop(path, None)
        self.conflicts.pop(path, None)


def moves_of(sides: Sides, result: Reconciled, key: str | None) -> Moves:
    """What reconciling decided; `key` is the external id that the CRM has yet to be told."""
    kept = {
        path: ruling.decision.value
        for path, ruling in result.rulings.items()
        if ruling.decision in (Decision.BLANK_KEPT, Decision.POORER_KEPT)
    }
    moves = Moves(
        to_local=dict(result.to_local),
        to_remote=dict(result.to_remote),
        baseline=dict(result.baseline),
        conflicts=dict(result.conflicts),
        kept=kept,
        verdicts=result.verdicts,
        key=key,
    )
    if "customer_name" in moves.to_local and normalise.blank(moves.to_local["customer_name"]):
        # A customer without a name cannot be billed, whatever the rule for blanks says.
        moves.hold("customer_name")
        moves.kept["customer_name"] = Decision.BLANK_KEPT.value
    entity = "business_entity_id"
    if entity in moves.to_local and not normalise.blank(sides.local[entity]):
        moves.hold(entity)
        moves.conflicts[entity] = "immutable"
    return moves


def apply_open_rows(moves: Moves, sides: Sides, remote: RemoteView, open_rows: Sequence[Conflict]) -> None:
    """Fields that an open row holds stay held, as long as what it says is still so."""
    for row in open_rows:
        if sides.paused & ({row.field} if row.field else row.local.keys()):
            moves.kept_rows.append(row)  # until a resync takes the field up under its new rule
        elif row.kind is ConflictKind.FIELD_CONFLICT and row.sticky:
            _hold_overwritten(moves, sides, row)
        elif row.kind is ConflictKind.PUSH_REJECTED:
            _hold_refused(moves, remote, row)


def _hold_refused(moves: Moves, remote: RemoteView, row: Conflict) -> None:
    """What the CRM refused at once is held while all of it stands; once a part is corrected, all is sent."""
    sent = moves.sent
    stands = [
        path in sent and normalise.identical(path, value, sent[path]) for path, value in row.local.items()
    ]
    if not stands or not all(stands):
        return
    for path in row.local:
        moves.hold(path)
    # As the CRM is by now: who dismisses the row keeps what stands on both sides.
    there = {**remote.fields, KEY: remote.external_id}
    moves.kept_rows.append(replace(row, remote={path: there[path] for path in row.local}))


def _hold_overwritten(moves: Moves, sides: Sides, row: Conflict) -> None:
    """A value that our write overwrote unseen: it waits until a person decides or a side takes it up."""
    path = row.field
    if path not in sides.local or path not in sides.remote:
        return
    foreign = row.remote.get(path)
    regions = regions_of(sides.local, sides.remote)
    taken_up = normalise.same(path, foreign, sides.local[path], regions) or normalise.same(
        path, foreign, sides.remote[path], regions
    )
    if not taken_up:
        moves.hold(path)
        # As both sides are by now: a decision on values that are no longer so is refused.
        moves.kept_rows.append(
            replace(row, local={path: sides.local[path]}, landed={path: sides.remote[path]})
        )
