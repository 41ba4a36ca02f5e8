"""The hunt for one fault: the cheapest checks first, and an end at the first that finds something.

What a seeded fault says of itself is only where to look first: every check of the programme follows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.torture.cases import CASES
from bench.torture.model.part import judge as judge_small
from bench.torture.plans import judge
from bench.torture.schedules import play

FIRST_PLANS = 100
SMALL = 1_000  # schedules of the model


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """How far a hunt goes, and where it begins.

    Args:
        seed: the first seed.
        plans: triples through the planner.
        schedules: at most.
        look: words of the cases that come first; none is all of them in their order.
        bias: of the schedules; see `habits`.
        seconds: after which no further check is begun.
    """

    seed: int
    plans: int
    schedules: int
    look: tuple[str, ...] = ()
    bias: str | None = None
    seconds: float = 600.0


def hunt(within: Range) -> tuple[str | None, str]:
    """What the first check that fails is called, None if none does; and how far the hunt went."""
    begun, tried = time.monotonic(), 0
    for name, wrong in _checks(within):
        tried += 1
        if wrong:
            return f"{name}: {wrong}", f"{tried} checks"
        if time.monotonic() - begun > within.seconds:
            break
    return None, f"{tried} checks"


def _checks(within: Range) -> Iterator[tuple[str, str]]:
    first = [each for each in CASES if any(word in each.name for word in within.look)]
    rest = [each for each in CASES if each not in first]
    early = min(FIRST_PLANS, within.plans)
    if not first:
        yield _plans(within.seed, early)
    for each in first:
        yield f"case {each.name}", _said(each.play()[0].by_name())
    if first:
        yield _plans(within.seed, early)
    yield _plans(within.seed + early, within.plans - early)
    small = (line for seed in range(within.seed, within.seed + SMALL) for line in judge_small(seed))
    yield f"{SMALL} schedules of the model", next(small, "")
    biased = within.schedules // 4 if within.bias else 0
    for seed in range(within.seed, within.seed + biased):
        yield f"schedule {seed} {within.bias}", _said(play(seed, within.bias).findings.by_name())
    for each in rest:
        yield f"case {each.name}", _said(each.play()[0].by_name())
    for seed in range(within.seed, within.seed + within.schedules - biased):
        yield f"schedule {seed}", _said(play(seed).findings.by_name())


def _plans(start: int, count: int) -> tuple[str, str]:
    wrong = next((line for seed in range(start, start + count) for line in judge(seed)), "")
    return f"{count} plans", wrong


def _said(found: dict[str, list[str]]) -> str:
    """The first finding, by the promise that it breaks."""
    for name, lines in found.items():
        if lines:
            return f"{name.replace('_', ' ')}: {lines[0].strip().splitlines()[-1]}"
    return ""
