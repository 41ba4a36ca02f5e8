"""T6 and T7: the broker or the database flushed, killed, stopped, full and away, while people edit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.torture.registry import Order, Result
from bench.torture.whole.installation import Installation, StuckError, installed
from bench.torture.whole.people import People
from bench.torture.whole.proxy import Fate
from bench.torture.whole.trouble import beside, concluded, drained, populated, until_stopped

DRAINED = 90.0
"""Seconds after the return of a broker in which the backlog is done."""
PATIENCE = 360.0
"""Seconds until people have also decided what they are asked: one question after the other, as people do."""
FULL = 3.0  # seconds
NETWORK = {Fate.DELAY: 0.05, Fate.DROP: 0.05, Fate.RESET: 0.05, Fate.HALF_OPEN: 0.02}


def broker(order: Order) -> Result:
    """Flush Redis, kill it, fill it, and leave it away for a while; the API goes on as if nothing were."""
    count = order.of(short=4, usual=10, nightly=20)
    absent = order.of(short=8, usual=20, nightly=60)
    result = Result()
    with installed(seed=order.seed, workers=2, proxied=("redis",)) as at:
        people = populated(at, order.seed)
        at.api.answers.clear()
        at.lanes["redis"].fates = NETWORK
        with beside(until_stopped(people, 0.02)):
            for _ in range(count):
                time.sleep(people.chance.uniform(0.3, 1.0))
                at.broker.flush()
            for _ in range(count):
                time.sleep(people.chance.uniform(0.3, 1.0))
                at.broker.kill()
                time.sleep(people.chance.uniform(0.0, 0.5))
                at.broker.start()
            at.broker.fill()
            time.sleep(absent / 2)
            at.broker.fill(full=False)
            at.broker.kill()
            time.sleep(absent)
            at.broker.start()
            at.lanes["redis"].fates = {}
        met = sum(at.lanes["redis"].met.values())
        result.figures |= {"flushes": count, "kills": count + 1}
        result.figures |= {"seconds away": absent, "seconds full": absent / 2}
        result.figures |= {"connections to Redis": met, "answers of the API": dict(at.api.answers)}
        try:
            result.figures["seconds until the backlog was done"] = round(drained(people, DRAINED), 1)
        except StuckError as error:
            result.wrong.append(str(error))
        _all_alive(at, result)
        _only(people, result, "2xx", lambda status: status < 300 or status in (409, 412))
        return concluded(people, result, patience=PATIENCE)


def database(order: Order) -> Result:
    """Stop PostgreSQL as a crash does, cut it off, fill its disk; the API says when to come again."""
    count = order.of(short=3, usual=10, nightly=20)
    fills = order.of(short=1, usual=2, nightly=5)
    result, cut = Result(), 0
    with installed(seed=order.seed, workers=2, proxied=("postgresql",), small=True) as at:
        people = populated(at, order.seed)
        at.api.answers.clear()
        at.lanes["postgresql"].fates = {Fate.DELAY: 0.05, Fate.DROP: 0.02, Fate.RESET: 0.02}
        with beside(until_stopped(people, 0.02)):
            for _ in range(10 * count):
                time.sleep(people.chance.uniform(0.05, 0.3))
                cut += at.database.cut_connections()
            for _ in range(count):
                time.sleep(people.chance.uniform(0.5, 1.5))
                _crash(people)
            for _ in range(fills if at.database.small else 0):
                at.database.fill_disk()
                time.sleep(FULL)
                at.database.free_disk()
                time.sleep(people.chance.uniform(0.5, 1.5))
            at.lanes["postgresql"].fates = {}
        at.sooner()  # the pauses have grown with each stop
        filled: Any = fills if at.database.small else "never, as no disk could be mounted here"
        result.figures |= {"stops": count, "connections cut": cut, "times its disk was full": filled}
        result.figures["answers of the API"] = dict(at.api.answers)
        good = (200, 201, 202, 409, 412, 503)
        _only(people, result, "503 or as usual", lambda status: status in good)
        result.wrong += [f"503 without Retry-After: {each}" for each in at.api.bare]
        _all_alive(at, result)
        return concluded(people, result, patience=PATIENCE)


def _all_alive(at: Installation, result: Result) -> None:
    for name in ("worker", "worker 2", "tick", "serve"):
        if not at.running[name].alive:
            result.wrong.append(f"{name} did not live through it: {at.running[name].said()[-4_000:]}")


def _crash(people: People) -> None:
    at = people.installation
    at.database.stop("immediate")
    time.sleep(people.chance.uniform(0.0, 1.0))
    at.database.start()


def _only(people: People, result: Result, wanted: str, good: Callable[[int], bool]) -> None:
    at = people.installation
    bad = {status: number for status, number in at.api.answers.items() if not good(status)}
    if bad:
        told = [*at.api.failed[:5], at.running["serve"].said()[-2000:]]
        result.wrong.append(f"the API answered {bad}, and not {wanted}: {' | '.join(told)}")
