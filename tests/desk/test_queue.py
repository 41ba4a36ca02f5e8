"""The queue with 100,000 open questions: few statements, each by an index, whatever is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select

from sync import users
from sync.clock import id_at
from sync.store import bulk, connections, overview, queue
from sync.store.query import now
from sync.store.queue import Filter
from sync.store.schema import conflicts
from sync.store.session import Database
from sync.users import UserRole
from tests.desk.conftest import PASSWORD
from tests.desk.test_forms import EMAIL, Client
from tests.web.conftest import Served, serve

MANY = 100_000
KINDS = ("field_conflict", "address_mismatch", "missing_external_id", "push_rejected")


@dataclass
class Heard:
    """Statements that were sent, with their parameters."""

    sent: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def selects(self) -> list[tuple[str, Any]]:
        return [each for each in self.sent if re.match(r"\s*SELECT\s(?s:.*)\sFROM\s", each[0])]


@contextmanager
def hearing(database: Database) -> Iterator[Heard]:
    heard = Heard()

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        heard.sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield heard
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


@pytest.fixture
def crowded(postgresql: Database) -> Iterator[Served]:
    """A site with a queue of many questions, two connections, four kinds, one a second."""
    for served in serve(postgresql, public_url=None):
        users.add(postgresql, EMAIL, PASSWORD, UserRole.ADMIN, "default", actor="test")
        places = [served.connect(name).id for name in ("one", "two")]
        with postgresql.transaction() as tx:
            at = now(tx)
            made = []
            for number in range(MANY):
                seen = at - timedelta(seconds=MANY - number)
                row: dict[str, Any] = {
                    "id": f"{id_at(seen)[:12]}{number:020x}",
                    "organisation_id": served.organisation_id,
                    "connection_id": places[number % 2],
                    "kind": KINDS[number % 4],
                    "subject": f"ref:r{number}",
                    "field": "email" if number % 4 == 0 else "",
                    "ref": f"r{number}",
                    "local": {"email": f"ours{number}@acme.example"},
                    "remote": {
                        "email": f"theirs{number}@acme.example",
                        "customer_name": f"Customer {number}",
                    },
                    "baseline": {},
                    "landed": {},
                    "reasons": [],
                    "sticky": False,
                    "state": "open",
                    "version": 1,
                    "first_seen": seen,
                    "last_seen": seen,
                    "assignee": EMAIL if number % 1_000 == 0 else None,
                }
                made.append(row)
            bulk.insert(tx, conflicts, made)
        postgresql.refresh_statistics()
        yield served


def test_a_long_queue_is_read_by_index_by_few_statements_and_once(crowded: Served) -> None:
    _read_lists(crowded)
    _read_page_by_page(crowded)
    _read_overview(crowded)


def _read_lists(crowded: Served) -> None:
    client = Client(crowded)
    client.sign_in()
    with crowded.database.reading() as tx:
        one = connections.find(tx, crowded.organisation_id, "one").id
        last = tx.execute(select(func.max(conflicts.c.id))).scalar_one()
    asked = (
        "",
        "kind=push_rejected",
        f"connection={one}",
        f"assignee={EMAIL}",
        "assignee=nobody",
        "age=day",
        "kind=field_conflict&field=email",
        f"after={last[:-4]}0000",
    )
    for query in asked:
        with hearing(crowded.database) as heard:
            page = client.send("GET", f"/desk/conflicts?{query}")
        assert page.status_code == 200
        assert len(heard.selects) <= 9, [each[0] for each in heard.selects]
        listed = [each for each in heard.selects if "conflicts.notes" in each[0] and "LIMIT" in each[0]]
        assert len(listed) == 1
        assert_by_index(crowded.database, listed[0], query)
    assert "100,000 questions" in client.send("GET", "/desk/conflicts").text
    assert "25,000 questions" in client.send("GET", "/desk/conflicts?kind=field_conflict").text
    assert "100 questions" in client.send("GET", f"/desk/conflicts?assignee={EMAIL}").text


def _read_page_by_page(crowded: Served) -> None:
    seen: list[str] = []
    chosen = Filter(kind="push_rejected", opened_before=None)
    with crowded.database.reading() as tx:
        while page := queue.page(
            tx, crowded.organisation_id, chosen, after=seen[-1] if seen else "", limit=5_000
        ):
            seen += [each.id for each in page]
        assert len(seen) == len(set(seen)) == queue.count(tx, crowded.organisation_id, chosen) == MANY // 4
        middle = seen[10]
        around = queue.neighbours(tx, crowded.organisation_id, chosen, middle)
        assert around == (seen[9], seen[11])
        assert queue.neighbours(tx, crowded.organisation_id, chosen, seen[-1]) == (seen[-2], None)
        found = queue.page(tx, crowded.organisation_id, Filter(text="OURS4242@acme"))
        assert [each.row["ref"] for each in found] == ["r4242"]


def _read_overview(crowded: Served) -> None:
    client = Client(crowded)
    client.sign_in()
    with crowded.database.reading() as tx:
        found = overview.read(tx, crowded.organisation_id)
        middle = queue.page(tx, crowded.organisation_id, Filter(), limit=1)[0].id
    assert found.questions == MANY
    assert {each.kind: each.count for each in found.open} == dict.fromkeys(KINDS, MANY // 4)
    for path in ("/desk", f"/desk/conflicts/{middle}"):
        with hearing(crowded.database) as heard:
            assert client.send("GET", path).status_code == 200
        assert len(heard.selects) <= 20, [each[0] for each in heard.selects]


def assert_by_index(database: Database, statement: tuple[str, Any], what: str) -> None:
    """The plan reads no whole table."""
    with database.reading() as tx:
        rows = tx.exec_driver_sql(f"EXPLAIN {statement[0]}", statement[1])
        plan = "\n".join(str(row[0]) for row in rows)
    assert not re.search(r"Seq Scan on conflicts", plan), f"{what}\n{plan}"
    assert "Index" in plan, f"{what}\n{plan}"
