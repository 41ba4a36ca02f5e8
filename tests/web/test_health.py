"""Health for strangers, details and metrics for whoever has the token."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, insert, update

from sync.clock import new_id
from sync.store import connections, jobs, runs
from sync.store.connections import ConnectionState, StoredConnection
from sync.store.jobs import Wanted
from sync.store.query import now
from sync.store.schema import conflicts, customers, links
from sync.store.session import Database
from sync.store.types import db_now, later
from sync.store.worktables import budgets
from sync.store.worktables import jobs as jobs_table
from sync.store.worktables import runs as runs_table
from tests.web.conftest import TOKEN, Served, serve

CUSTOMER = "Jane Canary"


def ask(served: Served, connection: StoredConnection, *, kind: str = "fetch", ago: float = 0) -> None:
    """A job that has been due for some seconds."""
    with served.database.transaction() as tx:
        wanted = Wanted(connection.id, kind, "1", organisation_id=connection.organisation_id)
        jobs.ask_for(tx, [wanted])
        tx.execute(
            update(jobs_table)
            .where(jobs_table.c.connection_id == connection.id, jobs_table.c.kind == kind)
            .values(not_before=later(-ago))
        )


def set_state(served: Served, connection: StoredConnection, state: ConnectionState) -> None:
    with served.database.transaction() as tx:
        connections.set_state(tx, connection.id, state)


def fill(served: Served, connection: StoredConnection, kinds: tuple[str, ...] = ("field_conflict",)) -> None:
    """A customer with a link, open conflicts, runs, a budget: one row of all that is counted."""
    at, mine = db_now(), {"organisation_id": connection.organisation_id}
    of = {**mine, "connection_id": connection.id}
    customer, blank = new_id(), {"state": "open", "field": "", "sticky": False, "version": 1}
    values = {"local": {}, "remote": {}, "baseline": {}, "landed": {}, "reasons": [], **blank}
    with served.database.transaction() as tx:
        tx.execute(
            insert(customers).values(
                **mine,
                id=customer,
                customer_name=CUSTOMER,
                email=f"{customer}@canary.example",
                communications_enabled=True,
                auto_charge_enabled=False,
                version=1,
                created_at=at,
                updated_at=at,
            )
        )
        tx.execute(
            insert(links).values(
                **of,
                id=new_id(),
                customer_id=customer,
                ref=f"ref-{CUSTOMER}",
                state="active",
                map_version=1,
                planned_version=0,
                observed_at=at,
                created_at=at,
            )
        )
        for kind in kinds:
            tx.execute(
                insert(conflicts).values(
                    **of, **values, id=new_id(), kind=kind, subject=CUSTOMER, first_seen=at, last_seen=at
                )
            )
        for started, state in ((0.0, "done"), (-3_600.0, "failed"), (-90_000.0, "failed")):
            run = runs.start(
                tx,
                organisation_id=connection.organisation_id,
                connection_id=connection.id,
                kind="pull",
                trigger="schedule",
                actor=CUSTOMER,
                owner="x",
            )
            tx.execute(
                update(runs_table)
                .where(runs_table.c.id == run)
                .values(state=state, started_at=later(started))
            )
        today = f"{now(tx):%Y-%m-%d}"
        tx.execute(insert(budgets).values(connection_id=connection.id, day=today, handed_out=42))
        connections.set_columns(tx, connection.id, drift=3, looked_at=later(-30), compared_at=later(-60))


def sample(text: str, name: str, **labels: str) -> float:
    """The one sample of a metric that has these labels and no others."""
    found = [
        each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
        if each.name == name and each.labels == labels
    ]
    assert len(found) == 1, (name, labels, found)
    return float(found[0])


def test_a_stranger_learns_whether_all_is_well_and_no_more(served: Served) -> None:
    crm = served.connect()
    assert served.get("/health").json() == {"status": "ok"}
    assert served.get("/health", method="HEAD").status_code == 200
    ask(served, crm, ago=299)
    assert served.get("/health").status_code == 200
    ask(served, crm, ago=301)
    answer = served.get("/health")
    assert (answer.status_code, answer.json()) == (503, {"status": "not ok"})
    assert answer.headers["Retry-After"] == "5"
    for state in set(ConnectionState) - {ConnectionState.ACTIVE}:
        set_state(served, crm, state)
        assert served.get("/health").status_code == 200, "nobody may take its jobs"


def test_whoever_has_the_token_learns_more(served: Served) -> None:
    crm = served.connect()
    served.connect("other", state=ConnectionState.HALTED)
    ask(served, crm, ago=400)
    answer = served.get("/health", token=TOKEN)
    body = answer.json()
    assert answer.status_code == 503
    assert 400 <= body["jobs"].pop("oldest_due_seconds") < 430
    assert re.fullmatch(r"a job has been due for 4\d\d s: no worker takes it", body.pop("problem"))
    assert body == {
        "status": "not ok",
        "database": "ok",
        "jobs": {"due": 1, "dead": 0},
        "connections": {"active": 1, "halted": 1},
    }


def test_another_token_opens_nothing(served_postgresql: Served) -> None:
    for token in ("", "x", TOKEN[:-1], TOKEN + "x", "é"):
        for path in ("/health", "/metrics", "/runs/1/events"):
            answer = served_postgresql.http.get(
                served_postgresql.url + path,
                headers={"Authorization": f"Bearer {token}".encode()},
                timeout=10,
            )
            assert answer.status_code == 401, (path, token)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    basic = {"Authorization": f"Basic {TOKEN}"}
    assert served_postgresql.http.get(f"{served_postgresql.url}/metrics", headers=basic).status_code == 401
    for path in ("/metrics", "/runs/1/events"):
        assert served_postgresql.get(path).status_code == 401


def test_without_a_token_metrics_and_events_are_shut(postgresql: Database) -> None:
    for served in serve(postgresql, token=None):
        for path in ("/metrics", "/runs/1/events"):
            for token in (None, "", "None", TOKEN):
                assert served.get(path, token=token).status_code == 404
        assert served.get("/health", token=TOKEN).json() == {"status": "ok"}


def test_a_database_that_is_behind_is_not_well(served: Served) -> None:
    with served.database.transaction() as tx:
        tx.exec_driver_sql("ALTER TABLE alembic_version RENAME TO away")
    try:
        answer = served.get("/health", token=TOKEN)
        assert (answer.status_code, answer.json()["database"]) == (503, "schema empty")
        assert served.get("/health").json() == {"status": "not ok"}
    finally:
        with served.database.transaction() as tx:
            tx.exec_driver_sql("ALTER TABLE away RENAME TO alembic_version")


def test_a_database_that_does_not_answer_is_not_well(
    served_postgresql: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.health.PATIENCE", 0.3)
    with served_postgresql.database.transaction() as tx:
        tx.exec_driver_sql("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        answer = served_postgresql.get("/health", token=TOKEN)
        assert (answer.status_code, answer.json()["database"]) == (503, "slow")
    assert served_postgresql.get("/health").status_code == 200


def test_metrics_tell_how_the_installation_stands(served: Served) -> None:
    crm, paused = served.connect(), served.connect("other", state=ConnectionState.PAUSED)
    fill(served, crm, ("field_conflict", "address_mismatch"))
    ask(served, crm, ago=50)
    ask(served, crm, kind="push", ago=-50)
    ask(served, paused, ago=70)
    answer = served.get("/metrics", token=TOKEN)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    text = answer.text
    of = {"organisation": "default", "connection": "crm"}
    assert sample(text, "concord_jobs_open", kind="fetch") == 2
    assert sample(text, "concord_jobs_due", kind="fetch") == 1
    assert sample(text, "concord_jobs_open", kind="push") == 1
    assert sample(text, "concord_jobs_due", kind="push") == 0
    assert sample(text, "concord_jobs_dead", kind="fetch") == 0
    assert 50 <= sample(text, "concord_job_oldest_due_seconds") < 70
    assert sample(text, "concord_connections", state="active") == 1
    assert sample(text, "concord_connections", state="paused") == 1
    assert sample(text, "concord_connections", state="halted") == 0
    assert 30 <= sample(text, "concord_connection_looked_seconds", **of) < 50
    assert 60 <= sample(text, "concord_connection_compared_seconds", **of) < 80
    assert sample(text, "concord_connection_drift", **of) == 3
    assert sample(text, "concord_connection_calls_today", **of) == 42
    assert sample(text, "concord_connection_calls_today", **{**of, "connection": "other"}) == 0
    assert sample(text, "concord_links", state="active", **of) == 1
    assert sample(text, "concord_open_conflicts", kind="address_mismatch", **of) == 1
    assert sample(text, "concord_runs_last_day", kind="pull", state="done") == 1
    assert sample(text, "concord_runs_last_day", kind="pull", state="failed") == 1
    assert "anary" not in text, "no customer, no record, no person"


def test_a_scrape_costs_the_same_however_much_there_is(served: Served) -> None:
    def statements() -> int:
        seen: list[str] = []

        def note(_c: Any, _k: Any, statement: str, *_rest: Any) -> None:
            seen.append(statement)

        event.listen(served.database.engine, "before_cursor_execute", note)
        try:
            assert served.get("/metrics", token=TOKEN).status_code == 200
        finally:
            event.remove(served.database.engine, "before_cursor_execute", note)
        return sum(not each.startswith("BEGIN") for each in seen)

    alone = statements()
    for number in range(5):
        crm = served.connect(f"crm{number}")
        fill(served, crm)
        ask(served, crm)
    assert statements() == alone == 6


def test_organisations_with_connections_of_one_name_do_not_clash(served: Served) -> None:
    served.connect()
    with served.database.transaction() as tx:
        served.organisation_id = connections.organisation(tx, "another")
    served.connect()
    text = served.get("/metrics", token=TOKEN).text
    for organisation in ("default", "another"):
        name = "concord_connection_calls_today"
        assert sample(text, name, organisation=organisation, connection="crm") == 0
