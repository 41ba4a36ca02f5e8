"""T23: seeded faults in the sync core, each a patch to a copy of the tree; every one must be caught.

A survivor is a check that is missing. The head of a patch says in a sentence what it breaks, and where the
hunt begins: `Look:` words of cases (with commas between them), `Bias:` of schedules.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from bench.torture.registry import Order, Result

ROOT = Path(__file__).resolve().parents[2]
PATCHES = Path(__file__).with_name("mutants")
PACKAGES = ("connectors", "sync", "tasks", "bench", "tests/core", "tests/__init__.py")
OWN = ("connectors", "sync", "tasks", "bench", "tests")
LIBRARIES = (
    "alembic.command",
    "babel",
    "hypothesis",
    "orjson",
    "phonenumbers",
    "psycopg",
    "pycountry",
    "pydantic",
    "rapidfuzz",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "stdnum",
    "xxhash",
)
"""Imported once, before any copy of the tree is: they are the same for all."""
LONGEST = 1_800.0  # seconds for one fault


@dataclass(frozen=True, slots=True)
class Fault:
    """A seeded fault and what its head says."""

    patch: Path
    about: str
    look: tuple[str, ...]
    bias: str | None


@dataclass(frozen=True, slots=True)
class Caught:
    """What the programme said to one fault, and after how long."""

    name: str
    by: str | None
    told: str
    seconds: float


def faults() -> list[Fault]:
    """Every seeded fault."""
    return [_read(patch) for patch in sorted(PATCHES.glob("*.patch"))]


def _read(patch: Path) -> Fault:
    head = patch.read_text(encoding="utf-8").split("--- a/", 1)[0].splitlines()
    named = dict(line.split(": ", 1) for line in head if line.startswith(("Look: ", "Bias: ")))
    about = " ".join(line for line in head if not line.startswith(("Look: ", "Bias: ")))
    look = tuple(word.strip() for word in named.get("Look", "").split(",") if word.strip())
    return Fault(patch, about.strip(), look, named.get("Bias"))


def applies(fault: Fault, tree: Path = ROOT) -> bool:
    """Whether a patch still fits the tree."""
    return _patch(fault.patch, tree, "--dry-run").returncode == 0


def _patch(patch: Path, tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["patch", "-p1", "--forward", "--fuzz=1", "--silent", *options, "-i", str(patch)]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def copy_of_the_tree(to: Path) -> None:
    """What the programme needs, compiled as it is, without anything that is being worked on elsewhere."""
    for name in PACKAGES:
        source, target = ROOT / name, to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)


def try_one(tree: Path, fault: Fault, order: Order) -> Caught:
    """Apply one fault to a copy, and hunt it."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="concord-mutant-", dir=_memory()) as folder:
        mutant = Path(folder) / "tree"
        shutil.copytree(tree, mutant)
        if _patch(fault.patch, mutant).returncode != 0:
            return Caught(fault.patch.stem, None, "the patch does not fit", 0.0)
        by, told = _hunted(mutant, fault, order)
    return Caught(fault.patch.stem, by, told, time.monotonic() - started)


def _memory() -> str | None:
    """A folder in memory, where there is one: nothing of a copy outlives its hunt."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a folder of its own within


def _hunted(tree: Path, fault: Fault, order: Order) -> tuple[str | None, str]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LIBRARIES))
    mine, theirs = context.Pipe(duplex=False)
    words = (fault.look, fault.bias, order.seed, order.of(short=40, usual=150, nightly=1_000))
    process = context.Process(target=_hunt_in, args=(str(tree), theirs, words), daemon=True)
    process.start()
    theirs.close()
    try:
        if not mine.poll(LONGEST):
            return "it never came to an end", ""
        found: tuple[str | None, str] = mine.recv()
        return found
    except EOFError:
        return "the process died of it", ""
    finally:
        process.kill()
        process.join()


def _hunt_in(tree: str, answer: Connection, words: tuple[tuple[str, ...], str | None, int, int]) -> None:
    """In a process of its own: the modules of the copy, and of nothing else."""
    os.chdir(tree)
    sys.path[:] = [tree, *(each for each in sys.path if each not in ("", str(ROOT)))]
    for name in [name for name in sys.modules if name.split(".")[0] in OWN]:
        del sys.modules[name]
    try:
        from bench.torture.hunt import Range, hunt  # noqa: PLC0415 - those of the copy
    except Exception as error:
        answer.send((f"import: {type(error).__name__}", "0 checks"))
        return
    look, bias, seed, schedules = words
    within = Range(seed=seed, plans=4_000, schedules=schedules, look=look, bias=bias, seconds=LONGEST / 2)
    answer.send(hunt(within))


def mutants(order: Order) -> Result:
    """Every seeded fault, until the programme finds it."""
    known = faults()
    with tempfile.TemporaryDirectory(prefix="concord-mutant-", dir=_memory()) as folder:
        tree = Path(folder)
        copy_of_the_tree(tree)
        with ThreadPoolExecutor(order.workers) as pool:
            tried = list(pool.map(lambda each: _told(try_one(tree, each, order)), known))
    survived = [each for each in tried if each.by is None]
    return Result(
        figures={"seeded faults": len(tried), "caught": len(tried) - len(survived)},
        wrong=[f"{each.name} survived {each.told}: a check is missing" for each in survived],
    )


def _told(caught: Caught) -> Caught:
    print(f"  {caught.name}: {(caught.by or 'SURVIVED')[:150]} ({caught.seconds:.0f} s)", flush=True)
    return caught
