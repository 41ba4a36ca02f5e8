"""The torture programme: `python -m bench.torture [PART ...] [--seed N] [--count N] [--form short|nightly]`.

Each part prints its seed, the commit and its figures. Exit code 0 only if every figure holds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from bench.torture import many, mutation, plans, replay
from bench.torture.registry import Order, Part, Parts, Result

PARTS: Parts = {
    "schedules": Part("seeded schedules on the real code, in one process", many.schedules),
    "plans": Part("perturbed triples through the planner alone", plans.plans),
    "replay": Part("the same seed twice, and with other hashing: the same trace", replay.replay),
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
