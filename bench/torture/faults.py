"""Faults, kills and disturbances at every touch of a CRM, as a schedule draws them."""

from __future__ import annotations

from random import Random
from typing import Protocol

from bench.torture.connector import Trouble
from bench.torture.habits import Habits
from bench.torture.history import PATHS
from bench.torture.people import FIELDS, People
from bench.torture.process import Life
from bench.torture.scene import Scene
from connectors.errors import RateLimited, Unavailable
from connectors.memory import KEY
from connectors.port import Create, Update, Write
from sync.store.customers import StoredCustomer

TAKEN_OVER = 130.0  # seconds: longer than a lease


class Play(Protocol):
    """What of a schedule its faults need."""

    chance: Random
    people: People
    scene: Scene
    habits: Habits
    faults: bool
    nested: bool
    trace: list[str]

    def decide(self) -> str:
        """A person decides a row of the queue."""


class Faults(Trouble):
    """The trouble of one process with one CRM."""

    def __init__(self, play: Play, name: str, life: Life) -> None:
        self._play, self._name, self._life = play, name, life
        self._written: set[str] = set()
        life.heirs.append(self._doubt)

    def before(self, kind: str) -> None:
        """A point at which the process may die, and others may do something."""
        self._life.at(f"before {kind}")
        self._disturb()

    def after(self, kind: str) -> None:
        """The same once the call is made."""
        self._life.at(f"after {kind}")
        self._disturb()

    def writing(self, write: Write) -> None:
        """Somebody is at the same record just now."""
        play = self._play
        if not self._open or play.chance.random() >= play.habits.race:
            return
        crm = play.scene.crms[self._name]
        if isinstance(write, Create):
            if not crm.inner.unique_key:
                return  # nothing could tell us: `doctor` warns of such a key
            self._tell(play.people.make(self._name, str(write.external_id)))
        elif write.ref in {each.ref for each in crm.live()}:
            self._tell(self._edit(write))

    def landing(self, write: Write) -> None:
        """Somebody is at the record after our write, before it is read again."""
        play = self._play
        if not self._open or isinstance(write, Create) or play.chance.random() >= play.habits.race / 4:
            return
        if write.ref in {each.ref for each in play.scene.crms[self._name].live()}:
            self._tell(self._edit(write))

    def _edit(self, write: Update) -> str:
        people, draw = self._play.people, self._play.chance.random()
        if draw < 0.2:
            return people.touch(self._name, write.ref)
        sent = [field for field, path in PATHS.items() if path in write.fields]
        return people.edit(
            self._name, write.ref, people.chance.choice(sent if draw < 0.75 and sent else FIELDS)
        )

    def written(self, write: Write, ref: str | None) -> None:
        """Somebody is at the same customer here, before the answer has come."""
        play = self._play
        if ref is not None:
            self._written.add(ref)
        if not self._open or play.chance.random() >= play.habits.race:
            return
        customer = self._customer(write)
        if customer is not None:
            paths = [path for path in PATHS.values() if path in write.fields]
            self._tell(play.people.change(customer, play.chance.choice(paths or [*PATHS.values()])))

    def _customer(self, write: Write) -> StoredCustomer | None:
        records = self._play.scene.crms[self._name].inner.records
        key = write.external_id if isinstance(write, Create) else records[write.ref].values.get(KEY)
        living = (each for each in self._play.scene.living() if each.row["external_id"] == key)
        return next(living, None)

    @property
    def _open(self) -> bool:
        return self._play.faults and not self._play.nested

    def _tell(self, what: str) -> None:
        self._play.trace.append(f"meanwhile: {what}")

    def _doubt(self) -> None:
        """Nobody will know what became of what this process wrote."""
        self._play.scene.crms[self._name].unsure |= self._written

    def _disturb(self) -> None:
        if not self._open:
            return
        play, habits = self._play, self._play.habits
        draw = play.chance.random()
        for chance, act in (
            (habits.meanwhile, play.people.edit_record),
            (habits.meanwhile * 0.6, play.people.edit_customer),
            (habits.meanwhile * 0.1, play.decide),
            (habits.beside, self._beside),
            (habits.taken_over, self._taken_over),
        ):
            if draw < chance:
                self._tell(act())
                return
            draw -= chance

    def _beside(self) -> str:
        """Another worker does what it can while this one is at it."""
        return f"beside: {self._other()}"

    def _taken_over(self) -> str:
        """The lease runs out while the process is asleep, and another one takes over; then it wakes."""
        self._play.scene.clock.pass_time(TAKEN_OVER)
        self._doubt()
        return f"takes over: {self._other()}"

    def _other(self) -> str:
        self._play.nested = True
        try:
            return self._play.scene.work(self._name)
        finally:
            self._play.nested = False

    def fail(self, kind: str) -> None:
        """The call fails before anything has happened."""
        if not self._play.faults or kind == "describe":
            return
        draw = self._play.chance.random()
        refused = self._play.habits.refused
        if draw < refused * 2 / 3:
            raise Unavailable("The CRM does not answer.")
        if draw < refused:
            raise RateLimited("Too many calls.", retry_after=5.0)

    def fault_of_write(self, write: Write) -> str | None:
        """See `MemoryCrm.fault`; also `lost_request`, `cut` and `unread`."""
        if not self._play.faults:
            return None
        draw = self._play.chance.random() / self._play.habits.failing if self._play.habits.failing else 1.0
        faults = (
            (0.2, "unavailable"),
            (0.5, "lost_answer"),
            (0.65, "lost_request"),
            (0.8, "cut"),
            (1.0, "unread"),
        )
        found = next((fault for limit, fault in faults if draw < limit), None)
        if found == "cut":
            self._doubt()
        return found
