"""Texts are found alike by the index, by going through the list, and in SQLite; never across the walls."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import select

from sync import customers as use
from sync.core.actions import Conflict, ConflictKind
from sync.intake import parse_customer
from sync.store import conflicts, connections, migrate, queue, searching, texts
from sync.store.query import After, now
from sync.store.queue import Filter
from sync.store.schema import customers as table
from sync.store.session import Database
from tests import servers
from tests.desk.test_queue import hearing
from tests.web.conftest import Served, serve

LONG = f"{'hay ' * 3_000}needle"
NEEDLE = "Needle\\'s eye"
PLACE = "株式会社東京製作所"
NAMES = (
    "Acme 100% Ltd",
    "a_b",
    "axb",
    "back\\slash",
    "O'Hara",
    "ÜNÏcode",
    PLACE,
    "3M",
    "gone",
    NEEDLE,
)
TEXTS = {
    "acme": ["Acme 100% Ltd"],
    "CME 1": ["Acme 100% Ltd"],
    "100%": ["Acme 100% Ltd"],
    "%": ["Acme 100% Ltd"],
    "a_b": ["a_b"],
    "ab": [],
    "k\\s": ["back\\slash"],
    "\\": ["back\\slash", NEEDLE],
    "'": ["O'Hara", NEEDLE],
    "o'h": ["O'Hara"],
    "京製": [PLACE],
    "東京製作": [PLACE],
    "所": [PLACE],
    "3m": ["3M"],
    "m": ["Acme 100% Ltd", "3M"],
    "de": ["ÜNÏcode"],
    "ünï": ["ÜNÏcode"],
    "needle\\'s": [NEEDLE],
    "no such name": [],
    "&": [],
    "|": [],
}
PATTERNS = {
    "a%b": ["a_b", "axb"],
    "a_b": ["a_b", "axb"],
    "acm%LTD": ["Acme 100% Ltd"],
    "acme": [],
    "3_": ["3M"],
}
EVERYTHING = After("created_at", descending=True, last=None, limit=100)


@pytest.fixture
def filled(database: Database) -> Iterator[Served]:
    """Customers of many names here and at somebody else's, and a question about each of ours."""
    for served in serve(database):
        mine = served.organisation_id
        with database.transaction() as tx:
            foreign = connections.organisation(tx, "Foreign")
        made = {
            (each, name): use.add(database, each, parse_customer({"customer_name": name}), actor="test")
            for each in (mine, foreign)
            for name in NAMES
        }
        open_about(served, {name: made[mine, name] for name in NAMES})
        use.delete(database, mine, made[mine, "gone"], actor="test")
        yield served


def open_about(served: Served, about: dict[str, str]) -> None:
    place = served.connect("crm")
    with served.database.transaction() as tx:
        wanted = [
            Conflict(
                kind=ConflictKind.FIELD_CONFLICT,
                subject=f"ref:ref-{number}",
                ref=f"ref-{number}",
                field="customer_name",
                customer_id=customer_id,
                local={"customer_name": LONG if name == "axb" else name},
                remote={"customer_name": f"Theirs Ω{number}"},
            )
            for number, (name, customer_id) in enumerate(about.items())
        ]
        conflicts.open_more(
            tx,
            organisation_id=served.organisation_id,
            connection_id=place.id,
            wanted=wanted,
            run_id="0" * 32,
            at=now(tx),
        )


def named(served: Served, pattern: str, after: After = EVERYTHING) -> list[str]:
    with served.database.within(served.organisation_id).reading() as tx:
        reached = texts.customers_like(tx, served.organisation_id, pattern, after)
        assert reached.edge is None
        return [each.row["customer_name"] for each in reached.found]


def asked(served: Served, text: str) -> list[str]:
    """Refs of the questions that hold a text."""
    mine, chosen = served.organisation_id, Filter(text=text)
    with served.database.within(mine).reading() as tx:
        reached = texts.conflicts_with(tx, mine, chosen, after="", limit=100)
        assert reached.edge is None
        assert queue.count(tx, mine, chosen) == len(reached.found)
        return [each.row["ref"] for each in reached.found]


@pytest.mark.parametrize("near", [1, 1_000], ids=["by the index", "by going through"])
def test_a_text_is_found_wherever_it_stands(
    filled: Served, near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "NEAR", near)
    monkeypatch.setattr(texts, "NEAR_QUESTIONS", near)
    sqlite = filled.database.dialect == "sqlite"
    for text, names in TEXTS.items():
        if sqlite and text in ("ünï",):
            continue  # it folds the case of plain letters alone
        assert sorted(named(filled, searching.pattern(text))) == sorted(names), text
        wanted = {f"ref-{NAMES.index(name)}" for name in names}
        # JSON writes some letters in two ways, so that a name may be found where its value is not.
        assert wanted <= set(asked(filled, text)), text
    for pattern, names in PATTERNS.items():
        assert sorted(named(filled, pattern)) == sorted(names), pattern
    assert asked(filled, "theirs ω3" if not sqlite else "theirs Ω3") == ["ref-3"]
    assert asked(filled, "hay needle") == ["ref-2"], "in a text that is too long for the index"
    assert asked(filled, "ref-7") == ["ref-7"]
    assert asked(filled, "ref-") == asked(filled, "ref-77") == []


def test_a_key_finds_the_questions_about_its_customer(database: Database) -> None:
    for served in serve(database):
        body = parse_customer({"customer_name": "A", "external_id": "K-7", "email": "Ann@acme.example"})
        mine = use.add(database, served.organisation_id, body, actor="test")
        open_about(served, {"A": mine})
        assert asked(served, "k-7") == asked(served, "ann@ACME.example") == ["ref-0"]
        assert asked(served, "k-8") == asked(served, "ann@acme") == []


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("by", ["created_at", "updated_at"])
def test_what_is_far_down_is_found_page_by_page_each_once(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch, by: str, descending: bool
) -> None:
    for name, value in {"NEAR": 2, "FAR": 3, "NEAR_QUESTIONS": 2, "FAR_QUESTIONS": 3}.items():
        monkeypatch.setattr(texts, name, value)
    monkeypatch.setattr(searching, "MOST", 3)
    for served in serve(postgresql):
        mine = served.organisation_id
        names = [f"{'Acme' if 5 <= number < 11 else 'Bolt'} {number}" for number in range(17)]
        made = {
            name: use.add(postgresql, mine, parse_customer({"customer_name": name}), actor="test")
            for name in names
        }
        open_about(served, made)
        seen, sizes, after = [], [], After(by, descending, None, 3)
        with postgresql.within(mine).reading() as tx:
            while True:
                reached = texts.customers_like(tx, mine, "%acme%", after)
                page = [each.row for each in reached.found][: after.limit - 1]
                full = len(reached.found) == after.limit
                seen += [row["customer_name"] for row in page]
                sizes.append(len(page))
                last = page[-1] if full else reached.edge
                if last is None:
                    break
                after = After(by, descending, (last[by], last["id"]), 3)
            about, behind = [], ""
            while True:
                some = texts.conflicts_with(tx, mine, Filter(text="acme"), after=behind, limit=3)
                about += [each.row["ref"] for each in some.found][:2]
                if len(some.found) < 3 and some.edge is None:
                    break
                behind = some.found[1].id if len(some.found) == 3 else (some.edge or {})["id"]
        assert seen == (names[10:4:-1] if descending else names[5:11])
        assert 0 in sizes, "a page may be empty, and still have a next one"
        assert sorted(about) == sorted(f"ref-{number}" for number in range(5, 11))


def test_each_page_costs_the_same_few_statements_by_index(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "NEAR", 40)
    monkeypatch.setattr(texts, "NEAR_QUESTIONS", 40)
    for served in serve(postgresql):
        mine = served.organisation_id
        made = {}
        with postgresql.transaction() as tx:
            joined = postgresql.joined(tx)
            for number in range(400):
                name = "Rare" if number == 200 else f"Common {number}"
                made[name] = use.add(joined, mine, parse_customer({"customer_name": name}), actor="test")
        open_about(served, made)
        postgresql.refresh_statistics()
        after = After("created_at", descending=True, last=None, limit=11)
        for text, customer_cost, question_cost in (("common", 3, 3), ("rare", 7, 10), ("xq", 7, 10)):
            with postgresql.within(mine).reading() as tx, hearing(postgresql) as heard:
                texts.customers_like(tx, mine, searching.pattern(text), after)
            assert len(heard.sent) == customer_cost, [each[0] for each in heard.sent]
            with postgresql.within(mine).reading() as tx, hearing(postgresql) as more:
                texts.conflicts_with(tx, mine, Filter(text=text), after="", limit=11)
            assert len(more.sent) == question_cost, [each[0] for each in more.sent]
            for statement, values in [*heard.sent, *more.sent]:
                if "concord_ngrams" in statement:
                    with postgresql.transaction() as tx:
                        searching.prepare(tx)
                        lines = tx.exec_driver_sql(f"EXPLAIN {statement}", values).scalars()
                        plan = "\n".join(lines)
                    assert "_ngrams" in plan.replace("concord_ngrams", ""), plan
                    assert not re.search(r"Seq Scan on customers", plan), plan


def test_too_many_candidates_are_not_waited_for(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST", 2)
    for served in serve(postgresql):
        mine = served.organisation_id
        for number in range(3):
            use.add(postgresql, mine, parse_customer({"customer_name": f"Acme {number}"}), actor="test")
        with postgresql.reading() as tx:
            assert searching.customers_like(tx, mine, "%acme%") is None
            assert len(searching.customers_like(tx, mine, "%acme 2%") or []) == 1
            assert searching.customers_like(tx, mine, "%%") is None
            assert searching.conflicts_with(tx, mine, "acme") is None


def test_a_full_database_of_before_is_taken_along(worker_id: str) -> None:
    with servers.own_database(f"concord_search_{worker_id}") as url:
        database = Database(url)
        with database.transaction() as tx:
            config = migrate._config()
            config.attributes["connection"] = tx
            command.upgrade(config, "0018")
            for name in ("ix_customers_trigrams", "ix_conflicts_trigrams"):
                tx.exec_driver_sql(f"CREATE INDEX {name} ON {name.split('_')[1]} (id)")
        for served in serve(database):
            mine = served.organisation_id
            made = {
                name: use.add(database, mine, parse_customer({"customer_name": name}), actor="test")
                for name in NAMES
            }
            open_about(served, made)
            assert migrate.upgrade(database) == "behind"
            with database.reading() as tx:
                indexes = set(tx.exec_driver_sql("SELECT indexname FROM pg_indexes").scalars())
                ids = searching.customers_like(tx, mine, "%needle%") or []
                chosen = select(table.c.customer_name).where(table.c.id.in_(ids))
                assert tx.execute(chosen).scalars().all() == [NEEDLE]
                assert len(searching.conflicts_with(tx, mine, "o'h") or []) == 1
            assert not [each for each in indexes if each.endswith("_trigrams")]
            with database.transaction() as tx:
                config = migrate._config()
                config.attributes["connection"] = tx
                command.downgrade(config, "0018")
                command.upgrade(config, "head")
                assert len(searching.customers_like(tx, mine, "%needle%") or []) == 1
        database.close()
