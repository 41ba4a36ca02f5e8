"""What a request may cost: a few statements, and no more of the database's time than it is given."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from sync.store import connections, session
from sync.store.session import Database
from tests.web.api.conftest import Api

ORIGIN = {"name": "salesforce", "reference_id": "0015g00000XyZabAAF"}


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements that reach the database meanwhile, transactions' own ends apart."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, text: str, _values: Any, _context: Any, _many: bool) -> None:
        if not text.startswith("BEGIN"):
            found.append(text)

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


def test_a_customer_and_a_page_of_them_cost_the_same_few_statements(api: Api) -> None:
    api.served.connect("salesforce", "salesforce", account_id="a")
    tax = [{"country_code": "EU", "tax_code": "VAT", "tax_id": "DE136695976"}]
    made = api.post("/customers", {"customer_name": "A", "tax_info": tax, "connector": ORIGIN})
    for number in range(20):
        api.post("/customers", {"customer_name": f"C{number}", "tax_info": tax})
    # The key, its tax numbers and where it comes from; on PostgreSQL the wall before them.
    allowed = 4 + (api.database.dialect == "postgresql")
    for path in (f"/customers/{made['id']}", "/customers", "/customers?external_id=none"):
        with counted(api.database) as statements:
            assert api.call("GET", path).status_code == 200
        assert len(statements) <= allowed, (path, statements)


def test_what_takes_the_database_too_long_is_given_up(api_postgresql: Api) -> None:
    api = api_postgresql
    api.post("/customers", {"customer_name": "A"})
    api.database.patience = 0.3
    with api.database.transaction() as tx:
        tx.exec_driver_sql("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
        answer = api.call("GET", "/customers", customer_name__ilike="%a%")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "takes too long" in answer.json()["detail"]
    assert len(api.get("/customers", customer_name__ilike="%a%")["data"]) == 1


@pytest.mark.parametrize(
    ("method", "body", "table"),
    [
        ("PATCH", {"scope": [{"field": "customer_name", "present": True}]}, "sightings"),
        ("PATCH", {"settings": {"on_partial": "enrich"}}, "sightings"),
        ("DELETE", None, "links"),
    ],
)
def test_what_touches_every_record_of_a_connection_is_given_its_time(
    api_postgresql: Api, method: str, body: Any, table: str
) -> None:
    api = api_postgresql
    connection_id = api.served.connect("crm", "memory", secret="", url="memory://patience").id
    with api.database.transaction() as tx:
        connections.set_columns(tx, connection_id, first_sync="done")
    api.database.patience = 0.5
    with ThreadPoolExecutor(1) as pool:
        with api.database.transaction() as tx:
            tx.exec_driver_sql(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
            answer = pool.submit(api.call, method, f"/connections/{connection_id}", body)
            with pytest.raises(TimeoutError):
                answer.result(1.5)
        assert answer.result().status_code in (200, 204), answer.result().text


def test_a_connection_that_was_cut_while_it_rested_is_replaced(
    api_postgresql: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = api_postgresql
    made = api.post("/customers", {"customer_name": "A"})
    monkeypatch.setattr(session, "RESTED", 0.0)
    other = Database(api.database.url.render_as_string(hide_password=False))
    with other.transaction() as tx:
        cut = tx.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cut.all()
    other.close()
    assert api.get(f"/customers/{made['id']}") == made
