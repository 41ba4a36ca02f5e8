"""Parts whose work is that of tests already, here at the size of the programme."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.torture.registry import Order, Result

ROOT = Path(__file__).resolve().parents[2]
_COUNTS = re.compile(r"(\d+) (passed|failed|errors?|skipped)")


def suite(
    *tests: str, sizes: Callable[[Order], Mapping[str, tuple[str, int]]] = lambda _order: {}
) -> Callable[[Order], Result]:
    """A part that runs tests; each must pass, and none may be skipped.

    Args:
        tests: files or folders, from the root of the tree.
        sizes: figure → the environment variable that the tests read it from, and how much it is.
    """

    def run(order: Order) -> Result:
        wanted = sizes(order)
        given = {name: str(size) for name, size in wanted.values()}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-rfEs", "--tb=line", f"-n{order.workers}", *tests],
            cwd=ROOT,
            env={**os.environ, **given},
            capture_output=True,
            text=True,
            check=False,
        )
        counts = {what: int(count) for count, what in _COUNTS.findall(_last(done.stdout))}
        figures = {"tests that passed": counts.get("passed", 0)}
        wrong = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR", "SKIPPED"))]
        if (done.returncode != 0 or not figures["tests that passed"]) and not wrong:
            wrong = [f"pytest ended with {done.returncode}: {_last(done.stdout) or _last(done.stderr)}"]
        return Result(figures={**{each: size for each, (_, size) in wanted.items()}, **figures}, wrong=wrong)

    return run


def _last(text: str) -> str:
    lines: Sequence[str] = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _rounds(order: Order) -> Mapping[str, tuple[str, int]]:
    size = order.of(short=200, usual=1_000, nightly=5_000)
    return {"questions decided by three at once, on each database": ("CONCORD_DECISION_ROUNDS", size)}


def _events(order: Order) -> Mapping[str, tuple[str, int]]:
    size = order.of(short=2_500, usual=10_000, nightly=50_000)
    return {"webhooks in each of two storms, on each database": ("CONCORD_STORM_EVENTS", size)}


brake = suite("tests/scenarios/test_guards.py", "tests/core/test_safety.py")
refresh = suite("tests/tasks/test_tokens.py", "tests/store/test_tokens.py", "tests/connectors/tokens")
decisions = suite("tests/web/api/test_two_reviewers.py", sizes=_rounds)
webhooks = suite(
    "tests/web/test_storm.py", "tests/web/test_hubspot.py", "tests/web/test_salesforce.py", sizes=_events
)
slots = suite("tests/store/test_jobs.py", "tests/store/test_schedules.py", "tests/store/test_lanes.py")
