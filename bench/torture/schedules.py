"""Seeded schedules on Concord's own code: people, faults and killed processes, and then peace.

One schedule is one process's worth of the real thing: the store in SQLite in memory, the reference connector
over two CRMs of which one writes conditionally and the other keeps a history, and workers that are killed
between any two touches of either.
"""

from __future__ import annotations

import hashlib
import random
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.torture import choices, lives
from bench.torture.clock import SimulatedClock
from bench.torture.database import Place, memory
from bench.torture.faults import Faults
from bench.torture.habits import BIASES, SHARES
from bench.torture.history import PATHS, History
from bench.torture.oracle import Findings, Oracle
from bench.torture.people import People
from bench.torture.scene import Scene
from connectors.memory_crm import MemoryCrm
from sync.store.conflicts import StoredConflict
from sync.store.connections import ConnectionState

STEPS = 40
WORKING_ROUNDS = 2
RELEASES = 6  # of a plan: each may find more that came after it
IDEMPOTENT = 0.3  # share of schedules that look at everything again once all is quiet
ANSWERED = 0.3  # share in which people then answer every question, and all must come to rest again
DAY = 90_000.0  # seconds: what the brake has counted by then counts no more
SKEWS = (0.0, 0.0, 0.0, 2.0, -600.0, 600.0)  # seconds
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

    def __init__(self, seed: int, place: Place | None = None, *, bias: str | None = None) -> None:
        self.seed, self.steps = seed, STEPS
        self.chance = random.Random(seed)
        drawn = self.chance.choices([*SHARES], [*SHARES.values()])[0]
        self.habits = BIASES[bias or drawn]
        self.clock = SimulatedClock(seed)
        self.history = History()
        self.faults = True
        self.nested = False
        self.trace: list[str] = []
        self.ruled: frozenset[str] = frozenset()
        self._place = place or memory()

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
        """Set the scene as this schedule draws it."""
        chance = self.chance
        rules, self.ruled = self._rules()
        sizes = {"page_size": chance.choice((1, 2, 3, 100)), "write_size": chance.choice((1, 2, 100))}
        three_way = {"address_policy": "three_way"} if chance.random() < 0.5 else {}
        self.arrange(
            sizes, {"rules": rules, **three_way}, unique=chance.random() < 0.7, keys=chance.randint(1, 6)
        )
        for crm in self.scene.crms.values():
            crm.skew = chance.choice(SKEWS)
        for _ in range(chance.randint(1, 5)):
            self.people.create_record() if chance.random() < 0.8 else self.people.create_customer()

    def arrange(
        self, sizes: Mapping[str, int], settings: Mapping[str, Any], *, unique: bool = True, keys: int = 1
    ) -> None:
        """Set the scene, on this schedule's clock: CRM `a` writes conditionally, `b` keeps a history.

        Args:
            sizes: of pages and of batches of writes.
            settings: of both connections.
            unique: whether `b` refuses a second record with one key.
            keys: how many there are.
        """
        self.scene = Scene(self.clock, self._place.fresh(self.clock), self.chance)
        self.scene.connect("a", MemoryCrm(**sizes), whole_seconds=True, **settings)  # type: ignore[arg-type]
        slow = MemoryCrm(conditional_write=False, unique_key=unique, **sizes)  # type: ignore[arg-type]
        # Two CRMs that each rule a field alone would never agree on it: only one of them does.
        rules = settings.get("rules", {})
        shared = {path: rule for path, rule in rules.items() if rule.get("direction") != "crm_to_local"}
        self.scene.connect("b", slow, whole_seconds=False, **{**settings, "rules": shared})
        self.people = People(self.scene, self.history, self.chance, keys)
        self.people.late = self.habits.late
        self.scene.trouble = lambda name, life: Faults(self, name, life)
        self.scene.fuse = self._fuse

    def _rules(self) -> tuple[dict[str, Any], frozenset[str]]:
        if self.chance.random() > 0.25:
            return {}, frozenset()
        path = self.chance.choice([*PATHS.values()])
        return {path: self.chance.choice(RULES)}, frozenset({path})

    def _fuse(self) -> int | None:
        return (
            self.chance.randint(1, 80) if self.faults and self.chance.random() < self.habits.killed else None
        )

    def acts(self) -> dict[str, Callable[[], object]]:
        """All that can happen at a step, by the names of `habits.WEIGHTS`."""
        people, scene, names = self.people, self.scene, sorted(self.scene.crms)
        return {
            "edit a record": people.edit_record,
            "edit a customer": people.edit_customer,
            "sync": lambda: scene.sync(self.chance.choice(names)),
            "work": lambda: scene.work(*names),
            "decide": self.decide,
            "create a record": people.create_record,
            "create a customer": people.create_customer,
            "delete a record": lambda: lives.delete_record(people),
            "bring back a record": lambda: lives.undelete_record(people),
            "respell a record": people.respell_record,
            "touch a record": people.touch_record,
            "merge records": lambda: lives.merge_records(people),
            "merge records into a new one": lambda: lives.merge_anew(people),
            "delete a customer": lambda: lives.delete_customer(people),
            "change a key": lambda: lives.rekey_record(people),
            "compare all": lambda: scene.work(self.chance.choice(names), kind="full"),
            "resync": lambda: scene.sync(self.chance.choice(names), kind="resync", everything=True),
            "wait": self._wait,
        }

    def act(self, what: str) -> None:
        """Let this happen."""
        self.trace.append(f"{what}: {self.acts()[what]()}")

    def decide(self) -> str:
        """A person decides a row of the queue."""
        return choices.decide(self.people)

    def _step(self) -> None:
        weights = self.habits.all_weights
        (what,) = self.chance.choices([*weights], [*weights.values()])
        self.act(what)

    def _wait(self) -> str:
        seconds = self.chance.choice((1, 30, 130, 700, 4_000, 90_000))
        self.clock.pass_time(seconds)
        return f"{seconds} s"

    def _settle(self, findings: Findings) -> int:
        """Faults off: at most two working rounds, then one in which nothing is done; then idempotence."""
        self.faults = False
        workers = self.chance.random() < 0.5
        self._compare_overdue()
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

    def _compare_overdue(self) -> None:
        """What an index shows after an hour is found by the daily compare."""
        if self.people.overdue:
            self.clock.pass_time(DAY)
        for name in sorted(self.people.overdue):
            self.trace.append(f"compared {name}: {self.scene.work(name, kind='full')}")

    def _open_all(self, findings: Findings) -> None:
        """A worker begins nothing by itself, and what the brake holds is a person's to release."""
        for name in sorted(self.scene.crms):
            self.clock.pass_time(DAY)
            for _ in range(RELEASES):
                released = self.scene.release(name)
                present = self.scene.connection(name)
                stranded = present.state is ConnectionState.HALTED  # and there was nothing to release
                if released is None and (present.row["first_sync"] != "done" or stranded):
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
            self.trace.append(f"answer in {name}: {choices.decide_row(self.people, row)}")


def _version(row: StoredConflict) -> int | None:
    """What a row of several records shows of them depends on which of them was looked at."""
    return None if row.row["kind"] == "ambiguous_match" else row.row["version"]


def play(seed: int, bias: str | None = None) -> Verdict:
    """Play the schedule of a seed on the database of this process, with its own habits or others."""
    return Schedule(seed, bias=bias).play()
