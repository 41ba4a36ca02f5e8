"""The dry run: plans kept as rows instead of being applied, and what an approval lets through.

A plan is stored per record with a digest of its inputs. On approval the records whose digest still holds
are applied; others are planned anew and applied within the approved counts per action, and what exceeds
them waits for the next approval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import orjson
import xxhash

from connectors.records import JSON
from sync.apply import PlannedRecord, changes_as_json
from sync.core.actions import (
    Action,
    AdjustLink,
    Conflict,
    CreateCrm,
    CreateCustomer,
    MakeLink,
    RecordPlan,
    UpdateCrm,
    UpdateCustomer,
    subject_of,
)
from sync.scoping import as_json
from sync.situation import Looked, Situation
from sync.store import runs
from sync.store.baselines import pack_fields
from sync.store.session import Tx
from sync.work import Approval, Work

NAMES: dict[type[Action], str] = {
    CreateCustomer: "create_local",
    UpdateCustomer: "update_local",
    CreateCrm: "create_remote",
    UpdateCrm: "update_remote",
    MakeLink: "link",
    AdjustLink: "adjust_link",
}
MOVES = ("create_local", "update_local", "create_remote", "update_remote")


def describe(plan: RecordPlan) -> list[JSON]:
    """What a plan would do, per action with before and after, and which rows it would open."""
    out: list[JSON] = [{"action": "out_of_scope"}] if plan.out_of_scope else []
    return out + [_action(action) for action in plan.actions] + [_row(row) for row in plan.conflicts]


def _action(action: Action) -> JSON:
    body: dict[str, JSON] = {"action": NAMES[type(action)]}
    if isinstance(action, CreateCustomer | CreateCrm):
        body |= {"external_id": action.external_id, "fields": pack_fields(action.fields)}
    elif isinstance(action, UpdateCustomer | UpdateCrm):
        body |= {"customer": action.customer_id, "changes": changes_as_json(action.changes)}
    elif isinstance(action, MakeLink):
        body |= {"customer": action.customer_id, "state": action.state.value}
    elif action.state is not None:
        body["state"] = action.state.value
    return body


def _row(row: Conflict) -> JSON:
    return {
        "action": "hold",
        "kind": row.kind.value,
        "field": row.field,
        "local": pack_fields(row.local),
        "remote": pack_fields(row.remote),
        "reasons": [dict(reason) for reason in row.reasons],
    }


def input_digest(looked: Looked, situation: Situation) -> bytes:
    """16 bytes that stand for everything a record's plan was made from."""
    link = situation.links.get(looked.ref)
    customer = situation.customer_of(looked)
    parts: list[JSON] = [looked.digest.hex(), looked.external_id, situation.work.connection.map_version]
    parts += as_json(situation.work.connection.settings.scope)
    if link is not None:
        parts += [link.id, link.row["state"], link.row["accepted"], link.row["accepted_key"]]
    if customer is not None:
        parts += [customer.id, customer.row["version"]]
    return xxhash.xxh3_128_digest(orjson.dumps(parts))


def keep_plans(tx: Tx, work: Work, situation: Situation, planned: Sequence[PlannedRecord]) -> None:
    """Keep the plans of a page instead of applying them, and count them as if they were applied."""
    known = {row.key for rows in situation.queue.values() for row in rows}
    opened: Counter[str] = Counter()
    rows = []
    for record in planned:
        fresh = [
            row for row in record.plan.conflicts if (row.subject, row.kind.value, row.field) not in known
        ]
        opened.update(row.kind.value for row in fresh)
        customer = situation.customer_of(record.looked)
        # A customer whose record is there, though out of scope, is not to be created.
        unjoined = record.plan.out_of_scope and customer is not None
        if record.plan.actions or fresh or (unjoined and record.looked.ref not in situation.links):
            rows.append(
                {
                    "subject": subject_of(record.looked.ref),
                    "customer_id": customer.id if customer else None,
                    "digest": input_digest(record.looked, situation),
                    "actions": describe(record.plan),
                }
            )
    runs.save_plans(tx, work.run_id, rows)
    work.tally.planned([record.plan for record in planned])
    work.tally.opened(opened)


def moves_of(plan: RecordPlan) -> Counter[str]:
    """How many records a plan changes, by action."""
    return Counter(name for action in plan.actions if (name := NAMES[type(action)]) in MOVES)


def allowed(
    tx: Tx, approval: Approval, situation: Situation, planned: Sequence[PlannedRecord]
) -> tuple[list[PlannedRecord], list[PlannedRecord]]:
    """Part a page into what an approval covers and what it does not."""
    digests = runs.plan_digests(tx, approval.run_id, [subject_of(record.looked.ref) for record in planned])
    covered, beyond = [], []
    for record in planned:
        moves = moves_of(record.plan)
        exact = digests.get(subject_of(record.looked.ref)) == input_digest(record.looked, situation)
        if exact or all(approval.remaining[name] >= count for name, count in moves.items()):
            approval.remaining.subtract(moves)
            covered.append(record)
        else:
            beyond.append(record)
    return covered, beyond
