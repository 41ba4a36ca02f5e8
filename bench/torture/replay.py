"""T24: the same seed gives the same trace, in this process, and in one that hashes otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.torture.registry import Order, Result
from bench.torture.schedules import play

ROOT = Path(__file__).resolve().parents[2]
SNIPPET = "import sys; from bench.torture.replay import digests; print(*digests([*map(int, sys.argv[1:])]))"


def digests(seeds: Sequence[int]) -> list[str]:
    """Of the traces of some schedules."""
    return [play(seed).digest for seed in seeds]


def elsewhere(seeds: Sequence[int], hashing: int) -> list[str]:
    """The same in another process."""
    done = subprocess.run(
        [sys.executable, "-c", SNIPPET, *map(str, seeds)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(hashing)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def replay(order: Order) -> Result:
    """Play each schedule three times."""
    seeds = range(order.seed, order.seed + order.of(short=10, usual=50, nightly=1_000))
    first, again, other = digests(seeds), digests(seeds), elsewhere(seeds, 7)
    wrong = [
        f"seed {seed}: another trace"
        for seed, *found in zip(seeds, first, again, other, strict=True)
        if len(set(found)) > 1
    ]
    return Result(figures={"schedules": len(seeds), "played": 3 * len(seeds)}, wrong=wrong)
