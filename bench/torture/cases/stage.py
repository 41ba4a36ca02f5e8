"""The stage of a case: a schedule without chance, in which a script says what happens at which moment."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.torture.connector import Trouble
from bench.torture.database import Place
from bench.torture.history import PATHS
from bench.torture.oracle import Findings
from bench.torture.process import Life
from bench.torture.schedules import Schedule
from connectors.memory import KEY
from connectors.memory_crm import MemoryRecord
from connectors.port import Presence, Write
from sync.store.customers import StoredCustomer

THREE_WAY = {"address_policy": "three_way"}
KILL = "kill"
Act = Callable[[], object]


@dataclass(slots=True)
class Moment:
    """What happens the next time a process is at a point of its talk with a CRM, once."""

    crm: str
    kind: str
    act: Act | str


class Stage:
    """Two CRMs and this side, all quiet; see `Schedule.arrange` for the arguments.

    Attributes:
        people: who edits what, as in a schedule.
        scene: where.
    """

    def __init__(
        self,
        schedule: Schedule,
        *,
        page: int = 100,
        write: int = 100,
        unique: bool = True,
        keys: int = 8,
        **settings: Any,
    ) -> None:
        self.schedule = schedule
        schedule.ruled = frozenset(settings.get("rules", {}))
        sizes = {"page_size": page, "write_size": write}
        schedule.arrange(sizes, {**THREE_WAY, **settings}, unique=unique, keys=keys)
        self.people, self.scene = self.schedule.people, self.schedule.scene
        self.findings = Findings()
        self.moments: list[Moment] = []
        self.scene.trouble = lambda name, life: _Scripted(self, name, life)
        self.scene.fuse = lambda: None

    def once(self, crm: str, kind: str, act: Act | str) -> None:
        """Do something at a moment, once.

        A moment is `before` or `after` and the kind of a call, `writing`, `landing` or `written`;
        `answer` takes what becomes of a write, see `MemoryCrm.fault`; the act `KILL` ends the process.
        """
        self.moments.append(Moment(crm, kind, act))

    def reached(self, crm: str, kind: str) -> Act | str | None:
        """What happens now."""
        for moment in self.moments:
            if (moment.crm, moment.kind) == (crm, kind):
                self.moments.remove(moment)
                return moment.act
        return None

    def together(self, *keys: str, crm: str = "a") -> None:
        """Records with these keys, known everywhere."""
        for key in keys:
            self.people.make(crm, key, lag=0.0)
        self.sync("a", "b")

    def sync(self, *names: str, **order: Any) -> None:
        """A run of each of these; of all, and once more of the first, which may have it from the second."""
        for name in names or ("a", "b", "a"):
            self.schedule.trace.append(f"sync {name}: {self.scene.sync(name, **order)}")

    def record(self, crm: str, key: str) -> MemoryRecord:
        """The living record with a key."""
        for each in self.scene.crms[crm].live():
            if each.values.get(KEY) == key:
                return each
        raise LookupError(f"no record with {key} in {crm}")

    def customer(self, key: str) -> StoredCustomer:
        """The living customer with a key."""
        for each in self.scene.living():
            if each.row["external_id"] == key:
                return each
        raise LookupError(f"no customer {key}")

    def edit(self, crm: str, key: str, field: str = "name") -> int:
        """Somebody edits a record; returns the number of the value."""
        number = self.people.history.number()
        self.people.write(crm, self.record(crm, key).ref, field, number)
        return number

    def change(self, key: str, field: str = "name") -> int:
        """Somebody edits a customer; returns the number of the value."""
        number = self.people.history.number()
        self.people.assign(self.customer(key), PATHS[field], number)
        return number

    def doomed(self, touches: int) -> None:
        """The next process dies at this touch of the database or of a CRM."""
        fuses = [touches]
        self.scene.fuse = lambda: fuses.pop() if fuses else None

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.scene.clock.pass_time(seconds)

    def expect(self, holds: bool, what: str) -> None:
        """Something that this case must show, beside all that the oracle asks."""
        if not holds:
            self.findings.unmet.append(what)

    def has(self, key: str, field: str, number: int) -> None:
        """All three must have the value of a number."""
        text = str(number)
        held = {crm: str(self.record(crm, key).values.get(field)) for crm in sorted(self.scene.crms)}
        held["here"] = str(self.customer(key).value(PATHS[field]))
        for where, value in held.items():
            self.expect(text in value, f"{field} of {key} is {value} in {where}, not of number {number}")

    def nothing_asked(self) -> None:
        """The queue must be empty."""
        for row in self.scene.queue():
            self.expect(False, f"asked without a reason: {row.row['kind']} {row.row['field']}")

    def rest(self) -> None:
        """All comes to rest, and the oracle judges."""
        self.schedule.faults = False
        for name, found in self.schedule.judge().by_name().items():
            getattr(self.findings, name).extend(found)

    def refs(self, crm: str, presence: Presence) -> list[str]:
        """Records of a CRM that are so."""
        return [each.ref for each in self.scene.crms[crm].inner.records.values() if each.presence is presence]


class _Scripted(Trouble):
    def __init__(self, stage: Stage, name: str, life: Life) -> None:
        self._stage, self._name, self._life = stage, name, life

    def _at(self, kind: str) -> None:
        act = self._stage.reached(self._name, kind)
        if act == KILL:
            self._life.kill(kind)
        elif callable(act):
            self._stage.schedule.trace.append(f"{self._name} {kind}: {act()}")

    def before(self, kind: str) -> None:
        self._life.at(f"before {kind}")
        self._at(f"before {kind}")

    def after(self, kind: str) -> None:
        self._life.at(f"after {kind}")
        self._at(f"after {kind}")

    def writing(self, write: Write) -> None:
        self._at("writing")

    def landing(self, write: Write) -> None:
        self._at("landing")

    def written(self, write: Write, ref: str | None) -> None:
        self._at("written")

    def fault_of_write(self, write: Write) -> str | None:
        act = self._stage.reached(self._name, "answer")
        return act if isinstance(act, str) else None


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its name, its script with what that is given, and how the stage is set."""

    name: str
    script: Callable[..., None]
    given: tuple[Any, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def play(self, place: Place | None = None) -> tuple[Findings, list[str]]:
        """Play it; what is wrong, and its trace."""
        schedule = Schedule(1, place, bias="still")
        with schedule.clock.installed():
            stage = Stage(schedule, **self.settings)
            try:
                self.script(stage, *self.given)
            except Exception:
                stage.findings.crashed.append(traceback.format_exc())
        return stage.findings, schedule.trace


def case(name: str, script: Callable[..., None], *lists: Sequence[Any], **settings: Any) -> list[Case]:
    """A case for each combination of what its script can be given, on a stage with these settings."""
    return [
        Case(": ".join((name, *map(str, given))), script, given, settings)
        for given in itertools.product(*lists)
    ]
