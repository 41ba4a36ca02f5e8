"""The plan that a run leaves to a person, and what an approval of it lets through."""

from __future__ import annotations

from collections import Counter

from connectors.records import JSON
from sync.report import Tally
from sync.store import runs
from sync.store.session import Tx
from sync.work import Approval

COUNTED = {
    "create_local": "created_local",
    "update_local": "updated_local",
    "create_remote": "created_remote",
    "update_remote": "updated_remote",
}
"""Action of a plan → the count that it adds to."""


def keep(tx: Tx, run_id: str, tally: Tally) -> None:
    """Keep the counts of a plan with its run."""
    planned: dict[str, JSON] = {name: getattr(tally, count) for name, count in COUNTED.items()}
    runs.save(tx, run_id, planned=planned | {"held": dict(tally.held)})


def approval_of(tx: Tx, organisation_id: str, plan_id: str) -> Approval:
    """What the approval of a plan lets through."""
    planned = runs.find(tx, organisation_id, plan_id)["planned"] or {}
    return Approval(plan_id, Counter({name: int(planned.get(name, 0)) for name in COUNTED}))
