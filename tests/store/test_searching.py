"""Texts are found alike with an index of trigrams and without, and never across the walls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from sync import customers as use
from sync.core.actions import Conflict, ConflictKind
from sync.intake import parse_customer
from sync.store import conflicts, connections, migrate, queue, searching
from sync.store.query import now
from sync.store.queue import Filter
from sync.store.schema import customers as table
from sync.store.session import Database
from tests import servers
from tests.web.conftest import serve

TEXTS = ("acme", "ACME", "100%", "a_b", "back\\slash", "ünï", "東京製作所", "no such", "ref-7", "K-7", "ac")


@pytest.fixture
def indexed(worker_id: str) -> Iterator[Database]:
    """A database with the index, on a server that has `pg_trgm`."""
    with servers.own_database(f"concord_search_{worker_id}") as url:
        database = Database(url)
        migrate.upgrade(database)
        with database.reading() as tx:
            there = searching.ready(tx)
        if there:
            yield database
        database.close()
    if not there:
        pytest.skip("this PostgreSQL has no pg_trgm")


def found(database: Database, organisation_id: str, text: str) -> tuple[list[str], list[str]]:
    """What the lists show for a text: names of customers, and subjects of questions."""
    with database.within(organisation_id).reading() as tx:
        ids = searching.customers_named(tx, organisation_id, text)
        holds = table.c.customer_name.icontains(text, autoescape=True)
        chosen = holds if ids is None else table.c.id.in_(ids)
        mine = (table.c.organisation_id == organisation_id, chosen)
        names = [str(each) for each in tx.execute(select(table.c.customer_name).where(*mine)).scalars()]
        questions = queue.page(tx, organisation_id, Filter(text=text))
        assert queue.count(tx, organisation_id, Filter(text=text)) == len(questions)
        return sorted(names), sorted(each.row["subject"] for each in questions)


def test_with_the_index_the_same_is_found_and_nothing_of_others(indexed: Database) -> None:
    for served in serve(indexed):
        with indexed.transaction() as tx:
            foreign = connections.organisation(tx, "Foreign")
        names = ("Acme 100% Ltd", "a_b", "axb", "back\\slash", "Ünïcode", "株式会社東京製作所", "Acme gone")
        ids = {}
        for organisation_id in (served.organisation_id, foreign):
            for name in names:
                body = parse_customer({"customer_name": name})
                ids[organisation_id, name] = use.add(indexed, organisation_id, body, actor="test")
        place = served.connect("crm")
        mine = served.organisation_id
        use.delete(indexed, mine, ids[mine, "Acme gone"], actor="test")
        with indexed.transaction() as tx:
            wanted = [
                Conflict(
                    kind=ConflictKind.FIELD_CONFLICT,
                    subject=f"ref:ref-{number}",
                    ref=f"ref-{number}",
                    field="customer_name",
                    customer_id=ids[mine, name],
                    remote={"customer_name": f"Theirs ACME {number}" if number % 2 else "a_b\\c"},
                )
                for number, name in enumerate(names)
            ]
            conflicts.open_more(
                tx, organisation_id=mine, connection_id=place.id, wanted=wanted, run_id="0" * 32, at=now(tx)
            )
        with_it = [found(indexed, mine, text) for text in TEXTS]
        assert with_it[0] == (["Acme 100% Ltd", "Acme gone"], [f"ref:ref-{n}" for n in (0, 1, 3, 5, 6)])
        with indexed.transaction() as tx:
            searching.drop(tx)
        assert [found(indexed, mine, text) for text in TEXTS] == with_it
        assert migrate.upgrade(indexed) == "current"
        with indexed.reading() as tx:
            assert searching.ready(tx)


def test_what_too_many_hold_is_looked_for_without_it(
    indexed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST", 2)
    for served in serve(indexed):
        mine = served.organisation_id
        for number in range(3):
            use.add(indexed, mine, parse_customer({"customer_name": f"Acme {number}"}), actor="test")
        with indexed.reading() as tx:
            assert searching.customers_named(tx, mine, "acme") is None
            assert len(searching.customers_named(tx, mine, "acme 2") or []) == 1
            assert searching.conflicts_with(tx, mine, "acme") is None


def test_without_the_extension_every_row_is_looked_at(sqlite: Database) -> None:
    with sqlite.transaction() as tx:
        assert searching.ensure(tx) is searching.ready(tx) is False
        assert searching.customers_named(tx, "0" * 32, "acme") is None


def test_a_server_without_the_extension_goes_on(postgresql: Database) -> None:
    with postgresql.transaction() as tx:
        searching.drop(tx)
        made = searching.ensure(tx)
        assert made is searching.ready(tx)
        assert tx.exec_driver_sql("SELECT 1").scalar_one() == 1, "the transaction lives on"
