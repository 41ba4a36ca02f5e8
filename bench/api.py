"""The API under load: `python -m bench.api [--customers 1000000]`, or `make bench-api`.

Customers in a PostgreSQL database of its own, `concord serve` as a process, and a process that asks for
single customers (80 %) and lists (20 %) at a steady rate, whether or not the answers keep up. Beside it the
same SELECTs at the same rate by psycopg alone. Times count from when a request was due, waiting included.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import psycopg

from bench.api_load import Timed, ask_api, ask_database
from bench.api_plan import Asked, plan, statements
from bench.stack import Stack, family, share, stack
from sync import apikeys
from sync.apikeys import HIGHEST_RATE, Scope

_SECONDS = "timestamptz '2024-01-01 00:00:00+00' + n * interval '47 seconds'"
_FILL = f"""
INSERT INTO customers (id, organisation_id, external_id, external_fold, customer_name, email, email_fold,
  phone_number, address, custom_data, communications_enabled, auto_charge_enabled, version, created_at,
  updated_at)
SELECT lpad(to_hex((extract(epoch FROM made) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 19),
  %(organisation)s, 'CUS-' || n, 'cus-' || n, 'Customer ' || n || ' Incorporated',
  'billing' || n || '@customer-' || n || '.example', 'billing' || n || '@customer-' || n || '.example',
  '+1 212 555 ' || lpad((n %% 10000)::text, 4, '0'),
  '{{"line1":"' || n || ' Main Street","city":"Springfield","state":"IL","zipCode":"62701","country":"US"}}',
  '{{"tier":"gold"}}', true, true, 1, made, made + (n * 7919 %% 9000000) * interval '1 second'
FROM (SELECT n, {_SECONDS} AS made FROM generate_series(1, %(count)s::bigint) AS n) AS numbered
"""
_TAX = """
INSERT INTO tax_ids (customer_id, country_code, tax_code, tax_id)
SELECT id, 'EU', 'VAT', 'DE136695976' FROM customers WHERE right(id, 1) < '4'
"""
_CONNECTION = """
INSERT INTO connections (id, organisation_id, name, connector, url, credentials, settings, map_version, state,
  key_unique, first_sync, created_at)
VALUES ('1', %s, 'salesforce', 'salesforce', '', '', '{}', 1, 'paused', true, 'done', now())
"""
_LINKS = """
INSERT INTO links (id, organisation_id, connection_id, customer_id, ref, state, map_version, planned_version,
  observed_at, created_at)
SELECT id, organisation_id, '1', id, '001' || right(external_id, 9), 'active', 1, 1, now(), now()
FROM customers WHERE right(id, 1) < '8'
"""


def main() -> None:
    """Run it and print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=1_000_000)
    arguments.add_argument("--rate", type=float, default=200, help="requests a second")
    arguments.add_argument("--seconds", type=float, default=30)
    given = arguments.parse_args()
    with contextlib.ExitStack() as closing:
        standing = closing.enter_context(stack())
        took = _fill(standing, given.customers)
        print(f"{given.customers:,} customers, made in {took:.0f} s; {os.cpu_count()} cores")
        asked = plan(standing.database, standing.organisation_id, int(given.rate * given.seconds))
        bare = statements(standing.database, standing.organisation_id, asked)
        serving = closing.enter_context(standing.process("serve", "--port", "0", "--json"))
        assert serving.stdout is not None
        url = str(json.loads(serving.stdout.readline())["url"])
        made = apikeys.make(
            standing.database, ["default"], Scope.READ, name="bench", actor="bench", rate=HIGHEST_RATE
        )
        headers = {"x-api-key": made.key, "organisation": "default"}
        paths = [each.path for each in asked]
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            process.submit(ask_api, url, headers, paths[:200], given.rate).result()  # first ones build things
            before = family(serving.pid).seconds
            api = process.submit(ask_api, url, headers, paths, given.rate).result()
            busy = (family(serving.pid).seconds - before) / given.seconds
            database = standing.environment["CONCORD_DATABASE_URL"]
            floor = process.submit(ask_database, database, bare, given.rate).result()
        print(
            f"{len(asked):,} requests at {given.rate:g} a second; {busy:.2f} cores in concord serve; ", end=""
        )
        print(f"load of the machine {os.getloadavg()[0]:.1f}")
        _print("the API", asked, api, wanted=200)
        _print("psycopg alone", asked, floor, wanted=0)


def _fill(standing: Stack, count: int) -> float:
    started = time.monotonic()
    with psycopg.connect(standing.environment["CONCORD_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(_FILL, {"organisation": standing.organisation_id, "count": count})
        connection.execute(_TAX)
        connection.execute(_CONNECTION, (standing.organisation_id,))
        connection.execute(_LINKS)
        connection.execute("VACUUM ANALYZE")
    return time.monotonic() - started


def _print(who: str, asked: Sequence[Asked], timed: Sequence[Timed], *, wanted: int) -> None:
    wrong = Counter(each.status for each in timed if each.status != wanted)
    print(f"{who + ', ms':<26}{'requests':>9}{'median':>9}{'p95':>9}{'p99':>9}{'most':>9}")
    kinds = list(dict.fromkeys(each.kind for each in asked))
    fits: list[tuple[str, Callable[[str], Any]]] = [(kind, kind.__eq__) for kind in sorted(kinds)]
    for name, fit in (*fits, ("all", bool)):
        mine = [1_000 * done.seconds for each, done in zip(asked, timed, strict=True) if fit(each.kind)]
        figures = "".join(f"{share(mine, part):>9.1f}" for part in (0.5, 0.95, 0.99, 1.0))
        print(f"  {name:<24}{len(mine):>9,}{figures}")
    print(f"  errors: {dict(wrong) or 'none'}")


if __name__ == "__main__":
    main()
