"""Many schedules on several processes, and what they came to together."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.torture.process import Life
from bench.torture.registry import Order, Result
from bench.torture.schedules import Verdict, play

CHUNK = 5


@dataclass
class Sum:
    """Of some schedules."""

    played: int = 0
    deaths: int = 0
    rounds: Counter[int] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    points: Counter[str] = field(default_factory=Counter)
    cpu: float = 0.0

    def add(self, verdict: Verdict) -> None:
        """Add one schedule."""
        self.played += 1
        self.deaths += verdict.deaths
        self.rounds[verdict.rounds] += 1
        for name, found in verdict.findings.by_name().items():
            self.wrong.setdefault(name, []).extend(f"seed {verdict.seed}: {name}: {each}" for each in found)

    def merge(self, other: Sum) -> None:
        """Add those of another process."""
        self.played += other.played
        self.deaths += other.deaths
        self.rounds += other.rounds
        self.points += other.points
        self.cpu += other.cpu
        for name, found in other.wrong.items():
            self.wrong.setdefault(name, []).extend(found)


def _play(seeds: Sequence[int]) -> Sum:
    total, started = Sum(), time.process_time()
    gc.freeze()
    gc.set_threshold(100_000)  # statements are built and dropped by the thousand
    Life.points.clear()
    for seed in seeds:
        total.add(play(seed))
    total.points, total.cpu = Counter(Life.points), time.process_time() - started
    return total


def play_all(
    seeds: Sequence[int], workers: int, *, enough: Callable[[Sum], bool] = lambda _total: False
) -> Sum:
    """Play them all, or until it is enough."""
    total = Sum()
    for part in _spread(seeds, workers):
        total.merge(part)
        if enough(total):
            break
    return total


def _spread(seeds: Sequence[int], workers: int) -> Iterator[Sum]:
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    if workers <= 1:
        yield from map(_play, chunks)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(_play, chunks)


def schedules(order: Order) -> Result:
    """T1 and T12: seeded schedules of people, faults and killed processes."""
    count = order.of(short=60, usual=1_000, nightly=20_000)
    started = time.monotonic()
    enough = (lambda so_far: any(so_far.wrong.values())) if order.first else (lambda _so_far: False)
    total = play_all(range(order.seed, order.seed + count), order.workers, enough=enough)
    took = time.monotonic() - started
    return Result(
        figures={
            "schedules": total.played,
            "schedules a second": round(total.played / took, 2),
            "processor seconds each": round(total.cpu / max(total.played, 1), 3),
            "processes killed": total.deaths,
            "places where they were killed": len(total.points),
            "working rounds until quiet": dict(sorted(total.rounds.items())),
            **{name.replace("_", " "): len(found) for name, found in total.wrong.items()},
        },
        wrong=[line for found in total.wrong.values() for line in found],
        lost=len(total.wrong.get("lost", ())),
        duplicated=len(total.wrong.get("duplicated", ())),
        phantom_deletes=len(total.wrong.get("phantom_deletes", ())),
        echoes=len(total.wrong.get("echoes", ())),
    )
