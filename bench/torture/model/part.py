"""T1 and T12: very many small schedules, spread over processes."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.torture.model.play import play
from bench.torture.registry import Order, Result

CHUNK = 500


@dataclass
class _Sum:
    wrong: list[tuple[str, str]] = field(default_factory=list)
    deaths: int = 0


def judge(seed: int) -> list[str]:
    """What is wrong with the schedule of a seed."""
    return [line for _, line in _judge_all([seed]).wrong]


def _judge_all(seeds: Sequence[int]) -> _Sum:
    total = _Sum()
    for seed in seeds:
        found, deaths = play(seed)
        total.deaths += deaths
        for name, lines in found.by_name().items():
            total.wrong += [(name, f"seed {seed}: {name.replace('_', ' ')}: {line}") for line in lines]
    return total


def _spread(seeds: range, workers: int) -> Iterator[_Sum]:
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    if workers <= 1:
        yield from map(_judge_all, chunks)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(_judge_all, chunks)


def model(order: Order) -> Result:
    """Every schedule of the seeds."""
    count = order.of(short=100_000, usual=100_000, nightly=1_000_000)
    started, wrong, deaths = time.monotonic(), list[tuple[str, str]](), 0
    for each in _spread(range(order.seed, order.seed + count), order.workers):
        wrong, deaths = wrong + each.wrong, deaths + each.deaths
        if wrong and order.first:
            break
    kinds = Counter(name for name, _ in wrong)
    return Result(
        figures={
            "schedules": count,
            "schedules a second": round(count / (time.monotonic() - started)),
            "processes killed": deaths,
        },
        wrong=[line for _, line in wrong],
        lost=kinds["lost"],
        duplicated=kinds["duplicated"],
        phantom_deletes=kinds["phantom_deletes"],
        echoes=kinds["echoes"],
    )
