"""What runs and people do, in words: kinds and states of runs, entries of histories, lines of plans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.records import JSON
from sync.report import HIDDEN
from sync.store.query import Row
from web.pages import values, words
from web.pages.values import Change

KINDS: Mapping[str, str] = {
    "sync": "Sync",
    "plan": "Plan",
    "pull": "Look for changes",
    "full": "Full compare",
    "push": "Write our changes",
    "resync": "Resync",
    "resolve": "Decision",
    "undo": "Undo",
    "import": "CSV import",
}
STATES: Mapping[str, tuple[str, str]] = {
    "queued": ("waiting", "Waits for a worker"),
    "running": ("waiting", "At work"),
    "needs_approval": ("waiting", "Waits for an approval"),
    "done": ("good", "Done"),
    "failed": ("bad", "Failed"),
    "cancelled": ("waiting", "Cancelled"),
}
"""State of a run → how it is marked, and what it means."""
ACTIONS: Mapping[str, str] = {
    "create_customer": "Customer made here",
    "create_local": "Customer made here",
    "update_customer": "Changed here",
    "update_local": "Changed here",
    "restore_local": "Put back here",
    "delete_customer": "Deleted here",
    "restore_customer": "Brought back here",
    "create_crm": "Record made in the CRM",
    "create_remote": "Record made in the CRM",
    "update_crm": "Changed in the CRM",
    "update_remote": "Changed in the CRM",
    "reopen_crm": "Put back in the CRM",
    "restore_remote": "Put back in the CRM",
    "link": "Joined with the record",
    "make_link": "Joined with the record",
    "adjust_link": "Link adjusted",
    "attach_link": "Joined with the record again",
    "detach_link": "No longer joined with the record",
    "answer": "Question decided",
    "decide": "Question decided",
    "decide_again": "Question decided again",
    "reopen": "Question asked again",
    "reopen_question": "Question asked again",
    "settle": "Question decided",
    "unsettle": "Question asked again",
    "out_of_scope": "Out of scope",
    "hold": "Held for a decision",
    "leave": "Left alone",
    "customer.added": "Customer added",
    "customer.changed": "Changed here",
    "customer.deleted": "Deleted here",
    "customer.restored": "Brought back here",
    "contact.added": "Contact added",
    "contact.changed": "Contact changed",
    "contact.deleted": "Contact removed",
    "contract.added": "Contract added",
    "contract.changed": "Contract changed",
    "contract.expired": "Contract expired",
    "contract.deleted": "Contract deleted",
    "wallet.created": "Wallet made",
    "wallet.changed": "Wallet changed",
    "wallet.added": "Credit added",
    "wallet.deducted": "Credit deducted",
}
COUNTS: Mapping[str, str] = {
    "pulled": "Read from the CRM",
    "matched": "Matched",
    "created_local": "Made here",
    "updated_local": "Changed here",
    "created_remote": "Made in the CRM",
    "updated_remote": "Changed in the CRM",
    "create_local": "Make here",
    "update_local": "Change here",
    "create_remote": "Make in the CRM",
    "update_remote": "Change in the CRM",
    "unchanged": "Unchanged",
    "quarantined": "Records with a mistake",
    "overwritten": "Overwritten by a rule",
    "deferred": "Put off",
    "out_of_scope": "Out of scope",
    "drift": "Drift found",
    "writes": "Records written",
    "held": "Held for a decision",
    "kept": "Kept by a rule",
    "unknown": "Not known on either side",
    "undone": "Undone",
    "calls": "Calls to the CRM",
}
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that is done with a record: what, where, about which fields, and why."""

    what: str
    changes: Sequence[Change]
    why: str = ""


def state(name: str) -> tuple[str, str]:
    """How a state of a run is marked, and what it means."""
    return STATES.get(name, ("waiting", name))


def kind(name: str) -> str:
    """A kind of run."""
    return KINDS.get(name, name)


def action(name: str) -> str:
    """What was done."""
    return ACTIONS.get(name, name.replace("_", " ").replace(".", " "))


def actor(name: str) -> str:
    """Who did it."""
    return name.removeprefix("user:")


def counts(kept: Mapping[str, JSON] | None) -> list[tuple[str, str]]:
    """Counts that are not zero, in words."""
    made = []
    for name, value in (kept or {}).items():
        if name not in HIDDEN and value:
            made.append((COUNTS.get(name, name.replace("_", " ")), _told(name, value)))
    return made


def _told(name: str, value: JSON) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{words.kind(each)}: {values.text(each, count)}" for each, count in value.items())
    if isinstance(value, list):
        more = f" and {len(value) - SHOWN:,} more" if len(value) > SHOWN else ""
        return ", ".join(map(str, value[:SHOWN])) + more
    return values.text(name, value)


def planned(row: Row) -> list[Deed]:
    """What a plan does with one record."""
    return list(_deeds(row["actions"] if isinstance(row["actions"], list) else []))


def _deeds(actions: Sequence[Any]) -> Iterator[Deed]:
    for each in actions:
        if not isinstance(each, Mapping):
            continue
        name = str(each.get("action", ""))
        if name == "hold":
            yield Deed(words.kind(str(each["kind"])), _both(each), why="held for a decision")
        elif name == "leave":
            field = words.field(str(each["field"])) if each["field"] else "the record"
            side = "here" if each["side"] == "local" else "in the CRM"
            yield Deed(f"Left alone {side}: {field}", [], why=str(each["why"]))
        elif isinstance(each.get("fields"), Mapping):
            made = {path: [None, value] for path, value in each["fields"].items()}
            key = {"external_id": [None, each["external_id"]]} if each.get("external_id") else {}
            yield Deed(action(name), values.changes({**key, **made}))
        else:
            yield Deed(action(name), values.changes(each.get("changes")))


def _both(held: Mapping[str, Any]) -> list[Change]:
    """Of a question: what is here, and what the CRM has."""
    ours, theirs = held.get("local") or {}, held.get("remote") or {}
    return values.changes({path: [ours.get(path), theirs.get(path)] for path in {**ours, **theirs}})
