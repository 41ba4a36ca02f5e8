"""One schedule of the model: people, killed processes and races between a look and a write; then peace."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from bench.torture.history import PATHS, History, spelled, token
from bench.torture.model.crm import SmallCrm
from bench.torture.model.engine import Engine
from bench.torture.model.judge import SmallOracle
from bench.torture.model.state import Side
from bench.torture.oracle import Findings
from bench.torture.people import LOCAL
from connectors.records import Address, FieldValue
from sync.core.policy import AddressPolicy, Blanks, Direction, OnBothChanged, Policy, Rule

FIELDS = tuple(PATHS.values())
STEPS = (8, 24)
WORKING_ROUNDS = 2
RULES = (
    Rule(direction=Direction.CRM_TO_LOCAL),
    Rule(direction=Direction.LOCAL_TO_CRM),
    Rule(on_both_changed=OnBothChanged.PREFER_CRM),
    Rule(on_both_changed=OnBothChanged.PREFER_LOCAL),
    Rule(blanks=Blanks.PROPAGATE),
)
WEIGHTS = {
    "edit_record": 30,
    "edit_customer": 22,
    "sync": 26,
    "respell": 4,
    "make_record": 6,
    "make_customer": 4,
    "delete": 3,
    "bring_back": 3,
    "merge": 2,
}


class KilledError(Exception):
    """The process is gone between two steps."""


def value(path: str, number: int | None, way: int) -> FieldValue:
    """The value of an event, as both sides keep it."""
    if number is None:
        return None
    text = spelled(path, number, way)
    return Address(line1=text, city="Springfield", country="US") if path == "address" else text


class SmallSchedule:
    """One schedule, from its seed alone."""

    def __init__(self, seed: int) -> None:
        self.seed, self.chance, self.history = seed, random.Random(seed), History()
        self.found, self.deaths = Findings(), 0
        self.disturbed: set[str] = set()
        self.unknown: dict[str, Counter[str]] = {"a": Counter(), "b": Counter()}
        self.fuse: int | None = None
        self.racing = self.chance.choice((0.0, 0.05, 0.2))
        self.keys = [f"k{number}" for number in range(1, self.chance.randint(2, 4))]
        rules, policy = {}, self.chance.choice([*AddressPolicy])
        if self.chance.random() < 0.3:  # by one connection alone: two that each rule a field never agree
            rules = {self.chance.choice(FIELDS): self.chance.choice(RULES)}
        self.ruled = frozenset(rules)
        self.engine = Engine(
            FIELDS,
            {
                "a": Side(SmallCrm("a", True), Policy(fields=FIELDS, rules=rules, address_policy=policy)),
                "b": Side(SmallCrm("b", False), Policy(fields=FIELDS, address_policy=policy)),
            },
            self._touch,
            page=self.chance.randint(1, 3),
        )

    def play(self) -> Findings:
        """Play it, and judge it."""
        self.populate()
        for _ in range(self.chance.randint(*STEPS)):
            (what,) = self.chance.choices([*WEIGHTS], [*WEIGHTS.values()])
            self.act(what)
        return self.judge()

    def populate(self) -> None:
        """Some records to begin with."""
        for _ in range(self.chance.randint(1, 3)):
            self.make_record()

    def act(self, what: str) -> None:
        """Let something of `WEIGHTS` happen."""
        getattr(self, what)()

    def judge(self) -> Findings:
        """End the faults, let everything come to rest, and look what is wrong."""
        self._rest()
        oracle = SmallOracle(self.engine, self.history, self.ruled, self.disturbed, self.unknown, self.found)
        oracle.judge()
        return self.found

    def _touch(self, name: str, ref: str | None) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse <= 0:
                raise KilledError
        if self.chance.random() < self.racing:
            crm = self.engine.sides[name].crm
            if ref is not None and crm.records[ref].live:
                self._edit(name, ref)
            else:
                self.edit_customer()

    def sync(self) -> None:
        """A process syncs one connection; one in four is killed on the way."""
        self.fuse = self.chance.randint(1, 12) if self.chance.random() < 0.25 else None
        try:
            self.engine.sync(self.chance.choice("ab"))
        except KilledError:
            self.deaths += 1
        self.fuse = None

    def _some_record(self) -> tuple[str, str] | None:
        name = self.chance.choice("ab")
        live = list(self.engine.sides[name].crm.live())
        return (name, self.chance.choice(live)) if live else None

    def edit_record(self) -> None:
        """A person changes a field in a CRM."""
        if found := self._some_record():
            self._edit(*found)

    def _edit(self, name: str, ref: str) -> None:
        path = self.chance.choice(FIELDS)
        crm = self.engine.sides[name].crm
        seen = token(path, crm.records[ref].fields[path])
        number = self._number(path, seen)
        self._told(path, (name, ref), number, seen)
        crm.edit(ref, {path: value(path, number, self.chance.randrange(2))}, ours=False)

    def respell(self) -> None:
        """A person writes what stands there in another spelling."""
        if found := self._some_record():
            crm, path = self.engine.sides[found[0]].crm, self.chance.choice(FIELDS[:3])
            number = token(path, crm.records[found[1]].fields[path])
            if number is not None:
                crm.edit(found[1], {path: value(path, number, self.chance.randrange(2))}, ours=False)

    def edit_customer(self) -> None:
        """A person changes a field here."""
        if not self.engine.customers:
            return
        customer = self.chance.choice([*self.engine.customers.values()])
        path = self.chance.choice(FIELDS)
        seen = token(path, customer.fields[path])
        number = self._number(path, seen)
        self._told(path, (LOCAL, customer.id), number, seen)
        customer.fields[path] = value(path, number, self.chance.randrange(2))
        customer.version += 1
        self.engine.changed_here(customer.id)

    def _number(self, path: str, seen: int | None) -> int | None:
        """Of a new value; now and then a blank, or what it was once."""
        draw = self.chance.random()
        if draw < 0.05 and path != "customer_name" and seen is not None:
            return None
        once = sorted(self.history.past_of(path, [seen], ("", "")))
        once = [each for each in once if (path, each) in self.history.standing]
        return self.chance.choice(once) if draw < 0.09 and once else self.history.number()

    def _told(self, path: str, site: tuple[str, str], number: int | None, seen: int | None) -> None:
        old = number is not None and (path, number) in self.history.standing
        event = self.history.edited(path, site, number, [seen])
        if old:
            self.history.excuse_event(event)

    def _values(self, site: tuple[str, str]) -> dict[str, Any]:
        made: dict[str, Any] = dict.fromkeys(FIELDS)
        for path in FIELDS:
            if path == "customer_name" or self.chance.random() < 0.7:
                number = self.history.number()
                self.history.edited(path, site, number, [])
                made[path] = value(path, number, self.chance.randrange(2))
        return made

    def make_record(self) -> None:
        """A person makes a record in a CRM; now and then a second one of its key."""
        name, key = self.chance.choice("ab"), self.chance.choice(self.keys)
        crm = self.engine.sides[name].crm
        there = [each.key for each in crm.records.values()]
        if key in there and (crm.with_key(key) or self.chance.random() < 0.5):
            return
        if key in there:
            self.disturbed.add(key)
        ref = f"{name}{len(crm.records) + 1}"
        crm.create(key, self._values((name, ref)), ours=False)

    def make_customer(self) -> None:
        """A person adds a customer."""
        key = self.chance.choice(self.keys)
        if self.engine.customer_of(key) is None:
            self.engine.add(key, self._values((LOCAL, str(self.engine.made + 1))))

    def delete(self) -> None:
        """A person deletes a record: what was written to it need not be kept."""
        if found := self._some_record():
            self._gone(*found)
            self.engine.sides[found[0]].crm.set_live(found[1], live=False)

    def _gone(self, name: str, ref: str) -> None:
        side = self.engine.sides[name]
        key = side.crm.records[ref].key
        self.disturbed.add(key)
        self.history.excuse(site=(name, ref))
        if ref not in side.links:  # we had made it, and were killed before we knew: it may be made again
            self.unknown[name][key] += 1

    def bring_back(self) -> None:
        """A person brings a deleted record back."""
        crm = self.engine.sides[self.chance.choice("ab")].crm
        gone = [ref for ref, each in crm.records.items() if not each.live and each.merged_into is None]
        gone = [ref for ref in gone if not crm.with_key(crm.records[ref].key)]
        if gone:
            crm.set_live(self.chance.choice(gone), live=True)

    def merge(self) -> None:
        """A person merges two records."""
        name = self.chance.choice("ab")
        crm = self.engine.sides[name].crm
        live = list(crm.live())
        if len(live) > 1:
            winner, loser = self.chance.sample(live, 2)
            self._gone(name, loser)
            self.disturbed.add(crm.records[winner].key)
            crm.set_live(loser, live=False, merged_into=winner)

    def _rest(self) -> None:
        """No more faults: two working rounds at most, then nothing, and nothing in a full look either."""
        self.fuse, self.racing = None, 0.0
        before = self._state()
        for number in range(1, WORKING_ROUNDS + 3):
            for name in self.engine.sides:
                self.engine.sync(name, full=number > WORKING_ROUNDS + 1)
            after = self._state()
            if number > WORKING_ROUNDS and after != before:
                self.found.restless.append(f"at work in round {number}: {sorted(after ^ before)[:3]}")
                return
            before = after

    def _state(self) -> set[str]:
        found = {f"{each.id} {each.version}" for each in self.engine.customers.values()}
        for name, side in self.engine.sides.items():
            found.add(f"{name} wrote {sum(each.ours for each in side.crm.past)}")
            # What a row shows of a whole record is of when that was looked at last.
            found |= {f"{name} {each} {row.field and row.local}" for each, row in side.rows.items()}
        return found


def play(seed: int) -> tuple[Findings, int]:
    """What is wrong with the schedule of a seed, and how many processes were killed in it."""
    schedule = SmallSchedule(seed)
    return schedule.play(), schedule.deaths
