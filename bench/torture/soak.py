"""T17: hours of edits while one call in five goes wrong, and what the processes have grown by."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil
import redis

from bench.torture.registry import Order, Result
from bench.torture.storms import CALM, storm
from bench.torture.whole.installation import Installation, installed
from bench.torture.whole.people import People
from bench.torture.whole.trouble import busy, concluded, populated

RATE = 5.0  # edits a second
WARM = 0.25  # share of the time in which processes reach the size that they keep
GROWTH = 1.1
SLACK = 16 * 1024 * 1024  # bytes: of a short run the allocator's own noise is more than a tenth
FILES = 8  # more or fewer, as connections come and go
KEYS = 100  # in Redis
EDITS = 50  # between two looks at the clock


@dataclass(frozen=True, slots=True)
class Size:
    """Of the processes of Concord at one moment: bytes by name, open files by name, keys in Redis."""

    memory: dict[str, int]
    files: dict[str, int]
    keys: int


def soak(order: Order) -> Result:
    """Edit for so many minutes."""
    minutes = order.of(short=2, usual=10, nightly=240)
    result = Result()
    with installed(seed=order.seed, workers=2) as at:
        people = populated(at, order.seed)
        storm(at)
        _edit(people, minutes * 60 * WARM)
        before = _size(at)
        _edit(people, minutes * 60 * (1 - WARM))
        after = _size(at)
        storm(at, CALM)
        at.sooner()
        _judge(before, after, result)
        result.figures["minutes"] = minutes
        return concluded(people, result, patience=300.0)


def _edit(people: People, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        busy(people, EDITS, 1 / RATE)


def _size(at: Installation) -> Size:
    memory, files = {}, {}
    for name, process in at.running.items():
        if name.startswith("sandbox"):
            continue  # what they keep of the past is what the oracle reads
        leader = psutil.Process(process.pid)
        family = [leader, *leader.children(recursive=True)]
        memory[name] = sum(each.memory_info().rss for each in family)
        files[name] = sum(each.num_fds() for each in family)
    with redis.Redis.from_url(at.broker.url()) as broker:
        return Size(memory, files, int(broker.dbsize()))


def _judge(before: Size, after: Size, result: Result) -> None:
    megabytes = {name: [before.memory[name] >> 20, size >> 20] for name, size in after.memory.items()}
    result.figures |= {"MB, warm and at the end": megabytes, "keys in Redis": after.keys}
    result.figures["open files, warm and at the end"] = {
        name: [before.files[name], count] for name, count in after.files.items()
    }
    result.wrong += [
        f"{name} grew from {before.memory[name] >> 20} to {size >> 20} MB"
        for name, size in after.memory.items()
        if size > before.memory[name] * GROWTH + SLACK
    ]
    result.wrong += [
        f"{name} had {before.files[name]} files open, and {count} at the end"
        for name, count in after.files.items()
        if count > before.files[name] + FILES
    ]
    if after.keys > KEYS:
        result.wrong.append(f"Redis holds {after.keys} keys")
