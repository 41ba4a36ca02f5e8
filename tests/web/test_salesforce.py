"""Outbound messages from end to end: sent by the sandbox over HTTP to a served site; then a sync."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import select

from connectors.salesforce.sandbox import build
from connectors.sandbox.server import SandboxServer
from sync.cycle import run
from sync.report import Report
from sync.steps import Order
from sync.store import connections, customers
from sync.store.connections import StoredConnection
from sync.store.schema import customers as customers_table
from sync.store.schema import metadata
from tests.connectors.salesforce_client import soap
from tests.connectors.salesforce_client.corpus import BROKEN, HARMFUL
from tests.tasks.conftest import until
from tests.web.conftest import SECRET, Served
from tests.web.wire import reason

PATH = "/webhooks/salesforce/crm"


class Live:
    """A sandbox with one account, connected and synced, that sends to the site."""

    def __init__(self, served: Served, url: str, connection: StoredConnection) -> None:
        self.served, self.url, self.connection = served, url, connection
        self.ref = self.control("POST", "create", {"fields": {"External_ID__c": "ACME-1", "Name": "Acme"}})[
            "id"
        ]
        self.sync("sync", yes=True)
        self.send()

    def control(self, method: str, path: str, body: object = None) -> Any:
        answer = self.served.http.request(method, f"{self.url}/_sandbox/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def send(self, **knobs: Any) -> None:
        """Send to the site from now on."""
        target = {"target": self.served.url + PATH, "secret": SECRET, "batch_ms": 0, "retries": 0}
        self.control("PUT", "settings", {"webhooks": {**target, **knobs}})

    def edit(self, **fields: str) -> None:
        self.control("POST", "edit", {"id": self.ref, "fields": fields})

    def settled(self, posts: int) -> dict[str, Any]:
        """Counts of deliveries, once so many POSTs were answered."""
        until(lambda: self.control("GET", "deliveries")["counts"].get("posts") == posts, 10)
        counts: dict[str, Any] = self.control("GET", "deliveries")["counts"]
        return counts

    def sync(self, kind: str = "fetch", **order: Any) -> Report:
        wanted = Order(kind=kind, trigger="webhook", actor="test", **order)
        with self.served.database.reading() as tx:
            connection = connections.load(tx, self.connection.id)
        return run(self.served.services, connection, wanted, lambda _: None)

    def customer(self) -> dict[str, Any]:
        with self.served.database.reading() as tx:
            (found,) = customers.load(tx, self.served.organisation_id, customers_table.c.id > "")
        return dict(found.row)


@pytest.fixture
def live(served: Served) -> Iterator[Live]:
    org = build(empty=True)
    with SandboxServer(org.app) as server:
        keys = {"client_id": org.client_id, "client_secret": org.client_secret}
        yield Live(
            served, server.url, served.connect(connector="salesforce", url=server.url, credentials=keys)
        )
        org.state.close()


def everything_kept(served: Served) -> str:
    """Every value of every table, but for the sealed credentials."""
    with served.database.reading() as tx:
        return "\n".join(repr(row) for table in metadata.sorted_tables for row in tx.execute(select(table)))


def post(live: Live, body: bytes, secret: str = f"/{SECRET}") -> requests.Response:
    return live.served.post(PATH + secret, body, {"Content-Type": "text/xml; charset=utf-8"})


def own_message(live: Live, *notifications: str) -> bytes:
    with live.served.database.reading() as tx:
        organisation = connections.load(tx, live.connection.id).row["account_id"]
    return soap.message(*notifications, organisation=organisation)


def test_an_edit_becomes_a_hint_a_job_and_a_changed_customer(live: Live) -> None:
    live.edit(Name="Acme Two")
    assert live.settled(1)["accepted"] == 1
    assert list(live.served.hints().values()) == [live.ref]
    assert live.served.jobs() == [live.ref]
    assert len(live.served.wakes) == 1
    live.control("POST", "stats/reset")
    live.sync()
    assert live.customer()["customer_name"] == "Acme Two"
    assert live.served.jobs() == []
    assert live.control("GET", "stats")["writes"] == 0


def test_a_duplicate_is_acknowledged_and_asks_for_nothing(live: Live) -> None:
    live.send(duplicate=1, retry_ms=1)
    live.edit(Phone="1")
    counts = live.settled(2)
    assert counts["posts_accepted"] == 2
    live.sync()
    assert len(live.served.hints()) == 1
    assert live.served.jobs() == []
    assert len(live.served.wakes) == 1


def test_the_same_message_by_hand_is_answered_alike_every_time(live: Live) -> None:
    body = own_message(live, soap.notification(sobject=soap.record(live.ref)))
    answers = [post(live, body) for _ in range(3)]
    assert {(each.status_code, each.headers["content-type"]) for each in answers} == {
        (200, "text/xml; charset=utf-8")
    }
    assert all(b"<Ack>true</Ack>" in each.content for each in answers)
    assert live.served.hints() == {soap.NOTIFICATION: live.ref}


def test_a_wrong_secret_is_refused_and_nothing_is_kept(live: Live) -> None:
    live.send(forge=1)
    live.edit(Phone="1")
    assert live.settled(2)["forged"] == {"401": 1}
    good = own_message(live, soap.notification(sobject=soap.record(live.ref)))
    for secret in ("", "/wrong", f"/{SECRET}x", f"/{SECRET[:-1]}", "/%C3%A9", "/%FF"):
        assert post(live, good, secret).status_code == 401
    assert len(live.served.hints()) == 1
    assert soap.NOTIFICATION not in live.served.hints()


def test_another_organisation_is_refused_and_nothing_is_kept(live: Live) -> None:
    answer = post(live, soap.message(soap.notification(sobject=soap.record(live.ref))))
    assert answer.status_code == 401
    assert reason(answer) == "the message is of another organisation than the connection's"
    assert (live.served.hints(), live.served.jobs()) == ({}, [])


def test_harmful_and_broken_bodies_are_refused_and_nothing_is_kept(live: Live) -> None:
    for name, body in (HARMFUL | BROKEN).items():
        answer = post(live, body)
        assert answer.status_code == 400, name
        assert reason(answer)
    assert (live.served.hints(), live.served.jobs()) == ({}, [])


def test_session_ids_addresses_and_the_secret_are_nowhere(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    live.send(send_session=True, forge=1)
    live.edit(Phone="1")
    live.settled(2)
    live.sync()
    told = [
        post(live, own_message(live)).text,
        post(live, soap.message()).text,
        post(live, own_message(live, f"{soap.notification()}<Broken")).text,
        post(live, own_message(live), "/wrong").text,
    ]
    kept = everything_kept(live.served)
    assert live.ref in kept
    for canary in ("!AQ0AQ", "CANARY", "canary", "services/Soap", "sandbox.my.salesforce.com", SECRET):
        assert canary not in kept
        assert canary not in "".join(told)
        if canary != SECRET:
            assert canary not in caplog.text
    site = "\n".join(each.getMessage() for each in caplog.records if each.name != "urllib3.connectionpool")
    assert SECRET not in site
