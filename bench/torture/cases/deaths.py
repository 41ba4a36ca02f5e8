"""A process is killed at one touch of the database or of a CRM after the other, and others go on."""

from __future__ import annotations

from bench.torture.cases.feeds import CRMS
from bench.torture.cases.stage import Case, Stage, case

LONG = 130.0  # seconds: longer than a lease
LAST = 96


def _killed_listing(stage: Stage, crm: str, first: int) -> None:
    """A worker dies while it takes in what was changed in a CRM; what is left to do is done unasked."""
    stage.together("k1", "K2", "k3")
    for touch in range(first, LAST, 8):
        numbers = {key: stage.edit(crm, key, "name") for key in ("k1", "K2", "k3")}
        stage.doomed(touch)
        stage.scene.work(crm)
        _go_on(stage, numbers, "name")
    stage.nothing_asked()
    stage.rest()


def _killed_writing(stage: Stage, crm: str, first: int) -> None:
    """A worker dies while it writes, updates and a creation."""
    stage.together("k1", "K2", "k3")
    for touch in range(first, LAST, 8):
        numbers = {key: stage.change(key, "name") for key in ("k1", "K2")}
        stage.people.add(f"n{touch}")
        stage.doomed(touch)
        stage.schedule.trace.append(f"touch {touch}: {stage.scene.sync(crm)}")
        _go_on(stage, numbers, "name")
    stage.nothing_asked()
    stage.rest()


def _go_on(stage: Stage, numbers: dict[str, int], field: str) -> None:
    for _ in range(2):
        stage.wait(LONG)
        stage.scene.work()
    for key, number in numbers.items():
        stage.has(key, field, number)


CASES: tuple[Case, ...] = (
    *case("killed listing", _killed_listing, CRMS, range(1, 9), page=1),
    *case("killed writing", _killed_writing, CRMS, range(1, 9), write=1),
)
