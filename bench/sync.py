"""The benchmark of a whole sync: `python -m bench.sync [--size 100000]`, or `make bench`.

A Salesforce sandbox in a process of its own holds the customers; each step runs in a process of its own
too, so that its peak memory is its own. Printed beside them: the floor of this machine for the same pages
(download and parse only), measured in the same run, because absolute figures drift from machine to machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr
from sqlalchemy import event

from bench.stack import Crm, account, fill, salesforce, sandbox
from cli.context import Context
from cli.output import Output
from cli.up import ensure_connection
from connectors.records import JSON
from sync.cycle import run
from sync.settings import Settings
from sync.steps import Order
from sync.store import connections, migrate
from sync.store.session import Database
from tasks import wiring
from tests import servers

PAGE = 2_000
FLOORS = (
    "measured elsewhere with set-wise loops of a few lines, for 1,000,000 customers on 2 cores: "
    "first sync 46-68k rec/s, unchanged 167-327k rec/s; with ordinary code 19k and 61k"
)


def main() -> None:
    """Run every step and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--size", type=int, default=100_000)
    arguments.add_argument("--step", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.step:
        _step(json.loads(given.step))
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        servers.start(stack)
        crm = stack.enter_context(sandbox("salesforce"))
        fill(crm, given.size, _record)
        floor = _floor(crm, given.size)
        print(
            f"{given.size:,} customers; {os.cpu_count()} cores; floor (download + parse of the same pages): "
            f"{given.size / floor:,.0f} rec/s"
        )
        print(FLOORS)
        print(
            f"{'step':<22}{'database':<12}{'rec/s':>10}{'x floor':>9}"
            f"{'peak MB':>9}{'SQL/page':>10}{'calls':>7}{'least':>7}"
        )
        for name, url in _databases(stack, Path(folder)):
            for step in ("first sync", "unchanged", "1 % changed"):
                if step == "1 % changed":
                    _edit(crm, given.size // 100)
                body = {"step": step, "url": url, "crm": asdict(crm), "folder": folder, "size": given.size}
                figures = _child(body)
                seconds = figures["seconds"]
                print(
                    f"{step:<22}{name:<12}{given.size / seconds:>10,.0f}{seconds / floor:>9.1f}"
                    f"{figures['peak']:>9,.0f}{figures['statements'] / figures['pages']:>10.1f}"
                    f"{figures['calls']:>7}{figures['least']:>7}"
                )


def _record(number: int) -> dict[str, JSON]:
    return {
        **account(number),
        "BillingStreet": f"{number % 9_000 + 1} Main Street\nSuite {number % 90 + 1}",
        "BillingCity": "Springfield",
        "BillingState": "IL",
        "BillingPostalCode": f"{62_000 + number % 999}",
        "BillingCountry": "United States",
        "ShippingStreet": f"{number % 9_000 + 1} Dock Road",
        "ShippingCity": "Springfield",
        "ShippingCountry": "United States",
    }


def _floor(crm: Crm, size: int) -> float:
    """Seconds to download and parse the same pages and do nothing with them; the best of three."""
    fields = "Id, SystemModstamp, External_ID__c, Name, Billing_Email__c, Phone, BillingStreet, BillingCity, "
    fields += "BillingState, BillingPostalCode, BillingCountry, ShippingStreet, ShippingCity, ShippingCountry"
    best = float("inf")
    with salesforce(crm) as session:
        for _ in range(3):
            started, last, seen = time.perf_counter(), "", 0
            while seen < size:
                where = f"WHERE Id > '{last}' " if last else ""
                query = f"SELECT {fields} FROM Account {where}ORDER BY Id LIMIT {PAGE}"
                answer = session.get(f"{crm.url}/services/data/v62.0/query/", params={"q": query}, timeout=60)
                records = json.loads(answer.content)["records"]
                seen, last = seen + len(records), records[-1]["Id"]
            best = min(best, time.perf_counter() - started)
    return best


def _databases(stack: contextlib.ExitStack, folder: Path) -> Iterator[tuple[str, str]]:
    yield "SQLite", f"sqlite:///{folder / 'bench.db'}"
    yield "PostgreSQL", stack.enter_context(servers.own_database("concord_bench"))


def _edit(crm: Crm, count: int) -> None:
    """Edit the first accounts as people do."""
    with salesforce(crm) as session:
        records: list[dict[str, Any]] = []
        last = ""
        while len(records) < count:
            where = f"WHERE Id > '{last}' " if last else ""
            query = f"SELECT Id FROM Account {where}ORDER BY Id LIMIT {min(PAGE, count - len(records))}"
            found = session.get(
                f"{crm.url}/services/data/v62.0/query/", params={"q": query}, timeout=60
            ).json()["records"]
            records += found
            last = found[-1]["Id"]
    stamp = f"+1 212 556 {time.time_ns() % 10_000:04d}"
    for record in records:
        crm.control("POST", "edit", {"id": record["Id"], "fields": {"Phone": stamp}, "user": "bench"})


def _child(body: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.sync", "--step", json.dumps(body)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _step(body: dict[str, Any]) -> None:
    """One step, in this process: prints its figures as JSON."""
    settings = Settings(data=Path(body["folder"]), database_url=body["url"], secret_key=SecretStr("0" * 64))
    database = Database(body["url"])
    migrate.upgrade(database)
    services = wiring.build(settings, database=database)
    with database.transaction() as tx:
        organisation_id = connections.organisation(tx, "bench")
    context = Context(services, organisation_id, Output(as_json=True))
    crm = Crm(**body["crm"])
    connection = ensure_connection(context, settings, crm.kind, crm.url, crm.credentials)
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    event.listen(database.engine, "before_cursor_execute", count)
    copy = psycopg.Cursor.copy

    def counted_copy(*given: Any, **named: Any) -> Any:
        count()  # COPY goes beneath SQLAlchemy
        return copy(*given, **named)

    psycopg.Cursor.copy = counted_copy  # type: ignore[method-assign]
    full = body["step"] != "first sync"
    order = Order(kind="pull", trigger="manual", actor="bench", yes=True, full=full)
    started = time.perf_counter()
    report = run(services, connection, order, lambda _event: None)
    seconds = time.perf_counter() - started
    if body["step"] == "first sync":
        with database.transaction() as tx:
            connections.set_columns(tx, connection.id, first_sync="done")
    pages = -(-body["size"] // PAGE)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "seconds": seconds,
                "peak": peak,
                "statements": statements,
                "pages": pages,
                "calls": sum(report.calls.values()),
                "least": pages,
                "counts": report.counts,
            }
        )
    )
    database.close()


if __name__ == "__main__":
    main()
