"""Thousands of webhooks of all kinds: only the good ones count, once, and polling comes to the same end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from connectors.hubspot.sandbox import build
from connectors.sandbox.server import SandboxServer
from sync.cycle import run
from sync.steps import Order
from sync.store import connections, customers
from sync.store.connections import StoredConnection
from sync.store.schema import customers as customers_table
from sync.store.session import Database
from sync.store.worktables import inbox
from tasks.jobs import drain
from tests.web.conftest import SECRET, Served, serve
from tests.web.storm import Storm, send, wrong

RECORDS, TOLD, BATCH = 60, 24, 5
EVENTS = int(os.environ.get("CONCORD_STORM_EVENTS", "2500"))
"""Each time."""


@pytest.fixture
def site(database: Database) -> Iterator[Served]:
    """A site that the CRM finds where it is."""
    yield from serve(database, public_url=None)


def phones(served: Served, organisation_id: str) -> dict[str, Any]:
    with served.database.reading() as tx:
        found = customers.load(tx, organisation_id, customers_table.c.organisation_id == organisation_id)
    return {each.row["external_id"]: each.value("phone_number") for each in found}


def sync(served: Served, connection: StoredConnection) -> None:
    run(
        served.services,
        connection,
        Order(kind="sync", trigger="manual", actor="test", yes=True),
        lambda _event: None,
    )


def test_a_storm_of_webhooks_and_the_same_edits_by_polling(site: Served) -> None:
    account = build(population=[{"name": f"C{n}", "company_id": f"k{n}"} for n in range(RECORDS)])
    with SandboxServer(account.app) as server:
        with site.database.transaction() as tx:
            other = connections.organisation(tx, "by polling alone")
        crm = {"url": server.url, "credentials": {"token": account.token}}
        told = site.connect(account_id=None, **crm)  # type: ignore[arg-type]
        asked = replace(site, organisation_id=other).connect(**crm)  # type: ignore[arg-type]
        for each in (told, asked):
            sync(site, each)
        keys = {str(each["id"]): each["properties"]["company_id"] for each in account.state.raw_records()}
        refs = list(keys)
        told_of, decoys = refs[:TOLD], refs[TOLD : TOLD + 6]
        storm = Storm(account.portal_id, told_of, decoys, batch=BATCH)
        events = 0
        for turn, edited in enumerate((told_of[: TOLD // 2], told_of)):
            for ref in (*edited, *decoys):
                account.state.person_edit(ref, {"phone": f"+49 30 555{turn}{ref[-3:]}"}, user="Jane")
            posts = storm.posts(EVENTS)
            answered = send(posts, url=site.url, path=f"/webhooks/hubspot/{told.id}", secret=SECRET)
            assert wrong(answered) == {}
            assert len(answered) * BATCH == EVENTS
            events += sum(each.kind in ("valid", "disordered") for each in posts) * BATCH
            assert site.jobs() == sorted(told_of), "one job for each record, however often it was told of"
            account.state.reset_counts()
            drain(site.services, lambda _event: None)
            assert account.state.counts()["calls"].get("batch_read", 0) <= 2
        with site.database.reading() as tx:
            assert tx.execute(select(func.count()).select_from(inbox)).scalar_one() == events
        there = {
            each["properties"]["company_id"]: each["properties"].get("phone")
            for each in account.state.raw_records()
        }
        here = phones(site, site.organisation_id)
        quiet = {keys[ref] for ref in decoys}
        assert {k: v for k, v in here.items() if k not in quiet} == {
            k: v for k, v in there.items() if k not in quiet
        }
        assert {here[key] for key in quiet} == {None}, "what was forged, stale or broken moved nothing"

        for each in (told, asked):
            sync(site, each)
        assert phones(site, site.organisation_id) == phones(site, other) == there
        assert all(each["user"] in ("Jane", "import") for each in account.state.history(0)), (
            "nothing went back"
        )
    account.close()
