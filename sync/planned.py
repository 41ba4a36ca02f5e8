"""The plan that a run leaves to a person, and what an approval of it lets through."""

from __future__ import annotations

from collections import Counter

from connectors.port import Capabilities
from connectors.records import JSON
from sync.crash import crash_here
from sync.errors import Conflicted
from sync.report import Tally
from sync.store import runs
from sync.store.query import Row
from sync.store.session import Tx
from sync.work import Approval

COUNTED = {
    "create_local": "created_local",
    "update_local": "updated_local",
    "create_remote": "created_remote",
    "update_remote": "updated_remote",
}
"""Action of a plan → the count that it adds to."""
APPLIED = {
    "create_customer": "create_local",
    "update_customer": "update_local",
    "create_crm": "create_remote",
    "update_crm": "update_remote",
}
"""Applied change → the action of a plan that it was."""


def keep(tx: Tx, run_id: str, tally: Tally, can: Capabilities) -> None:
    """Keep the counts of a plan with its run, and the calls that carrying it out takes."""
    planned: dict[str, JSON] = {name: getattr(tally, count) for name, count in COUNTED.items()}
    runs.save(tx, run_id, planned=planned | {"held": dict(tally.held), "calls": least_calls(tally, can)})


def least_calls(tally: Tally, can: Capabilities) -> dict[str, JSON]:
    """The calls that a plan takes at least, beside those of looking at what changed since.

    Each record is looked at before it is written. Many a CRM is asked again for what it stored, or for its
    history: two or three times as much in all.
    """
    updates, creates = tally.updated_remote, tally.created_remote
    reads = -(-updates // can.read_batch) + -(-creates // can.read_batch)
    writes = -(-updates // can.write_batch) + -(-creates // can.write_batch)
    return {"read": reads, "write": writes}


def claim(tx: Tx, organisation_id: str, plan_id: str, run_id: str) -> Approval:
    """Let a run, which holds its lanes, carry out a plan, but for what others have done of it.

    Raises:
        Conflicted: it was carried out or cancelled meanwhile.
    """
    row = runs.find(tx, organisation_id, plan_id, lock=True)
    if row["state"] != "needs_approval":
        raise Conflicted(f"The run {plan_id} is {row['state']}; it does not wait for an approval.")
    ordered = row["ordered"] or {}
    before = list(ordered.get("carriers", []))
    runs.save(tx, plan_id, ordered={**ordered, "carriers": [*before, run_id]})
    remaining = Counter({name: int((row["planned"] or {}).get(name, 0)) for name in COUNTED})
    for action, count in runs.count_changes(tx, before).items():
        if action in APPLIED:
            remaining[APPLIED[action]] -= count
    crash_here("approval.claimed")
    return Approval(plan_id, remaining)


def carrier(tx: Tx, plan: Row) -> Row | None:
    """The run that carries out a plan at this time, as far as the rows tell."""
    carriers = (plan["ordered"] or {}).get("carriers")
    if plan["state"] != "needs_approval" or not carriers:
        return None
    row = runs.find(tx, plan["organisation_id"], carriers[-1])
    return row if row["state"] in ("queued", "running") else None


def settle(tx: Tx, organisation_id: str, plan_id: str) -> None:
    """A plan was carried out."""
    if runs.find(tx, organisation_id, plan_id, lock=True)["state"] == "needs_approval":
        runs.save(tx, plan_id, state="done", approved=True)
        crash_here("approval.settled")
