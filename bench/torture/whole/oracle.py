"""The oracle: it judges by the sandboxes' full histories, and what people see, never by tables.

An edit is kept if its value still stands somewhere, waits in an open question, or was replaced by somebody
who had seen it, or had seen what replaced it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.torture.history import History
from bench.torture.registry import Result
from bench.torture.whole.crm import Entry
from bench.torture.whole.installation import Installation
from bench.torture.whole.people import Edit, People
from bench.torture.whole.values import PATHS, number_of

GONE = ("delete", "archive", "merge")
SHOWN = 8


@dataclass(slots=True)
class Judgement:
    """What was found, by the promise that it breaks."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    phantom_deletes: list[str] = field(default_factory=list)
    echoes: list[str] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)

    def into(self, result: Result) -> Result:
        """Add it to what a part came to."""
        result.lost += len(self.lost)
        result.duplicated += len(self.duplicated)
        result.phantom_deletes += len(self.phantom_deletes)
        result.echoes += len(self.echoes)
        for name in ("lost", "duplicated", "phantom_deletes", "echoes", "apart"):
            result.wrong += [f"{name}: {each}" for each in getattr(self, name)]
        result.figures |= {
            "lost": result.lost,
            "duplicated": result.duplicated,
            "phantom deletes": result.phantom_deletes,
            "echo writes": result.echoes,
        }
        return result


def judge(people: People) -> Judgement:
    """Judge an installation at rest."""
    at, found = people.installation, Judgement()
    histories = {name: crm.history() for name, crm in at.crms.items()}
    records = {name: crm.records() for name, crm in at.crms.items()}
    customers = {row["external_id"]: row for row in at.api.all("/customers")}
    rows = list(at.api.all("/conflicts"))
    decided: Counter[tuple[str, str]] = Counter()
    story = _story(people.edits, histories)
    for each in people.edits:
        decided[each.key, each.path] += each.again is not None
    for event in story.lost(_heads(records, customers, rows)):
        later = _later(histories.get(event.site[0], []), event.path, event.number)
        found.lost.append(f"{event.path} {event.number}, written at {event.site}; there then: {later}")
    for name, entries in histories.items():
        _written(found, name, entries, decided)
    _counted(found, people, at, records, customers)
    asked = {row["customer_id"] for row in rows}
    for key, customer in customers.items():
        if customer["id"] not in asked:
            _compare(found, people, key, customer, records)
    return found


def _later(entries: list[Entry], path: str, number: int) -> str:
    """What a field had after a value of a person, by the numbers; a star marks what we wrote."""
    values = [
        (each.ref, each.ours, number_of(path, each.changed[path][1]))
        for each in entries
        if path in each.changed
    ]
    first = next((at for at, each in enumerate(values) if each[2] == number and not each[1]), None)
    if first is None:
        return "it is not in its history"
    ref = values[first][0]
    told = [f"{value}{'*' if ours else ''}" for same, ours, value in values[first:] if same == ref]
    return " ".join(told[:SHOWN])


def _story(edits: list[Edit], histories: dict[str, list[Entry]]) -> History:
    """Every edit in the order in which it was made, with what its author had seen."""
    replaced = {
        (name, path, number_of(path, after)): number_of(path, before)
        for name, entries in histories.items()
        for entry in entries
        if not entry.ours
        for path, (before, after) in entry.changed.items()
    }
    story, events = History(), {each.number: each for each in edits}
    for _ in range(max(events, default=0)):
        story.number()  # those of the edits are taken
    for each in edits:
        seen = each.seen if each.seen is not None else (replaced.get((each.site, each.path, each.number)),)
        known = [number for number in seen if number is not None]
        before = story.standing.get((each.path, each.again)) if each.again else None
        event = story.edited(each.path, (each.site, each.key), each.again or each.number, known)
        if each.again and each.again == seen[0]:
            story.excuse_event(event)  # nothing changed here: a later edit elsewhere may have it
        elif each.again:
            story.decided(before, event)
    return story


def _heads(
    records: dict[str, dict[str, dict[str, Any]]],
    customers: dict[str, dict[str, Any]],
    rows: list[dict[str, Any]],
) -> Iterator[tuple[str, int]]:
    held = [values for row in rows for values in (row["local"], row["remote"])]
    held += [{path: pair["crm"] for path, pair in row["baseline"].items()} for row in rows]
    held += [{path: pair["local"] for path, pair in row["baseline"].items()} for row in rows]
    standing = [row for crm in records.values() for row in crm.values()]
    for values in (*standing, *customers.values(), *held):
        for path in PATHS:
            number = number_of(path, values.get(path))
            if number is not None:
                yield path, number


def _written(found: Judgement, name: str, entries: list[Entry], decided: Counter[tuple[str, str]]) -> None:
    """Every write of ours changed what it wrote, had a cause, deleted nothing and made no second record."""
    made: Counter[object] = Counter()
    keys: dict[str, object] = {}
    sent: Counter[tuple[str, str, int | None]] = Counter()
    foreign: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        if entry.key is not None:
            keys[entry.ref] = entry.key[1]
        if entry.ours and entry.kind in GONE:
            found.phantom_deletes.append(f"{name} {entry.ref} {entry.kind}")
        if entry.ours and entry.kind == "create":
            made[keys.get(entry.ref)] += 1
        if entry.ours and entry.kind == "update" and not entry.changed and entry.key is None:
            found.echoes.append(f"{name} {entry.ref}: a write that changed nothing")
        for path, (before, after) in entry.changed.items():
            if not entry.ours:
                foreign[entry.ref, path] += entry.kind == "update"
                continue
            sent[entry.ref, path, number_of(path, after)] += 1
            if before and not after:
                found.lost.append(f"{name} {entry.ref} {path} was emptied: {before}")
    found.duplicated += [f"{name} has {count} of {key}" for key, count in made.items() if count > 1]
    for (ref, path, number), count in sent.items():
        if count > 1 + foreign[ref, path] + decided[str(keys.get(ref)), path]:
            found.echoes.append(f"{name} {ref} {path} {number} written {count} times")


def _counted(
    found: Judgement,
    people: People,
    at: Installation,
    records: dict[str, dict[str, dict[str, Any]]],
    customers: dict[str, dict[str, Any]],
) -> None:
    """Every customer is in every CRM and here, once."""
    wanted = set(people.keys)
    for name in at.crms:
        living = Counter(str(row["key"]) for row in records[name].values())
        found.duplicated += [f"{name}: {count} records {key}" for key, count in living.items() if count > 1]
        found.apart += [f"{key} is not in {name}" for key in sorted(wanted - living.keys())]
    found.phantom_deletes += [f"customer {key} is gone" for key in sorted(wanted - customers.keys())]


def _compare(
    found: Judgement,
    people: People,
    key: str,
    customer: dict[str, Any],
    records: dict[str, dict[str, dict[str, Any]]],
) -> None:
    """Both sides are equal, but where somebody took back in a CRM what stays here."""
    for name, crm in records.items():
        for row in crm.values():
            if row["key"] != key:
                continue
            for path in PATHS:
                ours, theirs = number_of(path, customer.get(path)), number_of(path, row[path])
                if ours != theirs and (key, path) not in people.undone:
                    found.apart.append(f"{name} {key} {path}: {ours} here, {theirs} there")
