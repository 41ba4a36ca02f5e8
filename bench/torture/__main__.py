"""The torture programme: `python -m bench.torture [PART ...] [--seed N] [--count N] [--form short|nightly]`.

Each part prints its seed, the commit and its figures. Exit code 0 only if every figure holds.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.torture import (
    alive,
    both,
    crashes,
    directed,
    frozen,
    machines,
    many,
    mutation,
    outages,
    plans,
    replay,
    soak,
    storms,
    suites,
)
from bench.torture.model.part import model
from bench.torture.registry import Order, Part, Parts, Result

PARTS: Parts = {
    "schedules": Part("seeded schedules on the real code, in one process", many.schedules),
    "cases": Part("directed schedules, each the shortest way to one danger", directed.cases, in_short=False),
    "model": Part("seeded schedules on the planner alone, in a small world", model),
    "plans": Part("perturbed triples through the planner alone", plans.plans),
    "replay": Part("the same seed twice, and with other hashing: the same trace", replay.replay),
    "both": Part("the same schedules on SQLite and PostgreSQL: the same end", both.both, in_short=False),
    "machines": Part("state machines that Hypothesis chooses and shrinks, on the planner", machines.machines),
    "sync-machines": Part("the same on the real code", machines.sync_machines),
    "crashes": Part("processes killed at every named point, on the whole stack", crashes.crashes),
    "faults": Part(
        "edits on the whole stack while one call in five goes wrong", storms.faults, in_short=False
    ),
    "broker": Part("Redis flushed, killed and away while people edit", outages.broker),
    "database": Part("PostgreSQL stopped and cut off while people edit", outages.database, in_short=False),
    "frozen": Part("workers that wake after their lease", frozen.frozen, in_short=False),
    "alive": Part("what is broken for good holds up nothing else", alive.alive, in_short=False),
    "soak": Part("hours of edits, and what the processes have grown by", soak.soak, in_short=False),
    "brake": Part("what would change too much, or is not to be believed, halts first", suites.brake),
    "refresh": Part("many workers whose token ends, and credentials that change", suites.refresh),
    "decisions": Part("several people decide one question at once, while edits land", suites.decisions),
    "webhooks": Part(
        "storms of webhooks, good, doubled, forged, old and broken", suites.webhooks, in_short=False
    ),
    "slots": Part("each job and each slot of a schedule is done once", suites.slots, in_short=False),
    "mutants": Part("seeded faults in the sync core, each to be caught", mutation.mutants, in_short=False),
}
SHOWN = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=", ".join(PARTS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int)
    parser.add_argument("--form", choices=("usual", "short", "nightly"), default="usual")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--first", action="store_true", help="stop at the first finding")
    given = parser.parse_args()
    unknown = sorted(set(given.parts) - PARTS.keys())
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    order = Order(
        seed=given.seed, count=given.count, form=given.form, workers=given.workers, first=given.first
    )
    # Who is told to end takes with him what he started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = given.parts or [name for name, part in PARTS.items() if part.in_short or order.form != "short"]
    results = [_run(name, PARTS[name], order) for name in chosen]
    counts = {
        "lost": sum(each.lost for each in results),
        "duplicated": sum(each.duplicated for each in results),
        "phantom deletes": sum(each.phantom_deletes for each in results),
        "echo writes": sum(each.echoes for each in results),
    }
    print("torture: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    return int(any(each.wrong for each in results))


def _run(name: str, part: Part, order: Order) -> Result:
    print(f"{name}: {part.about}; seed {order.seed}, commit {_commit()}", flush=True)
    started = time.monotonic()
    result = part.run(order)
    for figure, value in result.figures.items():
        print(f"  {figure}: {value if isinstance(value, str) else json.dumps(value)}")
    for line in result.wrong[:SHOWN]:
        print(f"  WRONG {line}")
    if len(result.wrong) > SHOWN:
        print(f"  and {len(result.wrong) - SHOWN} more")
    print(f"  {'holds' if not result.wrong else 'FAILS'}, {time.monotonic() - started:.0f} s", flush=True)
    return result


def _commit() -> str:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"],  # noqa: S607 - whichever git there is
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
