"""From an edit in the CRM to the commit here: `python -m bench.latency`, or `make bench-latency`.

The distributed mode on this machine, a process each: two sandboxes, PostgreSQL, Redis, `concord serve`,
`concord worker --concurrency 2`, `concord tick`. People edit records at a steady rate, half of them in each
CRM; the sandboxes announce each edit with a signed webhook; and each edit goes on into the other CRM.

An edit counts as arrived when another database connection sees it, looked for every 20 ms. The CRM's own
delay is the time from the edit to the first attempt of its webhook.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil
import psycopg
import requests

from bench.stack import NAMES, SECRET, Crm, Stack, fill, sandbox, share, stack

LOOK_EVERY = 0.02
PATIENCE = 60.0
WARM = 50  # edits of each CRM


@dataclass
class Edits:
    """Edits made, and when each was seen here; both by the phone number that it set."""

    made: dict[str, tuple[str, str, float]] = field(default_factory=dict)  # number → CRM, ref, time
    seen: dict[str, float] = field(default_factory=dict)


def main() -> None:
    """Run it and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--size", type=int, default=10_000, help="customers")
    arguments.add_argument("--rate", type=float, default=50, help="edits a second")
    arguments.add_argument("--seconds", type=float, default=30)
    arguments.add_argument("--concurrency", type=int, default=2, help="processes of the worker")
    given = arguments.parse_args()
    with contextlib.ExitStack() as closing:
        standing = closing.enter_context(stack())
        crms = [closing.enter_context(sandbox(kind)) for kind in ("salesforce", "hubspot")]
        fill(crms[0], given.size)
        ids = [standing.connect(crm, every=60) for crm in crms]
        for each in (*ids, *ids):
            standing.sync(each)
        url = _serve(standing, closing)
        closing.enter_context(standing.process("worker", "--concurrency", str(given.concurrency)))
        closing.enter_context(standing.process("tick"))
        for crm in crms:
            target = f"{url}/webhooks/{crm.kind}/{crm.kind}"
            crm.control("PUT", "settings", {"webhooks": {"target": target, "secret": SECRET}})
        refs = _refs(standing, ids)
        # The processes' first wake-ups build what they need: that is not measured.
        warm = _edit(standing, crms, [each[-WARM:] for each in refs], rate=10, seconds=WARM / 5)
        assert len(warm.made) == len(warm.seen), "the installation does not work"
        for crm in crms:
            crm.control("DELETE", "deliveries")
        before, started = _cpu(), time.monotonic()
        edits = _edit(standing, crms, refs, given.rate, given.seconds)
        took = time.monotonic() - started
        _print(given, crms, edits)
        used = {name: seconds - before.get(name, 0.0) for name, seconds in _cpu().items()}
        shown = ", ".join(f"{name} {each / took:.2f}" for name, each in sorted(used.items()))
        print(f"cores in use on average over {took:.0f} s: {shown}; load {os.getloadavg()[0]:.1f}")


def _cpu() -> dict[str, float]:
    """Seconds of processor time of this process and its children, by what they are."""
    used: dict[str, float] = defaultdict(float)
    for each in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            words = each.cmdline()
            known = [name for name in ("serve", "worker", "tick", "sandbox") if name in words]
            times = each.cpu_times()
            used[known[0] if known else "bench"] += times.user + times.system
    for each in psutil.process_iter(["name"]):
        if each.info["name"] in ("postgres", "redis-server"):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                used[each.info["name"]] += times.user + times.system
    return dict(used)


def _serve(standing: Stack, closing: contextlib.ExitStack) -> str:
    process = closing.enter_context(standing.process("serve", "--port", "0", "--json"))
    assert process.stdout is not None
    return str(json.loads(process.stdout.readline())["url"])


def _refs(standing: Stack, ids: list[str]) -> list[list[str]]:
    """Per connection the refs of linked records, no customer twice."""
    with psycopg.connect(standing.environment["CONCORD_DATABASE_URL"]) as connection:
        found: list[list[str]] = []
        for place, connection_id in enumerate(ids):
            rows = connection.execute(
                "SELECT ref FROM links WHERE connection_id = %s AND state = 'active' ORDER BY customer_id",
                (connection_id,),
            ).fetchall()
            found.append([row[0] for row in rows][place :: len(ids)])
    for each in found:
        random.Random(1).shuffle(each)
    return found


def _edit(standing: Stack, crms: list[Crm], refs: list[list[str]], rate: float, seconds: float) -> Edits:
    edits, stop = Edits(), threading.Event()
    looker = threading.Thread(target=_look, args=(standing.environment, edits, stop))
    looker.start()
    each_rate = rate / len(crms)
    people = []
    for place, (crm, mine) in enumerate(zip(crms, refs, strict=True)):
        count = int(each_rate * seconds)
        phones = [(mine[n], f"+1 31{place} {int(rate) + 200:03d} {n:04d}") for n in range(count)]
        people.append(threading.Thread(target=_person, args=(crm, phones, each_rate, edits)))
    for each in people:
        each.start()
    for each in people:
        each.join()
    deadline = time.monotonic() + PATIENCE
    while len(edits.seen) < len(edits.made) and time.monotonic() < deadline:
        time.sleep(0.1)
    stop.set()
    looker.join()
    return edits


def _person(crm: Crm, phones: Sequence[tuple[str, str]], rate: float, edits: Edits) -> None:
    """Edit a record after the other: (ref, new phone number)."""
    started = time.monotonic()
    with requests.Session() as session:
        for number, (ref, phone) in enumerate(phones):
            time.sleep(max(0.0, started + number / rate - time.monotonic()))
            edits.made[phone] = (crm.kind, ref, time.time())
            body = {"id": ref, "fields": {NAMES[crm.kind]["phone"]: phone}}
            session.post(f"{crm.url}/_sandbox/edit", json=body, timeout=60).raise_for_status()


def _look(environment: Mapping[str, str], edits: Edits, stop: threading.Event) -> None:
    """Note when each number is first seen here."""
    statement = "SELECT phone_number FROM customers WHERE updated_at > now() - interval '5 seconds'"
    with psycopg.connect(environment["CONCORD_DATABASE_URL"], autocommit=True) as connection:
        while not stop.wait(LOOK_EVERY):
            found = connection.execute(statement).fetchall()
            at = time.time()
            for (phone,) in found:
                if phone in edits.made:
                    edits.seen.setdefault(phone, at)


def _print(given: argparse.Namespace, crms: list[Crm], edits: Edits) -> None:
    print(
        f"{len(edits.made):,} edits of {given.size:,} customers at {given.rate:g} a second for "
        f"{given.seconds:g} s; {os.cpu_count()} cores, {given.concurrency} worker processes; "
        f"not arrived: {len(edits.made) - len(edits.seen)}"
    )
    print(f"{'milliseconds':<34}{'median':>9}{'p95':>9}{'p99':>9}{'most':>9}")
    for crm in crms:
        mine = {phone: made for phone, made in edits.made.items() if made[0] == crm.kind}
        told = _told(crm)
        _line(
            crm.kind,
            "edit → commit",
            [edits.seen[p] - made[2] for p, made in mine.items() if p in edits.seen],
        )
        sent = [told[made[1]]["sent_at"] - made[2] for made in mine.values() if made[1] in told]
        _line("", "of it the CRM: edit → webhook", sent)
        answered = [
            each["answered_at"] - each["sent_at"] for each in told.values() if each["answered_at"] is not None
        ]
        _line("", "webhook → its answer", answered)


def _told(crm: Crm) -> dict[str, Any]:
    """The first delivery of each record."""
    first: dict[str, Any] = {}
    for each in crm.control("GET", "deliveries")["deliveries"]:
        if each["sent_at"] is not None:
            first.setdefault(each["ref"], each)
    return first


def _line(who: str, what: str, values: list[float]) -> None:
    shown = [share(values, part) if values else float("nan") for part in (0.5, 0.95, 0.99, 1.0)]
    print(f"{who:<12}{what:<34}"[:34].ljust(34) + "".join(f"{1_000 * each:>9,.0f}" for each in shown))


if __name__ == "__main__":
    main()
