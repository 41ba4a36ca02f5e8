"""People at their work while something else goes wrong, the calm after it, and what is judged then."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.torture.registry import Result
from bench.torture.whole.installation import Installation, StuckError
from bench.torture.whole.oracle import Judgement, judge
from bench.torture.whole.people import People

CUSTOMERS = 40
"""Fewer than the changes at which the brake would stop a run."""
DAY = 10  # edits in what the brake takes for a day
DECIDED = 0.1  # share of the edits after which somebody decides a question


@contextmanager
def beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Do something in a thread as long as the block lasts.

    Raises:
        StuckError: it failed.
    """
    stop = threading.Event()
    failed: list[Exception] = []

    def carefully() -> None:
        try:
            work(stop)
        except Exception as error:  # raised below, where somebody waits for it
            failed.append(error)

    thread = threading.Thread(target=carefully, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(120)
    if failed:
        raise StuckError(f"it could not go on: {type(failed[0]).__name__}: {failed[0]}")


def populated(installation: Installation, seed: int) -> People:
    """People with their customers."""
    people = People(installation, random.Random(seed))
    people.populate(CUSTOMERS)
    return people


def busy(people: People, count: int, pause: float = 0.0) -> None:
    """So many edits, some of them of one field by several, and decisions of some."""
    for number in range(count):
        if number % DAY == 0:
            people.next_day()
        people.anybody()
        if people.chance.random() < DECIDED:
            people.decide()
        time.sleep(pause)


def until_stopped(people: People, pause: float = 0.0) -> Callable[[threading.Event], None]:
    """Edits for as long as there is trouble."""

    def work(stop: threading.Event) -> None:
        while not stop.is_set():
            busy(people, 1, pause)

    return work


def drained(people: People, seconds: float) -> float:
    """Wait until nothing is left to do but what people are asked; the seconds that it took.

    Raises:
        StuckError: something is.
    """
    return _wait(people, seconds, lambda: True)


def calm(people: People, seconds: float) -> float:
    """Wait until all is well, with people who decide what is asked; the seconds that it took.

    Raises:
        StuckError: it did not come to rest.
    """

    def well() -> bool:
        if people.decide():
            return False
        found = judge(people)
        return not (found.lost or found.apart)

    return _wait(people, seconds, well)


def _wait(people: People, seconds: float, well: Callable[[], bool]) -> float:
    at, begun = people.installation, time.monotonic()
    while True:
        people.next_day()  # or the brake would stop one wave of the backlog after the other
        # Approvals first: what is left to do may wait for one.
        if not people.release() and at.waiting() == 0 and well():
            return time.monotonic() - begun
        if time.monotonic() - begun > seconds:
            left = at.waiting()
            raise StuckError(
                f"not at rest after {seconds:g} s: {left} left to do, {judge(people)}\n{at.standing()}"
            )
        time.sleep(0.1)


def concluded(people: People, result: Result, *, patience: float) -> Result:
    """Calm, two full looks of which nothing must come, and the verdict."""
    at = people.installation
    try:
        result.figures["seconds until all was well"] = round(calm(people, patience), 1)
        before = _written(at)
        for name in [*at.crms, *at.crms]:
            at.sync(name, full=True)
        at.quiet(60)
        if (after := _written(at)) != before:
            result.wrong.append(f"{after - before} writes where there was nothing to do")
            result.echoes += after - before
    except StuckError as error:
        result.wrong.append(str(error))
    found: Judgement = judge(people)
    result.figures["edits"] = len(people.edits)
    return found.into(result)


def _written(at: Installation) -> int:
    return sum(sum(entry.ours for entry in crm.history()) for crm in at.crms.values())
