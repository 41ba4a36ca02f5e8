"""What people do in a schedule: edit, create, delete, merge and decide, on every side, at any moment.

Whatever they do is told to the history, with what they saw when they did it.
"""

from __future__ import annotations

import random
from typing import Any

from bench.torture.choices import decision_on
from bench.torture.crm import TorturedCrm
from bench.torture.history import PATHS, History, spelled, token
from bench.torture.scene import Scene
from connectors.memory import KEY
from connectors.memory_crm import MemoryRecord
from connectors.port import Presence
from connectors.records import FieldValue
from sync.core.actions import ConflictKind
from sync.decisions import FIELD_KINDS, Decision, Take
from sync.errors import ConcordError
from sync.resolve import resolve
from sync.store.conflicts import StoredConflict

FIELDS = tuple(PATHS)
PLACE = {"billing_city": "Springfield", "billing_country": "US"}
LOCAL = "here"


class People:
    """Everybody who is not Concord.

    Attributes:
        disturbed: external ids of which records were deleted, merged, re-keyed, or decided as a whole; what
            should become of them is for the queue to say.
        emptied: paths of which a person decided that a value is to be blank.
        dismissed: (ref or customer, path) of which a person said that both values stay.
        buried: keys of customers deleted here while nothing ran, with how long each CRM's journal was.
        remade: per (CRM, key), how often a person asked for a record to be made again.
    """

    def __init__(self, scene: Scene, history: History, chance: random.Random, keys: int) -> None:
        self.scene, self.history, self.chance = scene, history, chance
        self.keys = [f"{'kK'[number % 2]}{number}" for number in range(1, keys + 1)]
        self.emptied: set[str] = set()
        self.disturbed: set[str] = set()
        self.dismissed: set[tuple[str | None, str]] = set()
        self.remade: dict[str, int] = {}
        self.deleted_customers: set[str] = set()
        self.buried: dict[str, dict[str, int]] = {}
        self.shown: StoredConflict | None = None

    def _crm(self) -> tuple[str, TorturedCrm]:
        name = self.chance.choice(sorted(self.scene.crms))
        return name, self.scene.crms[name]

    def _record(self, crm: TorturedCrm) -> MemoryRecord | None:
        live = crm.live()
        return self.chance.choice(live) if live else None

    def values(self, site: tuple[str, str]) -> dict[str, Any]:
        """Values of a new record at a site, each an event."""
        found: dict[str, Any] = {}
        for name in FIELDS:
            if name != "name" and self.chance.random() < 0.3:
                continue
            number = self.history.number()
            self.history.edited(PATHS[name], site, number, [])
            found[name] = spelled(PATHS[name], number, self.chance.randrange(2))
            if name == "billing_line1":
                found |= PLACE
        return found

    def edit_record(self) -> str:
        """Change a field of a record in a CRM, to something new, blank, or what it once was."""
        name, crm = self._crm()
        record = self._record(crm)
        if record is None:
            return "nothing to edit"
        field = self.chance.choice(FIELDS)
        site, path = (name, record.ref), PATHS[field]
        seen = token(path, record.values.get(field))
        number = self._number(path, seen)
        self._edited(path, site, number, seen)
        value = None if number is None else spelled(path, number, self.chance.randrange(2))
        crm.lag = self.chance.choice((0.0, 0.0, 5.0, 60.0, 300.0))
        crm.edit(record.ref, {field: value, **(PLACE if field == "billing_line1" else {})})
        return f"{name} {record.ref} {field}={value}"

    def _edited(self, path: str, site: tuple[str, str], number: int | None, seen: int | None) -> None:
        old = number is not None and (path, number) in self.history.standing
        event = self.history.edited(path, site, number, [seen])
        if old:  # back to what it was: to whoever compares with the last agreement nothing has changed
            self.history.excuse_event(event)

    def _number(self, path: str, seen: int | None) -> int | None:
        draw = self.chance.random()
        if draw < 0.05 and path != "customer_name" and seen is not None:
            return None
        if draw < 0.09 and path != "email":  # an address that belongs to another by now would be refused
            once = sorted(self.history.past_of(path, [seen], ("", "")))
            once = [each for each in once if (path, each) in self.history.standing]
            if once:
                return self.chance.choice(once)
        return self.history.number()

    def edit_customer(self) -> str:
        """Change a field of a customer here."""
        living = self.scene.living()
        if not living:
            return "nobody to edit"
        customer = self.chance.choice(living)
        path = self.chance.choice([*PATHS.values()])
        seen = token(path, customer.value(path))
        number = self._number(path, seen)
        text = "" if number is None else spelled(path, number, self.chance.randrange(2))
        try:
            self.scene.change(customer.id, f"{path}.line1={text}" if path == "address" else f"{path}={text}")
        except ConcordError as error:
            return type(error).__name__
        self._edited(path, (LOCAL, customer.id), number, seen)
        return f"{customer.row['external_id']} {path}={text}"

    def create_record(self) -> str:
        """Make a record in a CRM, mostly with a key that it does not have."""
        name, crm = self._crm()
        key = self.chance.choice(self.keys)
        there = [each for each in crm.inner.records.values() if each.values.get(KEY) == key]
        if any(each.presence is Presence.LIVE for each in there) and crm.inner.unique_key:
            return "the key is taken"
        if there:
            self.disturbed.add(key)
        crm.lag = self.chance.choice((0.0, 0.0, 30.0, 300.0))
        site = (name, f"m{len(crm.inner.records) + 1:06d}")
        ref = crm.create({KEY: key, **self.values(site)})
        assert ref == site[1]
        return f"{name} {ref} made with {key}"

    def create_customer(self) -> str:
        """Add a customer here."""
        key = self.chance.choice(self.keys)
        living = self.scene.customers()
        if any(each.row["external_id"] == key for each in living):
            return "the key is taken"
        site = (LOCAL, f"new {self.history.number()}")
        found = self.values(site)
        given = {PATHS[name]: found[name] for name in FIELDS if name in found and name != "billing_line1"}
        if "billing_line1" in found:
            given["address"] = {"line1": found["billing_line1"], "city": "Springfield", "country": "US"}
        customer_id = self.scene.add(key, given)
        return f"{key} is {customer_id}"

    def delete_record(self) -> str:
        """Delete a record in a CRM."""
        name, crm = self._crm()
        record = self._record(crm)
        if record is None:
            return "nothing to delete"
        crm.lag = 0.0
        crm.delete(record.ref)
        self._gone(name, record)
        return f"{name} {record.ref} deleted"

    def _gone(self, name: str, record: MemoryRecord) -> None:
        self.disturbed.add(str(record.values.get(KEY)))
        self.history.excuse(site=(name, record.ref))

    def undelete_record(self) -> str:
        """Bring a record back."""
        name, crm = self._crm()
        gone = [each for each in crm.inner.records.values() if each.presence is Presence.DELETED]
        taken = {each.values.get(KEY) for each in crm.live()}
        gone = [each for each in gone if each.values.get(KEY) not in taken]
        if not gone:
            return "nothing to bring back"
        record = self.chance.choice(gone)
        crm.undelete(record.ref)
        return f"{name} {record.ref} is back"

    def merge_records(self) -> str:
        """Merge a record into another."""
        name, crm = self._crm()
        live = crm.live()
        if len(live) < 2:
            return "nothing to merge"
        winner, loser = self.chance.sample(live, 2)
        crm.lag = 0.0
        crm.merge(winner.ref, loser.ref)
        self._gone(name, loser)
        self.disturbed.add(str(winner.values.get(KEY)))
        return f"{name} {loser.ref} merged into {winner.ref}"

    def delete_customer(self) -> str:
        """Delete a customer here."""
        living = self.scene.living()
        if not living:
            return "nobody to delete"
        customer = self.chance.choice(living)
        self.scene.delete(customer.id)
        if not self.scene.busy:
            journals = {name: len(crm.journal) for name, crm in self.scene.crms.items()}
            self.buried[str(customer.row["external_id"])] = journals
        self._customer_gone(customer.id, str(customer.row["external_id"]))
        return f"{customer.row['external_id']} deleted here"

    def _customer_gone(self, customer_id: str, key: str) -> None:
        self.disturbed.add(key)
        self.deleted_customers.add(customer_id)
        self.history.excuse(site=(LOCAL, customer_id))
        self._forget_new(customer_id)

    def _forget_new(self, customer_id: str) -> None:
        """Values with which a customer was made have a site of their own: they go with the customer."""
        customer = next((each for each in self.scene.customers() if each.id == customer_id), None)
        for path in PATHS.values() if customer else ():
            number = token(path, customer.value(path)) if customer else None
            event = self.history.standing.get((path, number)) if number is not None else None
            if event is not None and self.history.events[event].site[0] == LOCAL:
                self.history.excuse(site=self.history.events[event].site, path=path)

    def rekey_record(self) -> str:
        """Give a record another key."""
        name, crm = self._crm()
        record = self._record(crm)
        key = self.chance.choice([*self.keys, "other"])
        if record is None or any(each.values.get(KEY) == key for each in crm.live()):
            return "the key is taken"
        self.disturbed |= {str(record.values.get(KEY)), key}
        crm.edit(record.ref, {KEY: key})
        return f"{name} {record.ref} is {key}"

    def decide(self) -> str:
        """Decide a row of the queue, as it is or as it was shown a while ago."""
        rows = self.scene.queue()
        if not rows:
            return "nothing to decide"
        row = self.chance.choice(rows)
        if self.shown is not None and self.chance.random() < 0.3:
            row = self.shown
        self.shown = self.chance.choice(rows)
        return self.decide_row(row)

    def decide_row(self, row: StoredConflict) -> str:
        """Decide one row as it was shown."""
        decision = decision_on(row, self.chance)
        try:
            resolve(
                self.scene.database,
                self.scene.organisation_id,
                row.id,
                decision,
                actor="torture",
                version=row.row["version"],
            )
        except ConcordError as error:
            return f"{row.row['kind']} {type(error).__name__}"
        self._decided(row, decision)
        return f"{row.row['kind']} of {row.row['subject']} {row.row['field']}: {decision.as_json()}"

    def _decided(self, row: StoredConflict, decision: Decision) -> None:
        conflict = row.conflict()
        customer_id = row.row["customer_id"]
        if conflict.kind not in FIELD_KINDS:
            self._whole_record(row, decision)
            return
        for path in dict.fromkeys((*conflict.local, *conflict.remote)):
            pair = [conflict.local.get(path), conflict.remote.get(path), conflict.landed.get(path)]
            seen = [each for each in (token(path, value) for value in pair) if each is not None]
            chosen: FieldValue = pair[0] if decision.take is Take.OURS or decision.dismiss else pair[1]
            number = token(path, chosen)
            self.emptied |= {path} if number is None else set()
            site = (LOCAL, str(customer_id))
            event = self.history.edited(path, site, number, seen)
            if decision.take is Take.OURS:
                self.history.excuse_event(event)  # nothing changed here: a later edit elsewhere may have it
            if decision.dismiss or len(conflict.local) > 1:
                # Both stay as they are; and beside other fields a mere blank wins over no value.
                self.dismissed.add((conflict.ref, path))
                self.history.excuse_event(event)

    def _whole_record(self, row: StoredConflict, decision: Decision) -> None:
        conflict = row.conflict()
        named = {str(row.row["customer_id"])}
        for reason in conflict.reasons:
            customers: object = reason.get("customers")
            named |= set(map(str, customers)) if isinstance(customers, list) else set()
        for customer in self.scene.customers():
            key = str(customer.row["external_id"])
            if customer.id not in named and row.row["subject"] != f"key:{key}":
                continue
            self.disturbed.add(key)
            if conflict.kind is ConflictKind.DELETE_VS_EDIT and decision.take is Take.THEIRS:
                self.buried.pop(key, None)
            if conflict.kind is ConflictKind.REMOTE_DELETED and decision.take is Take.THEIRS:
                self._customer_gone(customer.id, key)
            if conflict.kind is ConflictKind.REMOTE_DELETED and decision.take is Take.OURS:
                self.remade[key] = self.remade.get(key, 0) + 1
