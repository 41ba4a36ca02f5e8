"""Twenty thousand requests made of the API's description: `python -m bench.fuzz [--cases 20000] [--seed N]`.

Schemathesis makes them, in all its phases, from examples to chains of calls, and holds every answer against
the description: no 5xx, no status, header, body or type that is not described, nothing taken that does not
fit, nothing answered without a key. `concord serve` answers them over PostgreSQL, as a process of its own.
Then the corpus of bodies that no program sends, over and over: how long the slowest answer takes, and whether
memory stays flat.
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
import time
from collections import Counter
from pathlib import Path

import psutil
import requests

from bench.stack import stack
from sync import apikeys
from sync.apikeys import HIGHEST_RATE, Scope
from tests.web.api.corpus import UNREADABLE, WRONG
from tests.web.api.fuzzing import Outcome, fuzz

MOST = 150
"""Made-up cases per operation and phase in one run."""
SEEDS = 2**31
MEGABYTE = 1_000_000
SMALL = 10_000
"""Bytes of a body of which there may be many."""


def main() -> None:
    """Run until there were as many cases as asked for, and print what came of them."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cases", type=int, default=20_000, help="at least so many")
    arguments.add_argument("--seed", type=int, default=None, help="of the first run; by chance without it")
    arguments.add_argument("--hostile", type=int, default=10_000, help="requests of the corpus")
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
        process = psutil.Process(serving.pid)
        before = process.memory_info().rss
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        while outcome.cases < given.cases and not outcome.failures:
            fuzz(outcome, url, made.key, seed=seed + len(outcome.seeds), most=MOST, folder=folder)
        grown = (process.memory_info().rss - before) / MEGABYTE
        print(_hostile(url, made.key, given.hostile, process), flush=True)
        logged = [line for each in standing.folder.glob("serve-*.log") for line in each.open()]
    print(
        f"{outcome.cases:,} cases over {outcome.operations} operations in {outcome.seconds:,.0f} s, "
        f"{len(outcome.seeds)} runs; memory of the site {grown:+,.0f} MB; {len(logged)} lines in its log"
    )
    print("".join(logged), end="")
    print("\n".join(outcome.failures) or "no failure")
    sys.exit(bool(outcome.failures))


def _hostile(url: str, key: str, count: int, process: psutil.Process) -> str:
    """Send what is to be refused; what came of it."""
    bodies = [body for body, _ in (*UNREADABLE.values(), *WRONG.values())]
    small = [each for each in bodies if len(each) < SMALL]
    headers = {"x-api-key": key, "Content-Type": "application/json"}
    slowest, statuses = 0.0, Counter[int]()
    before = process.memory_info().rss
    with requests.Session() as session:
        for number in range(-len(bodies), count):  # those before the first fill what is kept for good
            if number == 0:
                before = process.memory_info().rss
            # The large ones take turns with the small: a hundredth of all.
            body = (
                bodies[number % len(bodies)]
                if number % 100 == 0 or number < 0
                else small[number % len(small)]
            )
            began = time.monotonic()
            answer = session.post(f"{url}/customers", data=body, headers=headers, timeout=60)
            slowest = max(slowest, time.monotonic() - began)
            statuses[answer.status_code] += 1
    grown = (process.memory_info().rss - before) / MEGABYTE
    return f"{count:,} hostile bodies: {dict(statuses)}; slowest {slowest:.2f} s; memory {grown:+,.0f} MB"


if __name__ == "__main__":
    main()
