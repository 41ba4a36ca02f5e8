"""Short versions of the torture programme, and every seed that it ever failed on."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from bench.torture.model.part import judge as judge_small
from bench.torture.mutation import applies, faults
from bench.torture.plans import judge
from bench.torture.replay import digests
from bench.torture.schedules import play

SEEDS = orjson.loads(Path(__file__).with_name("seeds.json").read_bytes())


@pytest.mark.parametrize("seed", SEEDS["schedules"])
def test_a_schedule_that_once_failed_holds(seed: int) -> None:
    found = play(seed).findings
    assert not found.any(), found


def test_schedules_of_the_model_hold() -> None:
    assert [line for seed in (*SEEDS["model"], *range(1_000)) for line in judge_small(seed)] == []


def test_perturbed_triples_keep_the_laws() -> None:
    assert [line for seed in range(2_000) for line in judge(seed)] == []


def test_the_same_seed_gives_the_same_trace() -> None:
    assert digests([11]) == digests([11])


def test_there_are_enough_seeded_faults_and_each_still_fits() -> None:
    known = faults()
    assert len(known) >= 25
    assert [each.patch.stem for each in known if not applies(each)] == []
