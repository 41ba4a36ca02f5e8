"""T23: seeded faults in the sync core, each a patch to a copy of the tree; every one must be caught.

A survivor is a check that is missing.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.torture.registry import Order, Result

ROOT = Path(__file__).resolve().parents[2]
PATCHES = Path(__file__).with_name("mutants")
PACKAGES = ("connectors", "sync", "tasks", "bench", "tests/core", "tests/__init__.py")
LONGEST = 1_800.0  # seconds for one fault


@dataclass(frozen=True, slots=True)
class Caught:
    """What the programme said to one fault."""

    name: str
    by: str | None
    seconds: float


def patches() -> list[Path]:
    """Every seeded fault."""
    return sorted(PATCHES.glob("*.patch"))


def applies(patch: Path, tree: Path = ROOT) -> bool:
    """Whether a patch still fits the tree."""
    return _patch(patch, tree, "--dry-run").returncode == 0


def _patch(patch: Path, tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["patch", "-p1", "--forward", "--fuzz=1", "--silent", *options, "-i", str(patch)]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def copy_of_the_tree(to: Path) -> None:
    """What the programme needs, without anything that is being worked on elsewhere."""
    for name in PACKAGES:
        source, target = ROOT / name, to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def try_one(patch: Path, seed: int, schedules: int) -> Caught:
    """Apply one fault to a copy, and torture it until something is found."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="concord-mutant-") as folder:
        tree = Path(folder)
        copy_of_the_tree(tree)
        done = _patch(patch, tree)
        if done.returncode != 0:
            return Caught(patch.stem, None, 0.0)
        by = _torture(tree, "plans", seed, 4_000) or _torture(tree, "schedules", seed, schedules)
    return Caught(patch.stem, by, time.monotonic() - started)


def _torture(tree: Path, part: str, seed: int, count: int) -> str | None:
    """The first finding of a part; None if it holds."""
    command = [sys.executable, "-m", "bench.torture", part, "--seed", str(seed), "--count", str(count)]
    try:
        done = subprocess.run(
            [*command, "--workers", "1", "--first"],
            cwd=tree,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        return f"{part}: it never came to an end"
    if done.returncode == 0:
        return None
    lines = [line for line in done.stdout.splitlines() if line.strip().startswith("WRONG")]
    return f"{part}: {(lines or done.stderr.splitlines() or ['?'])[0].strip()[:120]}"


def mutants(order: Order) -> Result:
    """Every seeded fault, until the programme finds it."""
    count = order.of(short=40, usual=150, nightly=1_000)
    with ThreadPoolExecutor(order.workers) as pool:
        tried = list(pool.map(lambda each: _told(try_one(each, order.seed, count)), patches()))
    survived = [each.name for each in tried if each.by is None]
    return Result(
        figures={"seeded faults": len(tried), "caught": len(tried) - len(survived), "schedules each": count},
        wrong=[f"{name} survived: a check is missing" for name in survived],
    )


def _told(caught: Caught) -> Caught:
    print(f"  {caught.name}: {caught.by or 'SURVIVED'} ({caught.seconds:.0f} s)", flush=True)
    return caught
