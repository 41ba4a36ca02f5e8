"""What people do in a schedule all day: edit and create, on every side, at any moment.

Whatever they do is told to the history, with what they saw when they did it.
"""

from __future__ import annotations

import random
from typing import Any

from bench.torture.crm import TorturedCrm
from bench.torture.history import PATHS, History, spelled, token
from bench.torture.scene import Scene
from connectors.memory import KEY
from connectors.memory_crm import MemoryRecord
from connectors.port import Presence
from sync.errors import ConcordError
from sync.store.conflicts import StoredConflict
from sync.store.customers import StoredCustomer

FIELDS = tuple(PATHS)
SPELLED = ("name", "email", "phone")
UNMAPPED = "notes"
HOUR = 3_600.0  # longer than any listing looks back
LAGS = (0.0, 0.0, 5.0, 60.0, 300.0)
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
        late: the chance that the CRM's index shows an edit after an hour only; `overdue`: CRMs with one.
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
        self.late = 0.0
        self.overdue: set[str] = set()

    def crm(self) -> tuple[str, TorturedCrm]:
        """Some CRM."""
        name = self.chance.choice(sorted(self.scene.crms))
        return name, self.scene.crms[name]

    def record(self, crm: TorturedCrm) -> MemoryRecord | None:
        """Some record that is there."""
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
        name, crm = self.crm()
        record = self.record(crm)
        if record is None:
            return "nothing to edit"
        crm.lag = HOUR if self.chance.random() < self.late else self.chance.choice(LAGS)
        if crm.lag == HOUR:
            self.overdue.add(name)
        return self.edit(name, record.ref, self.chance.choice(FIELDS))

    def edit(self, name: str, ref: str, field: str) -> str:
        """Change this field of this record."""
        path = PATHS[field]
        seen = token(path, self.scene.crms[name].inner.records[ref].values.get(field))
        return self.write(name, ref, field, self._number(path, seen))

    def write(self, name: str, ref: str, field: str, number: int | None) -> str:
        """Write the value of this number, or a blank, to a field of a record."""
        crm = self.scene.crms[name]
        site, path = (name, ref), PATHS[field]
        seen = token(path, crm.inner.records[ref].values.get(field))
        self._edited(path, site, number, seen)
        value = None if number is None else spelled(path, number, self.chance.randrange(2))
        crm.edit(ref, {field: value, **(PLACE if field == "billing_line1" else {})})
        return f"{name} {ref} {field}={value}"

    def respell_record(self) -> str:
        """Write what a field holds once more, in another spelling: nothing has changed by meaning."""
        name, crm = self.crm()
        record = self.record(crm)
        if record is None:
            return "nothing to respell"
        field = self.chance.choice(SPELLED)
        number = token(PATHS[field], record.values.get(field))
        if number is None:
            return "it is blank"
        value = spelled(PATHS[field], number, self.chance.randrange(2))
        crm.edit(record.ref, {field: value})
        return f"{name} {record.ref} {field}={value}, respelled"

    def touch_record(self) -> str:
        """Change a record in a field that is none of Concord's: it has a new version, and no news."""
        name, crm = self.crm()
        record = self.record(crm)
        return self.touch(name, record.ref) if record is not None else "nothing to touch"

    def touch(self, name: str, ref: str) -> str:
        """Change this record in a field that is none of Concord's."""
        self.scene.crms[name].edit(ref, {UNMAPPED: str(self.scene.clock.elapsed)})
        return f"{name} {ref} touched"

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
        return self.change(self.chance.choice(living), self.chance.choice([*PATHS.values()]))

    def change(self, customer: StoredCustomer, path: str) -> str:
        """Change this field of this customer."""
        return self.assign(customer, path, self._number(path, token(path, customer.value(path))))

    def assign(self, customer: StoredCustomer, path: str, number: int | None) -> str:
        """Give a field of a customer the value of this number, or a blank."""
        seen = token(path, customer.value(path))
        text = "" if number is None else spelled(path, number, self.chance.randrange(2))
        try:
            self.scene.change(customer.id, f"{path}.line1={text}" if path == "address" else f"{path}={text}")
        except ConcordError as error:
            return type(error).__name__
        self._edited(path, (LOCAL, customer.id), number, seen)
        return f"{customer.row['external_id']} {path}={text}"

    def create_record(self) -> str:
        """Make a record in a CRM, mostly with a key that it does not have."""
        name, _ = self.crm()
        return self.make(name, self.chance.choice(self.keys))

    def make(self, name: str, key: str, lag: float | None = None) -> str:
        """Make a record with this key, if the CRM allows it; its index shows it `lag` seconds later."""
        crm = self.scene.crms[name]
        there = [each for each in crm.inner.records.values() if each.values.get(KEY) == key]
        if any(each.presence is Presence.LIVE for each in there) and crm.inner.unique_key:
            return "the key is taken"
        if there:
            self.disturbed.add(key)
        crm.lag = self.chance.choice((0.0, 0.0, 30.0, 300.0)) if lag is None else lag
        site = (name, f"m{len(crm.inner.records) + 1:06d}")
        ref = crm.create({KEY: key, **self.values(site)})
        assert ref == site[1]
        return f"{name} {ref} made with {key}"

    def create_customer(self) -> str:
        """Add a customer here."""
        return self.add(self.chance.choice(self.keys))

    def add(self, key: str) -> str:
        """Add a customer with this key, if nobody has it."""
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
