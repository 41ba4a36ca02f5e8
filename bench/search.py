"""People's search at full size: `python -m bench.search`.

1,000,000 customers and 100,000 open questions in a PostgreSQL database of its own; the statements that the
desk's lists send for a text, behind the walls, timed as the page waits for them.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable
from typing import TypeAlias

import psycopg

from bench.api import _CONNECTION, _FILL
from bench.stack import Stack, share, stack
from sync.store import queue, searching
from sync.store.queue import Filter
from sync.store.session import Database
from web.api.paging import Paging
from web.pages.customers import ORDER, PAGE, _exact, _named

_NAMES = """
UPDATE customers SET customer_name =
  (ARRAY['Acme', 'Bolt', 'Müller', 'Sørensen', 'Tanaka', 'Okafor', 'Silva', 'Novák'])[1 + n % 8]
  || ' ' || substr(md5(n::text), 1, 8) || ' ' || (ARRAY['GmbH', 'Ltd', 'Inc', 'SARL', 'KK'])[1 + n % 5]
FROM (SELECT id AS own, substr(external_id, 5)::bigint AS n FROM customers) AS numbered
WHERE id = own
"""
_QUESTIONS = """
INSERT INTO conflicts (id, organisation_id, connection_id, kind, subject, field, ref, customer_id, local,
  remote, baseline, landed, reasons, sticky, state, version, first_seen, last_seen)
SELECT id, organisation_id, '1', 'field_conflict', 'ref:001' || external_id, 'customer_name',
  '001' || external_id, id, json_build_object('customer_name', customer_name)::text,
  json_build_object('customer_name', 'Theirs ' || md5(customer_name))::text,
  '{}', '{}', '[]', false, 'open', 1, now(), now()
FROM (SELECT * FROM customers ORDER BY id LIMIT %s) AS chosen
"""
TEXTS = ("c4ca4238", "Tanaka c4ca", "acme", "inc", "no such name", "mül", "xq")
REPEATS = 15
SLOW = 500
"""Milliseconds beyond which once is enough."""


def main() -> None:
    """Run it and print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=1_000_000)
    arguments.add_argument("--questions", type=int, default=100_000)
    given = arguments.parse_args()
    with contextlib.ExitStack() as closing:
        standing = closing.enter_context(stack())
        _fill(standing, given.customers, given.questions)
        mine, database = (
            standing.organisation_id,
            standing.database.within(standing.organisation_id).patient(),
        )
        for indexed in (True, False):
            with standing.database.transaction() as tx:
                if not indexed:
                    searching.drop(tx)
                told = "with the index" if searching.ready(tx) else "without the index"
            print(f"{told}, ms{'':<24}{'median':>9}{'most':>9}{'found':>8}")
            for text in TEXTS:
                _time("customers", _customers, database, mine, text)
                _time("questions", _questions, database, mine, text)


def _fill(standing: Stack, customers: int, questions: int) -> None:
    url = standing.environment["CONCORD_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP INDEX IF EXISTS ix_customers_trigrams")
        connection.execute(_FILL, {"organisation": standing.organisation_id, "count": customers})
        connection.execute(_NAMES)
        connection.execute(_CONNECTION, (standing.organisation_id,))
        connection.execute(_QUESTIONS, (questions,))
        started = time.monotonic()
        with standing.database.transaction() as tx:
            searching.ensure(tx)
        print(f"the index of {customers:,} names, made in {time.monotonic() - started:.0f} s")
        connection.execute("VACUUM ANALYZE")


def _customers(database: Database, organisation_id: str, text: str) -> int:
    with database.reading() as tx:
        exact = _exact(tx, organisation_id, text)
        return len(exact) + len(_named(tx, organisation_id, text, Paging(ORDER, PAGE, None)))


def _questions(database: Database, organisation_id: str, text: str) -> int:
    with database.reading() as tx:
        return len(queue.page(tx, organisation_id, Filter(text=text), limit=51))


Ask: TypeAlias = "Callable[[Database, str, str], int]"


def _time(what: str, ask: Ask, database: Database, mine: str, text: str) -> None:
    took, found = [], 0
    for _ in range(REPEATS):
        started = time.perf_counter()
        found = ask(database, mine, text)
        took.append(1_000 * (time.perf_counter() - started))
        if took[-1] > SLOW:
            break
    print(f"  {f'{what} {text!r}':<36}{share(took, 0.5):>9.1f}{max(took):>9.1f}{found:>8}")


if __name__ == "__main__":
    main()
