"""The oracle: what must be true of a schedule, judged by the CRMs' journals and by what people did.

Of Concord it sees what a person sees: customers, and open rows of the queue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bench.torture.crm import TorturedCrm
from bench.torture.history import PATHS, Event, History, token
from bench.torture.people import People
from bench.torture.scene import Scene
from connectors.memory import KEY
from connectors.memory_crm import MemoryRecord
from connectors.port import Presence
from connectors.records import JSON
from sync.core import normalise
from sync.core.actions import ConflictKind
from sync.store.conflicts import StoredConflict


@dataclass
class Findings:
    """What was found wrong, by the promise that it breaks."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    phantom_deletes: list[str] = field(default_factory=list)
    echoes: list[str] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)
    restless: list[str] = field(default_factory=list)
    false_conflicts: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    unmet: list[str] = field(default_factory=list)

    def by_name(self) -> dict[str, list[str]]:
        """Every kind with what was found."""
        return dict(vars(self))

    def any(self) -> bool:
        """Whether anything is wrong."""
        return any(vars(self).values())


@dataclass
class Oracle:
    """Judges one schedule. `ruled`: paths of which a rule that a person chose decides who wins."""

    scene: Scene
    history: History
    people: People
    ruled: frozenset[str]
    found: Findings = field(default_factory=Findings)

    def judge(self) -> Findings:
        """Everything, at rest."""
        self._lost()
        self._customers()
        for name, crm in self.scene.crms.items():
            self._made(name, crm)
            self._written(name, crm)
        self._apart()
        self._queue()
        return self.found

    def _heads(self) -> Iterator[tuple[str, int]]:
        for crm in self.scene.crms.values():
            for record in crm.live():
                yield from self._known(record.values.get(name) for name in PATHS)
        for customer in self.scene.living():
            yield from self._known(customer.value(path) for path in PATHS.values())
        for row in self.scene.queue():
            conflict = row.conflict()
            for values in (conflict.local, conflict.remote, conflict.landed):
                yield from self._known(values.get(path) for path in PATHS.values())
            for pair in zip(
                *(conflict.baseline.get(path, (None, None)) for path in PATHS.values()), strict=True
            ):
                yield from self._known(pair)

    def _known(self, values: object) -> Iterator[tuple[str, int]]:
        for path, value in zip(PATHS.values(), values, strict=True):  # type: ignore[call-overload]
            number = token(path, value)
            if number is not None:
                yield path, number

    def _lost(self) -> None:
        for event in self.history.lost(set(self._heads())):
            if event.path not in self.ruled and not self._went_with_its_customer(event):
                self.found.lost.append(f"{event.path} {event.number}, written at {event.site}")

    def _went_with_its_customer(self, event: Event) -> bool:
        """Whether we overwrote it for a customer that a person has deleted here, with all its questions."""
        crm = self.scene.crms.get(event.site[0])
        name = next(name for name, path in PATHS.items() if path == event.path)
        gone = {
            str(each.row["external_id"])
            for each in self.scene.customers()
            if each.id in self.people.deleted_customers
        }
        return crm is not None and any(
            entry.ours
            and entry.ref == event.site[1]
            and entry.before.get(KEY) in gone
            and name in entry.values
            and token(event.path, entry.before.get(name)) == event.number
            for entry in crm.journal
        )

    def _customers(self) -> None:
        keys = Counter(str(each.row["external_id"]) for each in self.scene.living())
        self.found.duplicated += [f"{count} customers {key}" for key, count in keys.items() if count > 1]
        for each in self.scene.customers():
            if each.row["deleted_at"] is not None and each.id not in self.people.deleted_customers:
                self.found.phantom_deletes.append(f"customer {each.row['external_id']}")

    def _made(self, name: str, crm: TorturedCrm) -> None:
        """No second record for a customer, and none for one that was deleted here."""
        made: Counter[str] = Counter()
        ours: set[str] = set()
        living: dict[str, str] = {}
        for place, entry in enumerate(crm.journal):
            key = str({**entry.before, **entry.values}.get(KEY))
            if entry.what == "create":
                if entry.ours and (key in living.values() or made[key] > self.people.remade.get(key, 0)):
                    self.found.duplicated.append(f"{name} {entry.ref} with {key}")
                made[key] += entry.ours
                ours |= {entry.ref} if entry.ours else set()
                if entry.ours and place >= self.people.buried.get(key, {}).get(name, place + 1):
                    self.found.duplicated.append(f"{name} {entry.ref} of {key}, which was deleted here")
            rekeyed = entry.what == "edit" and KEY in entry.values
            unknown = entry.what in ("deleted", "merged") and entry.ref in crm.unsure
            if entry.ref in ours and (rekeyed or unknown):
                # It is no longer what we made it for, or was gone before we ever knew of it.
                made[str(entry.before.get(KEY))] -= 1
                ours.discard(entry.ref)
            if entry.what in ("create", "edit", "live"):
                living[entry.ref] = key
            else:
                living.pop(entry.ref, None)

    def _written(self, name: str, crm: TorturedCrm) -> None:
        """Every write of ours had a cause, and changed what it wrote."""
        sent: Counter[tuple[str, str, int | None]] = Counter()
        foreign: Counter[tuple[str, str]] = Counter()
        for entry in crm.journal:
            for field_name, path in PATHS.items():
                if field_name not in entry.values or entry.what != "edit":
                    continue
                value = entry.values[field_name]
                if not entry.ours:
                    foreign[entry.ref, path] += 1
                    continue
                sent[entry.ref, path, token(path, value)] += 1
                before = entry.before.get(field_name)
                emptied = token(path, before) is not None and token(path, value) is None
                if emptied and path not in self.ruled | self.people.emptied:
                    self.found.lost.append(f"{name} {entry.ref} {path} was emptied: {before}")
                if entry.expected is not None and _same(path, field_name, entry.before, entry.values):
                    self.found.echoes.append(f"{name} {entry.ref} {path} was {value} already")
        events = Counter((event.path, event.number) for event in self.history.events.values())
        for (ref, path, number), count in sent.items():
            again = events[path, number or 0] + foreign[ref, path] + len(self.people.disturbed)
            if count > 1 + again:
                self.found.echoes.append(f"{name} {ref} {path} {number} written {count} times")

    def _apart(self) -> None:
        """Customers whose records nobody disturbed are in both CRMs, and equal but for open questions."""
        rows = self.scene.queue()
        asked = {row.row["customer_id"] for row in rows} | {row.row["ref"] for row in rows}
        asked |= {row.row["subject"] for row in rows}
        for customer in self.scene.living():
            key = str(customer.row["external_id"])
            if key in self.people.disturbed or {customer.id, f"key:{key}"} & asked:
                continue
            for name, crm in self.scene.crms.items():
                records = [each for each in crm.live() if each.values.get(KEY) == key]
                if len(records) != 1:
                    self.found.apart.append(f"{key} has {len(records)} records in {name}")
                else:
                    self._compare(name, records[0], customer)
        for name, crm in self.scene.crms.items():
            keys = {str(each.row["external_id"]) for each in self.scene.customers()}
            for record in crm.live():
                key = str(record.values.get(KEY))
                if key not in keys and key not in self.people.disturbed and record.ref not in asked:
                    self.found.apart.append(f"{name} {record.ref} {key} is not here")

    def _compare(self, name: str, record: MemoryRecord, customer: object) -> None:
        for field_name, path in PATHS.items():
            here = customer.value(path)  # type: ignore[attr-defined]
            ours, theirs = token(path, here), token(path, record.values.get(field_name))
            if ours == theirs or path in self.ruled or (record.ref, path) in self.people.dismissed:
                continue
            if ours is None or theirs is None:
                continue  # a blank does not travel
            self.found.apart.append(f"{name} {record.ref} {path}: {ours} here, {theirs} there")

    def _known_to_both(self, row: StoredConflict, path: str, one: int, other: int) -> bool:
        """Whether one side was edited in full view of the other, and Concord could know that.

        After a lost answer nobody can tell an edit of our value from one of the value before it.
        """
        name = next(name for name, known in self.scene.ids.items() if known == row.row["connection_id"])
        ref = str(row.row["ref"])
        customer = next((each for each in self.scene.customers() if each.id == row.row["customer_id"]), None)
        if ref in self.scene.crms[name].unsure or customer is None:
            return False
        if str(customer.row["external_id"]) in self.people.disturbed or (ref, path) in self.people.dismissed:
            return False
        return self.history.knew(path, one, other) or self.history.knew(path, other, one)

    def _queue(self) -> None:
        """Every question is asked once, and none that the people themselves have answered."""
        seen: Counter[tuple[str, str, str, str]] = Counter()
        merged = {
            (self.scene.ids[name], ref)
            for name, crm in self.scene.crms.items()
            for ref, record in crm.inner.records.items()
            if record.presence is Presence.MERGED
        }
        for row in self.scene.queue():
            conflict = row.conflict()
            seen[row.row["connection_id"], conflict.subject, conflict.kind.value, conflict.field] += 1
            path = conflict.field
            offers = any("relink_to" in reason for reason in conflict.reasons)
            gone = conflict.kind is ConflictKind.REMOTE_DELETED and not offers
            if gone and (row.row["connection_id"], conflict.ref) in merged:
                self.found.false_conflicts.append(f"{conflict.subject} was merged, not deleted")
            if conflict.kind is not ConflictKind.FIELD_CONFLICT or conflict.sticky or path in self.ruled:
                continue
            one, other = token(path, conflict.local.get(path)), token(path, conflict.remote.get(path))
            if one is None or other is None:
                continue
            if one == other:
                self.found.false_conflicts.append(f"{conflict.subject} {path}: {one} on both sides")
            if self._known_to_both(row, path, one, other):
                self.found.false_conflicts.append(
                    f"{conflict.subject} {path}: the later edit had seen the other"
                )
        self.found.false_conflicts += [f"{each} {count} times" for each, count in seen.items() if count > 1]


def _same(path: str, name: str, before: Mapping[str, JSON], after: Mapping[str, JSON]) -> bool:
    """Whether a write left a field as it was; of an address another spelling, or another part, is news."""
    if path == "address":
        parts = [each for each in after if each.startswith("billing_")]
        return all(str(before.get(each) or "").strip() == str(after[each] or "").strip() for each in parts)
    one, other = before.get(name), after.get(name)
    return (not one and not other) or normalise.same(path, one, other)
