"""T3: Hypothesis chooses what people and processes do, and shrinks what fails to the fewest steps.

The engine is that of the schedules; `CONCORD_MACHINES` asks for more machines than the suite has.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bench.torture.schedules import Schedule

MACHINES = int(os.environ.get("CONCORD_MACHINES", "3"))


class SyncMachine(RuleBasedStateMachine):
    """One organisation with two CRMs, played step by step."""

    schedule: Schedule | None = None

    @initialize(seed=st.integers(0, 1_000))
    def begin(self, seed: int) -> None:
        """Set the scene: its population, rules and faults come from the seed."""
        self.schedule = Schedule(seed)
        self._installed = self.schedule.clock.installed()
        self._installed.__enter__()
        self.schedule.set_up()

    @precondition(lambda self: self.schedule is not None)
    @rule(
        what=st.sampled_from(("edit_record", "edit_customer", "create_record", "create_customer", "decide"))
    )
    def people_work(self, what: str) -> None:
        """What people do every day."""
        self._do(getattr(self._schedule.people, what))

    @precondition(lambda self: self.schedule is not None)
    @rule(
        what=st.sampled_from(
            ("delete_record", "undelete_record", "merge_records", "delete_customer", "rekey_record")
        )
    )
    def people_tidy(self, what: str) -> None:
        """What people do now and then."""
        self._do(getattr(self._schedule.people, what))

    @precondition(lambda self: self.schedule is not None)
    @rule(name=st.sampled_from(("a", "b")))
    def sync(self, name: str) -> None:
        """A person's run."""
        self._do(lambda: self._schedule.scene.sync(name))

    @precondition(lambda self: self.schedule is not None)
    @rule()
    def work(self) -> None:
        """A worker's."""
        self._do(lambda: self._schedule.scene.work("a", "b"))

    @property
    def _schedule(self) -> Schedule:
        assert self.schedule is not None
        return self.schedule

    def _do(self, act: Any) -> None:
        self._schedule.trace.append(str(act()))

    def teardown(self) -> None:
        """Peace, and judgement."""
        if self.schedule is None:
            return
        try:
            found = self.schedule.judge()
        finally:
            self._installed.__exit__(None, None, None)
        assert not found.any(), found


TestSyncMachine = SyncMachine.TestCase
TestSyncMachine.settings = settings(
    max_examples=MACHINES,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
