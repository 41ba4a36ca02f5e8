"""People's search at full size: `python -m bench.search`.

1,000,000 customers and 100,000 open questions in a PostgreSQL database of its own; the statements that the
lists send for a text, behind the walls, timed as the page waits for them. Beside them one statement that
looks at every row until the page is full, as SQLite does.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TypeAlias

import psycopg
from sqlalchemy import select

from bench.api import _CONNECTION, _FILL
from bench.stack import Stack, share, stack
from sync.store import queue, texts
from sync.store.customers import search
from sync.store.migrations.versions.v0019_ngrams import INDEXES
from sync.store.queue import NOBODY, Filter
from sync.store.schema import conflicts, customers
from sync.store.session import Database
from web.api.paging import Order, Paging
from web.pages.customers import ORDER, PAGE, _exact, _named

_NAME = """
  (ARRAY['Acme', 'Bolt', 'Müller', 'Sørensen', 'Tanaka', 'Okafor', 'Silva', 'Novák'])[1 + n %% 8]
  || ' ' || substr(md5(n::text), 1, 8) || ' ' || (ARRAY['GmbH', 'Ltd', 'Inc', 'SARL', 'KK'])[1 + n %% 5]
  || CASE WHEN n <= 20000 THEN ' Zephyr' ELSE '' END
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
TEXTS = {
    "rare": ("c4ca4238", "Tanaka c4ca"),
    "absent": ("no such name", "xq", "q"),
    "common": ("acme", "inc", "mül", "ac", "a"),
    "thousands, far down": ("zephyr",),
    "one and only": ("CUS-77777", "billing777@customer-777.example", "001CUS-5"),
}
PATTERNS = ("%c4ca4238%", "Tan%c4ca%", "%xq%", "%acme%inc%", "%zephyr%", "acme")
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
        print(f"{'ms':<62}{'median':>9}{'most':>9}{'found':>8}{'by rows':>9}")
        for sort, wanted in TEXTS.items():
            for text in wanted:
                _time(f"customers, {sort}", _customers, database, mine, text, beside=_customers_by_rows)
                _time(f"questions, {sort}", _questions, database, mine, text, beside=_questions_by_rows)
        for pattern in PATTERNS:
            _time("API, customer_name__ilike", _like, database, mine, pattern)
        for chosen in (
            Filter(),
            Filter(kind="field_conflict"),
            Filter(connection_id="1"),
            Filter(assignee=NOBODY),
        ):
            ask = partial(_filtered, chosen=chosen)
            _time("questions and their number", ask, database, mine, str(_given(chosen)))


def _fill(standing: Stack, customers: int, questions: int) -> None:
    url = standing.environment["CONCORD_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        for name in INDEXES:
            connection.execute(f"DROP INDEX {name}")
        fill = _FILL.replace("'Customer ' || n || ' Incorporated'", _NAME)
        connection.execute(fill, {"organisation": standing.organisation_id, "count": customers})
        connection.execute(_CONNECTION, (standing.organisation_id,))
        connection.execute(_QUESTIONS, (questions,))
        for name, place in INDEXES.items():
            started = time.monotonic()
            connection.execute(f"CREATE INDEX {name} ON {place}")
            print(f"{name}, made in {time.monotonic() - started:.0f} s")
        connection.execute("VACUUM ANALYZE")


def _customers(database: Database, organisation_id: str, text: str) -> int:
    with database.reading() as tx:
        exact = _exact(tx, organisation_id, text)
        return len(exact) + len(_named(tx, organisation_id, text, Paging(ORDER, PAGE, None)).found)


def _questions(database: Database, organisation_id: str, text: str) -> int:
    with database.reading() as tx:
        reached = texts.conflicts_with(tx, organisation_id, Filter(text=text), after="", limit=PAGE + 1)
        return len(reached.found)


def _like(database: Database, organisation_id: str, pattern: str) -> int:
    with database.reading() as tx:
        paging = Paging(Order.CREATED, PAGE, None)
        return len(texts.customers_like(tx, organisation_id, pattern, paging.slice).found)


def _customers_by_rows(database: Database, organisation_id: str, text: str) -> int:
    with database.reading() as tx:
        holds = customers.c.customer_name.icontains(text, autoescape=True)
        return len(search(tx, organisation_id, [holds], Paging(ORDER, PAGE, None).slice))


def _questions_by_rows(database: Database, organisation_id: str, text: str) -> int:
    with database.reading() as tx:
        mine = (conflicts.c.organisation_id == organisation_id, conflicts.c.state == "open")
        found = select(conflicts).where(*mine, queue.holds(text)).order_by(conflicts.c.id)
        return len(tx.execute(found.limit(PAGE + 1)).all())


def _filtered(database: Database, organisation_id: str, _text: str, *, chosen: Filter) -> int:
    with database.reading() as tx:
        queue.page(tx, organisation_id, chosen, limit=PAGE + 1)
        return queue.count(tx, organisation_id, chosen)


def _given(chosen: Filter) -> dict[str, str]:
    return {name: value for name, value in asdict(chosen).items() if value is not None}


Ask: TypeAlias = "Callable[[Database, str, str], int]"


def _time(
    what: str, ask: Ask, database: Database, mine: str, text: str, *, beside: Ask | None = None
) -> None:
    took, found = _repeated(ask, database, mine, text)
    more = f"{share(_repeated(beside, database, mine, text)[0], 0.5):>9.1f}" if beside else ""
    print(f"  {f'{what} {text!r}':<60}{share(took, 0.5):>9.1f}{max(took):>9.1f}{found:>8}{more}", flush=True)


def _repeated(ask: Ask, database: Database, mine: str, text: str) -> tuple[list[float], int]:
    took, found = [], 0
    for _ in range(REPEATS):
        started = time.perf_counter()
        found = ask(database, mine, text)
        took.append(1_000 * (time.perf_counter() - started))
        if took[-1] > SLOW:
            break
    return took, found


if __name__ == "__main__":
    main()
