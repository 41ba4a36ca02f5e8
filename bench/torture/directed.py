"""T11, T12 and what no chance meets often: every case, one after the other."""

from __future__ import annotations

import multiprocessing
import time

from bench.torture.cases import CASES
from bench.torture.registry import Order, Result


def _play(index: int) -> list[str]:
    case = CASES[index]
    found, _ = case.play()
    return [f"{case.name}: {name}: {each}" for name, lines in found.by_name().items() for each in lines]


def cases(order: Order) -> Result:
    """All of them, or the first so many."""
    count = order.count or len(CASES)
    started = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(order.workers) as pool:
        wrong = [line for found in pool.imap(_play, range(count), chunksize=4) for line in found]
    return Result(
        figures={"cases": count, "cases a second": round(count / (time.monotonic() - started), 1)},
        wrong=wrong,
    )
