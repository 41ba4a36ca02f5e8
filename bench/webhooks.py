"""A hundred thousand webhooks: `python -m bench.webhooks [--count 100000]`, or `make bench-webhooks`.

Of a HubSpot sandbox's records some are edited and told of by good webhooks (doubled and out of order, too),
others are edited and told of by forged, stale and broken ones alone. `concord serve` takes them all, from
eight connections at once, while `concord worker` does what they ask for. Then the rest is found by polling.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections import Counter
from typing import Any

import psycopg
import requests

from bench.stack import SECRET, Crm, Stack, sandbox, share, stack
from tests.web.storm import ANSWERS, Answered, Storm, send, wrong

ROUNDS = 4
PATIENCE = 120.0


def main() -> None:
    """Run it and print what became of them."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, default=100_000, help="webhooks")
    arguments.add_argument("--batch", type=int, default=1, help="webhooks in a POST")
    arguments.add_argument("--size", type=int, default=4_000, help="customers")
    given = arguments.parse_args()
    with contextlib.ExitStack() as closing:
        standing = closing.enter_context(stack())
        crm = closing.enter_context(sandbox("hubspot"))
        refs = _fill(crm, given.size)
        connection_id = standing.connect(crm, every=86_400)
        standing.sync(connection_id)
        serving = closing.enter_context(standing.process("serve", "--port", "0", "--json"))
        assert serving.stdout is not None
        url = str(json.loads(serving.stdout.readline())["url"])
        closing.enter_context(standing.process("worker", "--concurrency", "1"))
        closing.enter_context(standing.process("tick"))
        told, decoys = refs[: given.size // 10], refs[-given.size // 40 :]
        storm = Storm(_portal(standing), told, decoys, batch=given.batch)
        answered, took = _storm(given, crm, storm, url)
        _print(given, answered, took)
        _settle(standing)
        print(f"told of by good webhooks alone: {_state(standing, crm, told)}")
        print(f"told of by bad ones alone:      {_state(standing, crm, decoys)}")
        standing.sync(connection_id)
        print(f"all, after polling once:        {_state(standing, crm, refs)}")


def _storm(given: argparse.Namespace, crm: Crm, storm: Storm, url: str) -> tuple[list[Answered], float]:
    answered: list[Answered] = []
    took = 0.0
    for turn in range(ROUNDS):
        share_told = storm.refs[turn::ROUNDS]  # others in each round: the brake allows a fifth a day
        _edit(crm, (*share_told, *storm.decoys), turn)
        posts = storm.posts(given.count // ROUNDS)
        started = time.monotonic()
        answered += send(posts, url=url, path="/webhooks/hubspot/hubspot", secret=SECRET)
        took += time.monotonic() - started
    return answered, took


def _fill(crm: Crm, size: int) -> list[str]:
    with requests.Session() as session:
        made = []
        for number in range(size):
            body = {"fields": {"name": f"Customer {number}", "company_id": f"CUS-{number:07d}"}}
            made.append(session.post(f"{crm.url}/_sandbox/create", json=body, timeout=60).json()["id"])
    return made


def _edit(crm: Crm, refs: tuple[str, ...], turn: int) -> None:
    with requests.Session() as session:
        for ref in refs:
            body = {"id": ref, "fields": {"phone": f"+49 30 5{turn}{ref[-6:]}"}}
            session.post(f"{crm.url}/_sandbox/edit", json=body, timeout=60).raise_for_status()


def _portal(standing: Stack) -> int:
    with psycopg.connect(standing.environment["CONCORD_DATABASE_URL"]) as connection:
        row = connection.execute("SELECT account_id FROM connections").fetchone()
    assert row is not None
    return int(row[0])


def _settle(standing: Stack) -> None:
    """Wait until the worker has done all that it was asked for."""
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(standing.environment["CONCORD_DATABASE_URL"], autocommit=True) as connection:
        while time.monotonic() < deadline:
            row = connection.execute("SELECT count(*) FROM jobs WHERE state = 'open'").fetchone()
            if row == (0,):
                return
            time.sleep(0.2)
    print("the worker has not come to an end")


def _state(standing: Stack, crm: Crm, refs: list[str] | Any) -> str:
    there = {each["id"]: each["properties"].get("phone") for each in crm.control("GET", "records")}
    with psycopg.connect(standing.environment["CONCORD_DATABASE_URL"]) as connection:
        statement = "SELECT ref, phone_number FROM links JOIN customers ON customers.id = customer_id"
        here: dict[str, Any] = dict(connection.execute(statement).fetchall())
    same = sum(here[ref] == there[ref] for ref in refs)
    return f"{same:,} of {len(refs):,} records here as in the CRM"


def _print(given: argparse.Namespace, answered: list[Answered], took: float) -> None:
    print(
        f"{given.count:,} webhooks in {len(answered):,} POSTs: {len(answered) / took:,.0f} POSTs a second; "
        f"answered as they should not be: {dict(wrong(answered)) or 'none'}"
    )
    counted = Counter(each.kind for each in answered)
    print(f"{'kind':<14}{'POSTs':>9}{'answer':>9}{'median ms':>12}{'p99 ms':>9}{'most ms':>9}")
    for kind, count in counted.most_common():
        mine = [1_000 * each.seconds for each in answered if each.kind == kind]
        shown = "".join(
            f"{share(mine, part):>{width},.1f}" for part, width in ((0.5, 12), (0.99, 9), (1.0, 9))
        )
        print(f"{kind:<14}{count:>9,}{ANSWERS[kind]:>9}{shown}")


if __name__ == "__main__":
    main()
