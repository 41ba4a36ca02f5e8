"""T5: kill -9 at each named point, of every process of an installation, and what is left of it."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.torture.registry import Order, Result
from bench.torture.whole import flows
from bench.torture.whole.flows import Flow
from bench.torture.whole.installation import Installation, StuckError, installed
from bench.torture.whole.oracle import judge
from bench.torture.whole.people import People
from bench.torture.whole.processes import Running

VARIABLE = "CONCORD_CRASH_AT"
CUSTOMERS = 12
TOLD = 10  # kills after which a line says how far it is
REACHED = 60.0  # seconds in which a process comes to the point where it is to die
LEASE = 6.0
RECOVERED = LEASE + 60.0
ROUND = 2.0  # seconds between two rounds of what people do
DEEPEST = 3  # passages of a point before the last


@dataclass(frozen=True, slots=True)
class Group:
    """Points that are passed by one process while people do the same.

    Args:
        who: the process that dies: `worker`, `serve`, `tick`, or `undo`, a command.
        flow: what people do.
        first: where another worker was killed before, so that this one comes to its points.
        once: points that are passed but once.
    """

    who: str
    flow: Flow
    points: Sequence[str]
    first: Sequence[str] = ()
    once: bool = False


GROUPS = (
    Group(
        "worker",
        flows.edits,
        (
            *("drain.woken", "lane.taken", "lane.given_back", "jobs.begun", "jobs.done", "jobs.finished"),
            *("run.started", "run.at_its_end", "run.closed"),
            *("pull.listed", "pull.taken", "fetch.read"),
            *("page.customers_written", "page.queue_level", "page.before_commit"),
            *("push.read_back", "push.intent_stored", "push.sent", "write.held", "write.landed"),
            *("receipts.before_commit", "receipts.kept"),
        ),
    ),
    Group(
        "worker",
        flows.creations,
        (
            *("create.looked_up", "create.intent_stored", "create.sent"),
            *("created.before_commit", "created.kept"),
        ),
        once=True,
    ),
    Group(
        "worker",
        flows.edits,
        ("settle.read", "settle.before_commit", "settle.kept"),
        first=("push.intent_stored", "write.landed", "push.sent", "receipts.before_commit"),
        once=True,
    ),
    Group(
        "worker",
        flows.creations,
        ("settle.looked_up", "settle.creates_before_commit", "settle.creates_kept"),
        first=("create.intent_stored", "create.sent", "created.before_commit"),
        once=True,
    ),
    Group("worker", flows.orders, ("order.begun", "order.carried_out", "pull.swept"), once=True),
    Group(
        "worker",
        flows.approvals,
        ("approval.audited", "approval.claimed", "approval.settled"),
        once=True,
    ),
    Group(
        "worker",
        flows.imports,
        (
            *("import.rows_before_commit", "import.read", "import.read_whole"),
            *("import.plan_before_commit", "import.planned", "import.before_commit", "import.applied"),
        ),
        once=True,
    ),
    Group("serve", flows.imports, ("import.placed",), once=True),
    Group("serve", flows.edits, ("inbox.before_commit", "inbox.kept", "edit.before_commit", "edit.kept")),
    Group("serve", flows.decisions, ("decision.before_commit", "decision.kept"), once=True),
    Group("serve", flows.orders, ("order.placed", "request.kept"), once=True),
    Group("serve", flows.approvals, ("order.approved",), once=True),
    Group("tick", flows.edits, ("tick.slots_taken", "tick.asked")),
    Group("undo", flows.edits, ("undo.before_commit", "undo.written", "undo.sent"), once=True),
)
POINTS = tuple(point for group in GROUPS for point in group.points)


@dataclass(slots=True)
class Kills:
    """What came of all kills."""

    at: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    recovered: list[float] = field(default_factory=list)


def crashes(order: Order) -> Result:
    """Kill at every point, in turn, and settle after each."""
    count = order.of(short=60, usual=120, nightly=600)
    kills, result = Kills(), Result()
    with installed(seed=order.seed, lease=LEASE) as installation:
        people = People(installation, random.Random(order.seed))
        people.populate(CUSTOMERS)
        turns = [(group, point) for group in GROUPS for point in group.points]
        # The short form has room for each point once; a part of it begins somewhere else with every seed.
        begin = order.seed - 1 if count < len(turns) else 0
        for turn in range(count):
            group, point = turns[(begin + turn) % len(turns)]
            found = _one(people, group, point, kills)
            result.wrong += [f"kill {turn + 1} at {point}, seed {order.seed}: {each}" for each in found]
            if found or (turn + 1) % TOLD == 0:
                print(f"  {turn + 1} of {count}, the last at {point}: {found or 'well'}", flush=True)
            if found and (order.first or len(result.wrong) > 50):
                break
        _rest(installation)
        _judge(people, kills, result)
    return result


def _one(people: People, group: Group, point: str, kills: Kills) -> list[str]:
    """One kill, and the settling after it."""
    at = people.installation
    at.next_day()
    passage = 1 if group.once else people.chance.randint(1, DEEPEST)
    try:
        if group.who == "undo":
            killed = _undo(people, point)
        else:
            armed = [*([people.chance.choice(group.first)] if group.first else []), point]
            killed = _kill(people, group, [f"{armed[0]}:{passage}", *(f"{each}:1" for each in armed[1:])])
        if killed is None:
            kills.missed.append(point)
            return [f"it was never reached at passage {passage}"]
        kills.at[point] += 1
        kills.recovered.append(_settled(people, killed))
    except (StuckError, TimeoutError) as error:
        return [str(error)]
    return []


def _kill(people: People, group: Group, armed: Sequence[str]) -> float | None:
    """Let one process after the other die while people are at it; when the last did, None if it did not."""
    at, died = people.installation, None
    at.end(group.who)
    process = at.begin(group.who, **{VARIABLE: armed[0]})
    failed: list[BaseException] = []
    over = threading.Event()
    thread = threading.Thread(target=_again_and_again, args=(group.flow, people, over, failed))
    thread.start()
    for place in range(len(armed)):
        died = _death(at, process)
        at.end(group.who)
        more = {VARIABLE: armed[place + 1]} if died is not None and place + 1 < len(armed) else {}
        process = at.begin(group.who, **more)
        if died is None:
            break
    over.set()
    thread.join()
    if failed:
        raise StuckError(f"people could not go on: {failed[0]}")
    return died


def _again_and_again(flow: Flow, people: People, over: threading.Event, failed: list[BaseException]) -> None:
    """Once at least; many edits may be one write, so that a later passage takes more of them."""
    try:
        while True:
            flow(people)
            if over.wait(ROUND):
                return
    except Exception as error:  # told by who waits for it
        failed.append(error)


def _death(at: Installation, process: Running) -> float | None:
    """Wait for a death, and kill what is left of the process; when it was."""
    end = time.monotonic() + REACHED
    while time.monotonic() < end:
        if "SIGKILL at " in process.said():
            died = time.monotonic()
            process.kill()
            return died
        time.sleep(0.01)
    return None


def _undo(people: People, point: str) -> float | None:
    """Kill a command that undoes a push, and give it again."""
    at = people.installation
    run, key = flows.undone(people)
    words = ("undo", run, "--record", key, "--yes", "--json")
    command = at.run(*words, **{VARIABLE: f"{point}:1"})
    if command.wait() is None or "SIGKILL at " not in command.said():
        return None
    died = time.monotonic()
    code, said = at.tell(*words)
    if code not in (0, 4):
        raise StuckError(f"the undo ended with {code}: {said[-500:]}")
    return died


def _settled(people: People, since: float) -> float:
    """Wait until all is well; the seconds since the kill."""
    at = people.installation
    while True:
        if at.waiting() == 0:
            people.learn()
            found = judge(people)
            if not (found.lost or found.apart):
                return time.monotonic() - since
        if time.monotonic() - since > RECOVERED:
            raise StuckError(f"not well {RECOVERED:g} s after it: {judge(people)}, {at.waiting()} left to do")
        time.sleep(0.05)


def _rest(at: Installation) -> None:
    """Two full looks at both CRMs, of which nothing must come."""
    for name in [*at.crms, *at.crms]:
        at.sync(name, full=True)
    at.quiet(60)


def _judge(people: People, kills: Kills, result: Result) -> None:
    recovered = sorted(kills.recovered) or [0.0]
    result.figures |= {
        "kills": sum(kills.at.values()),
        "points": len(kills.at),
        "edits": len(people.edits),
        "seconds to recover, median": round(recovered[len(recovered) // 2], 2),
        "seconds to recover, most": round(recovered[-1], 2),
    }
    judge(people).into(result)
