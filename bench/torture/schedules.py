"""Seeded schedules on Concord's own code: people, faults and killed processes, and then peace.

One schedule is one process's worth of the real thing: the store in SQLite in memory, the reference connector
over two CRMs of which one writes conditionally and the other keeps a history, and workers that are killed
between any two touches of either.
"""

from __future__ import annotations

import hashlib
import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.torture.clock import SimulatedClock
from bench.torture.crm import Trouble
from bench.torture.database import memory
from bench.torture.history import PATHS, History
from bench.torture.oracle import Findings, Oracle
from bench.torture.people import People
from bench.torture.process import Life
from bench.torture.scene import Scene
from connectors.errors import RateLimited, Unavailable
from connectors.memory_crm import MemoryCrm
from sync.store.conflicts import StoredConflict
from sync.store.session import Database

STEPS = 40
WORKING_ROUNDS = 2
RELEASES = 6  # of a plan: each may find more that came after it
IDEMPOTENT = 0.3  # share of schedules that look at everything again once all is quiet
ANSWERED = 0.3  # share in which people then answer every question, and all must come to rest again
DAY = 90_000.0  # seconds: what the brake has counted by then counts no more
RULES: tuple[dict[str, Any], ...] = (
    {"direction": "crm_to_local"},
    {"direction": "local_to_crm"},
    {"on_both_changed": "prefer_crm"},
    {"on_both_changed": "prefer_local"},
    {"blanks": "propagate"},
)


@dataclass
class Verdict:
    """What one schedule came to."""

    seed: int
    findings: Findings
    trace: list[str] = field(default_factory=list)
    deaths: int = 0
    rounds: int = 0

    @property
    def digest(self) -> str:
        """Of everything that happened: the same seed must give the same."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()


class Schedule:
    """One schedule, from its seed alone."""

    def __init__(self, seed: int, database: Database | None = None, *, steps: int = STEPS) -> None:
        self.seed, self.steps = seed, steps
        self.chance = random.Random(seed)
        self.clock = SimulatedClock(seed)
        self.history = History()
        self.faults = True
        self.nested = False
        self.trace: list[str] = []
        self._given = database

    def play(self) -> Verdict:
        """Play it, and judge it."""
        findings, rounds = Findings(), 0
        with self.clock.installed():
            self.set_up()
            try:
                for _ in range(self.steps):
                    self._step()
                rounds = self._judge(findings)
            except Exception:
                findings.crashed.append(traceback.format_exc())
            self.trace += [f"{name} {each}" for name, crm in self.scene.crms.items() for each in crm.journal]
        return Verdict(self.seed, findings, self.trace, self.scene.deaths, rounds)

    def judge(self) -> Findings:
        """End the faults, let everything come to rest, and look what is wrong."""
        findings = Findings()
        self._judge(findings)
        return findings

    def _judge(self, findings: Findings) -> int:
        oracle = Oracle(self.scene, self.history, self.people, self.ruled, findings)
        rounds = self._settle(findings)
        oracle.judge()
        if self.chance.random() < ANSWERED:
            self._answer_all()
            rounds = max(rounds, self._settle(findings))
            oracle.judge()
        return rounds

    def set_up(self) -> None:
        """Set the scene, on this schedule's clock."""
        chance = self.chance
        database = self._given or memory().fresh(self.clock)
        self.scene = Scene(self.clock, database, chance)
        rules, self.ruled = self._rules()
        page = chance.choice((1, 2, 3, 100))
        common = {"page_size": page, "write_size": chance.choice((1, 2, 100))}
        three_way = {"address_policy": "three_way"} if chance.random() < 0.5 else {}
        self.scene.connect("a", MemoryCrm(**common), whole_seconds=True, rules=rules, **three_way)  # type: ignore[arg-type]
        slow = MemoryCrm(conditional_write=False, unique_key=chance.random() < 0.7, **common)  # type: ignore[arg-type]
        self.scene.connect("b", slow, whole_seconds=False, rules=rules, **three_way)
        self.people = People(self.scene, self.history, chance, chance.randint(1, 6))
        self.scene.trouble = lambda name, life: _Faults(self, name, life)
        self.scene.fuse = self._fuse
        for _ in range(chance.randint(1, 5)):
            self.people.create_record() if chance.random() < 0.8 else self.people.create_customer()

    def _rules(self) -> tuple[dict[str, Any], frozenset[str]]:
        if self.chance.random() > 0.25:
            return {}, frozenset()
        path = self.chance.choice([*PATHS.values()])
        return {path: self.chance.choice(RULES)}, frozenset({path})

    def _fuse(self) -> int | None:
        return self.chance.randint(1, 80) if self.faults and self.chance.random() < 0.2 else None

    def _step(self) -> None:
        people, scene = self.people, self.scene
        names = sorted(scene.crms)
        choices: list[tuple[int, str, Callable[[], object]]] = [
            (26, "edit a record", people.edit_record),
            (18, "edit a customer", people.edit_customer),
            (14, "sync", lambda: scene.sync(self.chance.choice(names))),
            (12, "work", lambda: scene.work(*names)),
            (7, "decide", people.decide),
            (6, "create a record", people.create_record),
            (3, "create a customer", people.create_customer),
            (2, "delete a record", people.delete_record),
            (2, "bring back a record", people.undelete_record),
            (1, "merge records", people.merge_records),
            (1, "delete a customer", people.delete_customer),
            (1, "change a key", people.rekey_record),
            (1, "compare all", lambda: scene.work(self.chance.choice(names), kind="full")),
            (1, "resync", lambda: scene.sync(self.chance.choice(names), kind="resync", everything=True)),
            (5, "wait", self._wait),
        ]
        weights = [weight for weight, _, _ in choices]
        ((_, what, act),) = self.chance.choices(choices, weights)
        self.trace.append(f"{what}: {act()}")

    def _wait(self) -> str:
        seconds = self.chance.choice((1, 30, 130, 700, 4_000, 90_000))
        self.clock.pass_time(seconds)
        return f"{seconds} s"

    def disturb(self, name: str) -> None:
        """Something happens while a process is at a CRM: a person, or another process."""
        if not self.faults or self.nested:
            return
        draw = self.chance.random()
        if draw < 0.05:
            self.trace.append(f"meanwhile: {self.people.edit_record()}")
        elif draw < 0.08:
            self.trace.append(f"meanwhile: {self.people.edit_customer()}")
        elif draw < 0.085:
            self.trace.append(f"meanwhile: {self.people.decide()}")
        elif draw < 0.095:
            # Its lease runs out while it is asleep, and another one takes over; then it wakes.
            self.nested = True
            self.clock.pass_time(130)
            self.trace.append(f"takes over: {self.scene.work(name)}")
            self.nested = False

    def _settle(self, findings: Findings) -> int:
        """Faults off: at most two working rounds, then one in which nothing is done; then idempotence."""
        self.faults = False
        workers = self.chance.random() < 0.5
        self._open_all(findings)
        before, rounds = self._state(), 0
        while True:
            self._round(workers=workers)
            after = self._state()
            if after == before:
                break
            rounds += 1
            if rounds > WORKING_ROUNDS:
                findings.restless.append(f"at work in round {rounds}: {sorted(after ^ before)}")
                return rounds
            before = after
        if self.chance.random() < IDEMPOTENT:
            for name in sorted(self.scene.crms):
                self.scene.sync(name, full=True)
                self.scene.sync(name, kind="resync", everything=True)
            if (after := self._state()) != before:
                findings.restless.append(f"a full listing and a resync found work: {sorted(after ^ before)}")
        return rounds

    def _open_all(self, findings: Findings) -> None:
        """A worker begins nothing by itself, and what the brake holds is a person's to release."""
        for name in sorted(self.scene.crms):
            self.clock.pass_time(DAY)
            for _ in range(RELEASES):
                released = self.scene.release(name)
                if released is None and self.scene.connection(name).row["first_sync"] != "done":
                    released = self.scene.sync(name)
                if released is None:
                    break
                self.trace.append(f"released {name}: {released}")
            else:
                findings.restless.append(f"{name} still waits after {RELEASES} releases")

    def _round(self, *, workers: bool) -> None:
        self.clock.pass_time(4_000)
        names = sorted(self.scene.crms)
        if workers:
            self.trace.append(f"work: {self.scene.work(*names)}")
            return
        self.trace += [f"settle {name}: {self.scene.sync(name)}" for name in names]

    def _state(self) -> set[str]:
        """All that counts as done: our writes, customers with their versions, and the queue."""
        ours = {
            f"{name} wrote {number} {entry.ref} {entry.what} {sorted(entry.values)}"
            for name, crm in self.scene.crms.items()
            for number, entry in enumerate(crm.journal)
            if entry.ours
        }
        here = {
            f"{each.id} {each.row['version']} {each.row['deleted_at']}" for each in self.scene.customers()
        }
        rows = {
            f"{row.id} {_version(row)} {row.row['kind']} {row.row['subject']} {row.row['field']}"
            for row in self.scene.queue()
        }
        return ours | here | rows

    def _answer_all(self) -> None:
        for row in self.scene.queue():
            name = next(name for name, known in self.scene.ids.items() if known == row.row["connection_id"])
            self.trace.append(f"answer in {name}: {self.people.decide_row(row)}")


def _version(row: StoredConflict) -> int | None:
    """What a row of several records shows of them depends on which of them was looked at."""
    return None if row.row["kind"] == "ambiguous_match" else row.row["version"]


class _Faults(Trouble):
    """Faults, kills and disturbances as the schedule draws them."""

    def __init__(self, schedule: Schedule, name: str, life: Life) -> None:
        self._schedule, self._name, self._life = schedule, name, life

    def before(self, kind: str) -> None:
        self._life.at(f"before {kind}")
        self._schedule.disturb(self._name)

    def after(self, kind: str) -> None:
        self._life.at(f"after {kind}")
        self._schedule.disturb(self._name)

    def fail(self, kind: str) -> None:
        if not self._schedule.faults or kind == "describe":
            return
        draw = self._schedule.chance.random()
        if draw < 0.02:
            raise Unavailable("The CRM does not answer.")
        if draw < 0.03:
            raise RateLimited("Too many calls.", retry_after=5.0)

    def fault_of_write(self) -> str | None:
        if not self._schedule.faults:
            return None
        draw = self._schedule.chance.random()
        faults = ((0.03, "unavailable"), (0.09, "lost_answer"), (0.11, "cut"), (0.14, "unread"))
        return next((fault for limit, fault in faults if draw < limit), None)


def play(seed: int) -> Verdict:
    """Play the schedule of a seed on the database of this process."""
    return Schedule(seed).play()
