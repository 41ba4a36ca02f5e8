"""An import at full size: `python -m bench.importing [--rows 100000]`, or `make bench-import`.

`concord import`, `concord imports approve` and `concord imports undo --preview`, each a process, on SQLite
and on PostgreSQL: rows a second and the peak memory of each stage, of the process with its children. Beside
them what this machine takes to bring the same file into a plain table. With `--kill` each stage is cut off
by `kill -9` at its half and resumed. The counts must be exact either way.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import text

from bench.import_files import HEADER, batches, write_file, write_known
from bench.stack import KEY, family
from sync.store import migrate
from sync.store.session import Database
from tests import servers

STAGES = ("coming", "reading", "planning", "applying")
LOOKS = 0.05
"""Seconds between two looks at a process."""
_FAR = "SELECT stage, position FROM imports ORDER BY run_id DESC LIMIT 1"
_COUNTS = {
    "customers": "SELECT count(*) FROM customers WHERE deleted_at IS NULL",
    "keys": "SELECT count(DISTINCT external_id) FROM customers WHERE deleted_at IS NULL",
    "questions": "SELECT count(*) FROM conflicts WHERE state = 'open' AND kind = 'address_mismatch'",
    "creations": "SELECT count(*) FROM changes WHERE run_id = :run AND action = 'create_customer'",
    "updates": "SELECT count(*) FROM changes WHERE run_id = :run AND action = 'update_customer'",
    "twice": "SELECT count(*) - count(DISTINCT customer_id) FROM changes WHERE run_id = :run",
    "undone rows": "SELECT count(*) FROM import_rows WHERE run_id = :run AND NOT done",
}


@dataclass(slots=True)
class Measured:
    """Seconds and the most bytes of memory, by stage."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    memory: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    """One database, and the processes that are measured on it."""

    name: str
    database: Database
    environment: dict[str, str]
    measured: Measured = field(default_factory=Measured)

    def far(self) -> tuple[str, int]:
        """The stage of the latest import, and the last line that it has done."""
        with self.database.reading() as tx:
            found = tx.execute(text(_FAR)).one_or_none()
        return (str(found[0]), int(found[1])) if found else ("", 0)

    def concord(self, *command: str, until: tuple[str, int] | None = None, stage: str | None = None) -> str:
        """A command, watched to its end, or killed once a stage is at a line; returns what it printed.

        Args:
            command: its words.
            until: the stage and the line.
            stage: what it is measured as; by default the stage that the import is at.
        """
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli", *command], env=self.environment, stdout=said
            )
            before = time.perf_counter()
            while process.poll() is None:
                time.sleep(LOOKS)
                at, line = self.far()
                name = stage or (at if at in STAGES else "")
                with contextlib.suppress(psutil.NoSuchProcess):
                    most = max(family(process.pid).memory, self.measured.memory.get(name, 0))
                    self.measured.memory[name] = most
                now = time.perf_counter()
                self.measured.seconds[name] += now - before
                before = now
                if until is not None and until[0] == at and line >= until[1]:
                    process.kill()
                    process.wait()
                    return ""
            said.seek(0)
            printed = said.read()
        if process.returncode not in (0, 3, 4):
            raise SystemExit(f"concord {' '.join(command)} ended with {process.returncode}: {printed}")
        return printed


def main() -> None:
    """Run it and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=100_000)
    arguments.add_argument("--database", choices=("SQLite", "PostgreSQL"), action="append")
    arguments.add_argument("--kill", action="store_true", help="kill -9 in the midst of each stage")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        servers.start(stack)
        folder = Path(name)
        known = write_known(folder / "known.csv", given.rows)
        fates = write_file(folder / "customers.csv", given.rows)
        size = (folder / "customers.csv").stat().st_size
        said = ", ".join(f"{count:,} {fate}" for fate, count in fates.items())
        print(f"{given.rows:,} rows, {size / 1e6:,.0f} MB: {said}; {os.cpu_count()} cores", flush=True)
        print(f"{'':<12}{'':<16}{'seconds':>9}{'rows/s':>10}{'peak MB':>9}")
        for bench in _benches(stack, folder, given.database or ["SQLite", "PostgreSQL"]):
            started = time.perf_counter()
            _plain(bench, folder)
            _line(bench.name, "plain table", given.rows, time.perf_counter() - started)
            run_id = _measure(bench, folder, given.rows, kill=given.kill)
            for stage in (*STAGES, "undo preview"):
                seconds, memory = bench.measured.seconds[stage], bench.measured.memory.get(stage, 0)
                _line(bench.name, stage, given.rows, seconds, memory)
            _check(bench, folder, run_id, known, fates)


def _benches(stack: contextlib.ExitStack, folder: Path, names: list[str]) -> Iterator[Bench]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
    for name in names:
        if name == "SQLite":
            url = f"sqlite:///{folder / 'bench.db'}"
        else:
            url = stack.enter_context(servers.own_database("concord_bench_import"))
        database = Database(url)
        stack.callback(database.close)
        migrate.upgrade(database)
        yield Bench(
            name,
            database,
            {**kept, "CONCORD_DATA": str(folder), "CONCORD_DATABASE_URL": url, "CONCORD_SECRET_KEY": KEY},
        )


def _line(database: str, what: str, rows: int, seconds: float, memory: int = 0) -> None:
    most = f"{memory / 1e6:>9,.0f}" if memory else ""
    print(f"{database:<12}{what:<16}{seconds:>9.1f}{rows / max(seconds, LOOKS):>10,.0f}{most}", flush=True)


def _measure(bench: Bench, folder: Path, rows: int, *, kill: bool) -> str:
    """The customers that are there before; then the import, its approval and what an undo would do."""
    bench.concord("import", str(folder / "known.csv"), "--yes", stage="before")
    command = ["import", str(folder / "customers.csv"), "--json"]
    if kill:
        bench.concord(*command, until=("reading", rows // 2))
        run_id = _latest(bench)
        bench.concord("imports", "resume", run_id, until=("planning", rows // 2))
        bench.concord("imports", "resume", run_id)
        bench.concord("imports", "approve", run_id, until=("applying", rows // 2))
        bench.concord("imports", "resume", run_id)
    else:
        run_id = json.loads(bench.concord(*command))["id"]
        bench.concord("imports", "approve", run_id)
    bench.concord("imports", "undo", run_id, "--preview", stage="undo preview")
    return run_id


def _latest(bench: Bench) -> str:
    with bench.database.reading() as tx:
        return str(tx.execute(text("SELECT max(run_id) FROM imports")).scalar_one())


def _plain(bench: Bench, folder: Path) -> None:
    """The same rows into a table without an index, in batches of a page."""
    names = ", ".join(f'"{name}"' for name in HEADER)
    made = f"CREATE TABLE bench_plain ({', '.join(f'{chr(34)}{name}{chr(34)} text' for name in HEADER)})"
    if bench.name == "SQLite":
        with contextlib.closing(sqlite3.connect(folder / "plain.db")) as file:
            file.execute(made)
            for batch in batches(folder / "customers.csv", 1_000):
                marks = ", ".join("?" for _ in HEADER)
                file.executemany(f"INSERT INTO bench_plain ({names}) VALUES ({marks})", batch)
                file.commit()
        return
    with psycopg.connect(bench.environment["CONCORD_DATABASE_URL"]) as connection:
        connection.execute(made.encode())
        for batch in batches(folder / "customers.csv", 1_000):
            with connection.cursor().copy(f"COPY bench_plain ({names}) FROM STDIN".encode()) as copy:
                for row in batch:
                    copy.write_row(row)
            connection.commit()
        connection.execute(b"DROP TABLE bench_plain")


def _check(bench: Bench, folder: Path, run_id: str, known: int, fates: Counter[str]) -> None:
    """The counts must be exact, and the result file have one reason for each row that was not taken."""
    with bench.database.reading() as tx:
        counts = tx.execute(text("SELECT counts FROM imports WHERE run_id = :run"), {"run": run_id})
        told = counts.scalar_one()
        found = {
            name: tx.execute(text(each), {"run": run_id} if ":run" in each else {}).scalar_one()
            for name, each in _COUNTS.items()
        }
    everybody = known + fates["create"]
    expected = {
        "customers": everybody,
        "keys": everybody,
        "questions": fates["conflict"],
        "creations": fates["create"],
        "updates": fates["update"],
        "twice": 0,
        "undone rows": 0,
    }
    assert found == expected, (found, expected)
    assert (told if isinstance(told, dict) else json.loads(told)) == dict(fates), told
    result = folder / f"{bench.name}.csv"
    bench.concord("imports", "result", run_id, "--into", str(result), stage="result")
    reasons = [row[3] for batch in batches(result, 1_000) for row in batch]
    assert len(reasons) == fates["rejected"] + fates["conflict"], len(reasons)
    assert all(reasons)
    print(f"{bench.name:<12}every count is exact: {json.dumps(found)}", flush=True)


if __name__ == "__main__":
    main()
