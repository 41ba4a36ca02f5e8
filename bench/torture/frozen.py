"""T8: a worker that is frozen for longer than its lease, and wakes when others have gone on."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter

from bench.torture.crashes import CUSTOMERS, VARIABLE
from bench.torture.registry import Order, Result
from bench.torture.whole.installation import StuckError, installed
from bench.torture.whole.people import HERE, People
from bench.torture.whole.trouble import concluded
from bench.torture.whole.values import PATHS, value_of

LEASE = 3.0
ASLEEP = 3 * LEASE
REACHED = 30.0
PATIENCE = 120.0
POINTS = (
    *("write.held", "push.intent_stored", "push.read_back", "write.landed", "push.sent", "receipts.kept"),
    *("pull.listed", "fetch.read", "pull.taken", "jobs.begun", "jobs.done", "lane.taken", "run.started"),
    *("drain.woken", "jobs.finished", "run.at_its_end", "run.closed", "lane.given_back"),
    *("create.intent_stored", "create.sent", "create.looked_up", "created.kept"),
)
"""None in the midst of a transaction: who is frozen there holds its rows, and nobody overtakes it."""


def frozen(order: Order) -> Result:
    """Freeze a worker at one point after the other, let another one overtake it, and wake it."""
    count = order.of(short=5, usual=len(POINTS), nightly=3 * len(POINTS))
    result, met = Result(), Counter[str]()
    with installed(seed=order.seed, lease=LEASE, every=1) as at:
        people = People(at, random.Random(order.seed))
        people.populate(CUSTOMERS)
        for turn in range(count):
            point = POINTS[(order.seed - 1 + turn) % len(POINTS)]
            try:
                _one(people, point)
                met[point] += 1
            except StuckError as error:
                result.wrong.append(f"frozen at {point}, seed {order.seed}: {error}")
        result.figures |= {"freezes": sum(met.values()), "points": len(met), "seconds asleep": ASLEEP}
        return concluded(people, result, patience=PATIENCE)


def _one(people: People, point: str) -> None:
    """One sleep: what the sleeper is at is edited once more meanwhile, here and in the CRMs."""
    at = people.installation
    people.next_day()
    at.quiet(PATIENCE)
    at.end("worker")
    sleeper = at.begin("worker", **{VARIABLE: f"{point}:1:STOP"})
    places = [(key, path) for key in people.keys[:CUSTOMERS] for path in PATHS]
    chosen = people.chance.sample(places, 4)
    for key, path in chosen:
        people.edit(HERE, key, path)
    people.create(HERE, f"NEW-{people.number():06d}")
    at.until(lambda: "SIGSTOP at " in sleeper.said(), REACHED, f"a worker at {point}")
    slept = time.monotonic()
    at.running["sleeper"] = at.running.pop("worker")
    at.begin("worker")
    for key, path in chosen:
        people.edit(HERE, key, path)
    newest = {path: value_of(path, people.edits[-1].number) for _, path in chosen[-1:]}
    key, (path, value) = chosen[-1][0], next(iter(newest.items()))
    at.until(
        lambda: all(
            any(row["key"] == key and row[path] == value for row in crm.records().values())
            for crm in at.crms.values()
        ),
        PATIENCE,
        f"the newest value, while one is frozen at {point}",
    )
    time.sleep(max(0.0, slept + ASLEEP - time.monotonic()))
    sleeper.signal(signal.SIGCONT)
    at.quiet(PATIENCE)
    time.sleep(1.0)  # whatever the sleeper still does
    at.quiet(PATIENCE)
    at.end("sleeper")
