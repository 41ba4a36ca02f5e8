"""Twenty thousand requests made of the API's description: `python -m bench.fuzz [--cases 20000] [--seed N]`.

Schemathesis makes them, in all its phases, from examples to chains of calls, and holds every answer against
the description: no 5xx, no status, header, body or type that is not described, nothing taken that does not
fit, nothing answered without a key. `concord serve` answers them over PostgreSQL, as a process of its own.
Then bodies that no program sends, made of a corpus by chance: how long the slowest answer takes, whether each
refusal says why, and whether memory stays flat.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.hostile import assail
from bench.stack import family, stack
from sync import apikeys
from sync.apikeys import HIGHEST_RATE, Scope
from tests.web.api.fuzzing import Outcome, fuzz

MOST = 150
"""Made-up cases per operation and phase in one run."""
SEEDS = 2**31
MEGABYTE = 1_000_000
WARMING = 1_000
"""Hostile bodies before memory is measured."""


def main() -> None:
    """Run until there were as many cases as asked for, and print what came of them."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cases", type=int, default=20_000, help="at least so many")
    arguments.add_argument("--seed", type=int, default=None, help="of the first run; by chance without it")
    arguments.add_argument("--hostile", type=int, default=30_000, help="hostile bodies")
    given = arguments.parse_args()
    seed = random.randrange(SEEDS) if given.seed is None else given.seed
    asked = [shutil.which("git") or "git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    print(f"seed {seed}, commit {commit}", flush=True)
    outcome = Outcome()
    with contextlib.ExitStack() as closing:
        standing = closing.enter_context(stack())
        made = apikeys.make(
            standing.database, ["default"], Scope.ADMIN, name="fuzz", actor="bench", rate=HIGHEST_RATE
        )
        serving = closing.enter_context(standing.process("serve", "--port", "0", "--json"))
        assert serving.stdout is not None
        url = str(json.loads(serving.stdout.readline())["url"])
        before = family(serving.pid).memory
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        while outcome.cases < given.cases and not outcome.failures:
            fuzz(outcome, url, made.key, seed=seed + len(outcome.seeds), most=MOST, folder=folder)
        between = family(serving.pid).memory
        assail(url, made.key, WARMING, seed)  # those before the first fill what is kept for good
        flat = family(serving.pid).memory
        hostile = assail(url, made.key, given.hostile, seed)
        grown = (family(serving.pid).memory - flat) / MEGABYTE
        print(f"{hostile.told()}; memory {grown:+,.0f} MB", flush=True)
        logged = [line for each in standing.folder.glob("serve-*.log") for line in each.open()]
    print(
        f"{outcome.cases:,} cases over {outcome.operations} operations in {outcome.seconds:,.0f} s, "
        f"{len(outcome.seeds)} runs; memory of the site {(between - before) / MEGABYTE:+,.0f} MB; "
        f"{len(logged)} lines in its log"
    )
    print("".join(logged), end="")
    failures = [*outcome.failures, *hostile.failures]
    print("\n".join(failures) or "no failure")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
