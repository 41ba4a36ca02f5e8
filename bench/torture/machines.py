"""T3: Hypothesis chooses what people and processes do, and shrinks what fails to the fewest steps.

The engine is that of the schedules, or that of the model. A machine that fails is told as a seed and its
steps, by which it is played again for ever; see tests/machine/seeds.json.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

import orjson
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bench.torture.habits import WEIGHTS
from bench.torture.model.play import WEIGHTS as SMALL
from bench.torture.model.play import SmallSchedule
from bench.torture.oracle import Findings
from bench.torture.registry import Order, Result
from bench.torture.schedules import Schedule

STEPS = 40
PROCESSES = ("sync", "work", "compare all", "resync", "wait")


class Played(Protocol):
    """One organisation with two CRMs, played step by step; its population, rules and faults are a seed's."""

    number: int
    steps: list[str]

    def act(self, what: str) -> None:
        """The next step."""

    def end(self) -> Findings:
        """Peace, and judgement."""


class Machine:
    """On the real code."""

    def __init__(self, number: int) -> None:
        self.number, self.steps = number, list[str]()
        self.schedule = Schedule(number)
        self._installed = self.schedule.clock.installed()
        self._installed.__enter__()
        self.schedule.set_up()

    def act(self, what: str) -> None:
        """The next step."""
        self.steps.append(what)
        self.schedule.act(what)

    def end(self) -> Findings:
        """Peace, and judgement."""
        try:
            return self.schedule.judge()
        finally:
            self._installed.__exit__(None, None, None)


class SmallMachine:
    """On the planner alone."""

    def __init__(self, number: int) -> None:
        self.number, self.steps = number, list[str]()
        self.schedule = SmallSchedule(number)
        self.schedule.populate()

    def act(self, what: str) -> None:
        """The next step."""
        self.steps.append(what)
        self.schedule.act(what)

    def end(self) -> Findings:
        """Peace, and judgement."""
        return self.schedule.judge()


def again(number: int, steps: Sequence[str], kind: Callable[[int], Played] = Machine) -> Findings:
    """Play a machine once more."""
    machine = kind(number)
    for what in steps:
        machine.act(what)
    return machine.end()


class Chosen(RuleBasedStateMachine):
    """What Hypothesis may choose. Of the rules each stands once; who weighs more is a class's own."""

    kind: ClassVar[type[Machine | SmallMachine]]
    people: ClassVar[Sequence[str]]
    processes: ClassVar[Sequence[str]]
    machine: Played | None = None

    @initialize(number=st.integers(0, 1_000))
    def begin(self, number: int) -> None:
        """Set the scene."""
        self.machine = type(self).kind(number)

    @precondition(lambda self: self.machine is not None)
    @rule(choice=st.data())
    def somebody(self, choice: st.DataObject) -> None:
        """Somebody does something."""
        self._act(choice.draw(st.sampled_from(self.people)))

    @precondition(lambda self: self.machine is not None)
    @rule(choice=st.data())
    def process(self, choice: st.DataObject) -> None:
        """A process of Concord does, or time passes."""
        self._act(choice.draw(st.sampled_from(self.processes)))

    def _act(self, what: str) -> None:
        assert self.machine is not None
        self.machine.act(what)

    def teardown(self) -> None:
        """Judge."""
        if self.machine is None:
            return
        found = self.machine.end()
        told = orjson.dumps([self.machine.number, self.machine.steps]).decode()
        assert not found.any(), f"{told} {found}"


class SyncMachine(Chosen):
    """On the real code."""

    kind = Machine
    people = tuple(name for name in WEIGHTS if name not in PROCESSES)
    processes = PROCESSES


class PlannerMachine(Chosen):
    """On the planner alone."""

    kind = SmallMachine
    people = tuple(name for name in SMALL if name != "sync")
    processes = ("sync",)


def setting(count: int) -> settings:
    """So many machines, always the same."""
    return settings(
        max_examples=count,
        stateful_step_count=STEPS,
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow],
    )


def _chunk(given: tuple[type[Chosen], int, int]) -> str | None:
    """What is wrong with some machines, the shortest that fails."""
    kind, number, count = given
    try:
        run_state_machine_as_test(seed(number)(type("Chunk", (kind,), {})), settings=setting(count))
    except AssertionError as error:
        return str(error)
    return None


def _played(kind: type[Chosen], order: Order, count: int, chunk: int) -> Result:
    """In chunks, each with a seed of its own."""
    chunks = [
        (kind, order.seed + start // chunk, min(chunk, count - start)) for start in range(0, count, chunk)
    ]
    with multiprocessing.get_context("spawn").Pool(order.workers) as pool:
        found = pool.map(_chunk, chunks, chunksize=1)
    return Result(
        figures={"machines": count, "steps of each, at most": STEPS},
        wrong=[line for line in found if line is not None],
    )


def machines(order: Order) -> Result:
    """On the planner alone."""
    return _played(PlannerMachine, order, order.of(short=2_000, usual=2_000, nightly=20_000), chunk=200)


def sync_machines(order: Order) -> Result:
    """On the real code."""
    return _played(SyncMachine, order, order.of(short=20, usual=200, nightly=2_000), chunk=20)
