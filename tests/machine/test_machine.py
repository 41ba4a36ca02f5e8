"""T3 in short, and every machine that ever failed; `make torture PART=machines` plays more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from bench.torture.machines import SyncMachine, again, setting

SEEDS = orjson.loads(Path(__file__).with_name("seeds.json").read_bytes())

TestSyncMachine = SyncMachine.TestCase
TestSyncMachine.settings = setting(3)


@pytest.mark.parametrize(("number", "steps"), SEEDS["machines"])
def test_a_machine_that_once_failed_holds(number: int, steps: Sequence[str]) -> None:
    found = again(number, steps)
    assert not found.any(), found
