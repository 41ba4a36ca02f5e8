"""What people decide on a row of the queue."""

from __future__ import annotations

import random

from bench.torture.history import token
from bench.torture.lives import customer_gone
from bench.torture.people import LOCAL, People
from connectors.records import FieldValue
from sync.core.actions import ConflictKind
from sync.decisions import FIELD_KINDS, Decision, Take
from sync.errors import ConcordError
from sync.resolve import resolve
from sync.store.conflicts import StoredConflict


def decision_on(row: StoredConflict, chance: random.Random) -> Decision:
    """Some decision that a row of its kind can be given."""
    kind, draw = ConflictKind(row.row["kind"]), chance.random()
    take = Take.OURS if draw < 0.5 else Take.THEIRS
    if kind in FIELD_KINDS:
        return Decision(dismiss=True) if draw > 0.85 else Decision(take=take)
    if kind in (ConflictKind.AMBIGUOUS_MATCH, ConflictKind.MISSING_EXTERNAL_ID):
        return Decision(dismiss=True)
    if kind is ConflictKind.REMOTE_MERGED:
        named = [str(each) for each in row.conflict().reasons[0]["customers"]]  # type: ignore[union-attr]
        return Decision(link=chance.choice(named))
    if kind in (ConflictKind.PUSH_REJECTED, ConflictKind.INVALID_RECORD):
        return Decision(retry=True)
    return Decision(dismiss=True) if draw > 0.85 else Decision(take=take)


def decide(people: People) -> str:
    """Decide a row of the queue, as it is or as it was shown a while ago."""
    rows = people.scene.queue()
    if not rows:
        return "nothing to decide"
    row = people.chance.choice(rows)
    if people.shown is not None and people.chance.random() < 0.3:
        row = people.shown
    people.shown = people.chance.choice(rows)
    return decide_row(people, row)


def decide_row(people: People, row: StoredConflict) -> str:
    """Decide one row as it was shown."""
    decision = decision_on(row, people.chance)
    try:
        resolve(
            people.scene.database,
            people.scene.organisation_id,
            row.id,
            decision,
            actor="torture",
            version=row.row["version"],
        )
    except ConcordError as error:
        return f"{row.row['kind']} {type(error).__name__}"
    _decided(people, row, decision)
    return f"{row.row['kind']} of {row.row['subject']} {row.row['field']}: {decision.as_json()}"


def _decided(people: People, row: StoredConflict, decision: Decision) -> None:
    conflict = row.conflict()
    customer_id = row.row["customer_id"]
    if conflict.kind not in FIELD_KINDS:
        _whole_record(people, row, decision)
        return
    for path in dict.fromkeys((*conflict.local, *conflict.remote)):
        pair = [conflict.local.get(path), conflict.remote.get(path), conflict.landed.get(path)]
        seen = [each for each in (token(path, value) for value in pair) if each is not None]
        chosen: FieldValue = pair[0] if decision.take is Take.OURS or decision.dismiss else pair[1]
        number = token(path, chosen)
        people.emptied |= {path} if number is None else set()
        site = (LOCAL, str(customer_id))
        before = people.history.standing.get((path, number)) if number is not None else None
        event = people.history.edited(path, site, number, seen)
        if decision.take is Take.THEIRS:
            people.history.decided(before, event)
        if decision.take is Take.OURS:
            people.history.excuse_event(event)  # nothing changed here: a later edit elsewhere may have it
        if decision.dismiss or len(conflict.local) > 1:
            # Both stay as they are; and beside other fields a mere blank wins over no value.
            people.dismissed.add((conflict.ref, path))
            people.history.excuse_event(event)


def _whole_record(people: People, row: StoredConflict, decision: Decision) -> None:
    conflict = row.conflict()
    named = {str(row.row["customer_id"])}
    for reason in conflict.reasons:
        customers: object = reason.get("customers")
        named |= set(map(str, customers)) if isinstance(customers, list) else set()
    for customer in people.scene.customers():
        key = str(customer.row["external_id"])
        if customer.id not in named and row.row["subject"] != f"key:{key}":
            continue
        people.disturbed.add(key)
        if conflict.kind is ConflictKind.DELETE_VS_EDIT and decision.take is Take.THEIRS:
            people.buried.pop(key, None)
        if conflict.kind is ConflictKind.REMOTE_DELETED and decision.take is Take.THEIRS:
            customer_gone(people, customer.id, key)
        if conflict.kind is ConflictKind.REMOTE_DELETED and decision.take is Take.OURS:
            people.remade[key] = people.remade.get(key, 0) + 1
