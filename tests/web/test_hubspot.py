"""HubSpot's webhooks from end to end: an edit in the sandbox, a delivery over HTTP, a change here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from connectors.hubspot.sandbox import HubSpotSandbox, build
from connectors.sandbox.server import SandboxServer
from sync import customers as local
from sync.cycle import run
from sync.steps import Order
from sync.store import customers, runs
from sync.store.connections import StoredConnection
from sync.store.schema import customers as customers_table
from sync.store.session import Database
from tasks.jobs import drain
from tests.web.conftest import SECRET, Served, serve


@dataclass
class Live:
    """A sandbox, a served site, and a connection between them that has been synced once."""

    served: Served
    connection: StoredConnection
    account: HubSpotSandbox
    crm: str

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.crm}/_sandbox/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    @property
    def path(self) -> str:
        return f"/webhooks/hubspot/{self.connection.id}"

    def listen(self, **knobs: Any) -> None:
        webhooks = {"target": self.served.url + self.path, "secret": SECRET, "batch_ms": 0, **knobs}
        self.control("PUT", "settings", {"webhooks": webhooks})

    def edit(self, record: str, **fields: str) -> None:
        self.control("POST", "edit", {"id": record, "fields": fields})

    def settled(self) -> dict[str, Any]:
        """What became of the deliveries, once all are through."""

        def through() -> Any:
            found = self.control("GET", "deliveries")
            counts = found["counts"]
            return found if not counts["waiting"] and not counts["posts_under_way"] else None

        found: dict[str, Any] = until(through)
        return found

    def name(self, external_id: str) -> Any:
        with self.served.database.reading() as tx:
            found = customers.load(tx, self.served.organisation_id, customers_table.c.id > "")
        return {each.row["external_id"]: each.value("customer_name") for each in found}[external_id]

    def drain(self) -> dict[str, int]:
        """Do what is due; returns the calls that it took, by kind."""
        self.control("POST", "stats/reset")
        drain(self.served.services, lambda _: None)
        calls: dict[str, int] = self.control("GET", "stats")["calls"]
        return calls


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


def sync(served: Served, connection: StoredConnection) -> None:
    order = Order(kind="sync", trigger="manual", actor="test", yes=True)
    run(served.services, connection, order, lambda _: None)


@pytest.fixture
def live(database: Database) -> Iterator[Live]:
    """One company, known on both sides."""
    account = build(population=[{"name": "Belarova Ltd", "company_id": "B-1"}])
    with SandboxServer(account.app) as server:
        site = serve(database, public_url=None)
        served = next(site)
        connection = served.connect(
            account_id=str(account.portal_id), url=server.url, credentials={"token": account.token}
        )
        sync(served, connection)
        yield Live(served, connection, account, server.url)
        account.close()
        assert next(site, None) is None


def record_of(live: Live) -> str:
    found: str = live.control("GET", "records")[0]["id"]
    return found


def test_an_edit_in_the_crm_is_here_after_one_fetch(live: Live) -> None:
    record = record_of(live)
    live.listen()
    live.edit(record, name="Belarova plc")
    told = live.settled()["deliveries"]
    assert [(each["status"], each["attempts"]) for each in told] == [(200, 1)]
    assert list(live.served.hints().values()) == live.served.jobs() == [record]
    assert live.served.wakes == [None]
    assert live.name("B-1") == "Belarova Ltd"
    assert live.drain()["batch_read"] >= 1
    assert live.name("B-1") == "Belarova plc"
    assert live.served.jobs() == []
    with live.served.services.database.reading() as tx:
        made = runs.listing(tx, live.connection.organisation_id)
    assert [(row["kind"], row["trigger"]) for row in made] == [("fetch", "webhook"), ("sync", "manual")]


@pytest.mark.parametrize("family", ["company", "object"])
def test_a_new_company_becomes_a_customer_in_both_families(live: Live, family: str) -> None:
    live.listen(family=family)
    live.control("POST", "create", {"fields": {"name": "Acme Ltd", "company_id": "A-9"}})
    live.settled()
    live.drain()
    assert live.name("A-9") == "Acme Ltd"


def test_duplicates_and_late_ones_are_accepted_and_ask_for_nothing_more(live: Live) -> None:
    record = record_of(live)
    live.listen(duplicate=1, retry_ms=10, reorder=0.5, hold_ms=30)
    for number in range(5):
        live.edit(record, name=f"Belarova {number}")
    counts = live.settled()["counts"]
    assert counts["duplicates"] == counts["accepted"] == 5
    assert "posts_failed" not in counts
    assert len(live.served.hints()) == 5
    assert live.served.jobs() == [record]
    live.drain()
    assert live.name("B-1") == "Belarova 4"
    live.control("PUT", "settings", {"webhooks": {"duplicate": 0, "reorder": 0}})
    assert live.drain() == {}


def test_a_delivery_that_comes_again_after_the_fetch_costs_no_call(live: Live) -> None:
    record = record_of(live)
    live.listen(duplicate=1, retry_ms=0)
    live.edit(record, name="Belarova plc")
    live.settled()
    live.drain()
    kept = live.served.hints()
    live.listen(target=live.served.url + "/elsewhere")
    body = delivered(live, record)
    assert live.served.post(live.path, body, signed(live, body)).status_code == 200
    assert len(live.served.hints()) == len(kept) + 1
    assert live.served.post(live.path, body, signed(live, body)).status_code == 200
    assert len(live.served.hints()) == len(kept) + 1
    live.drain()
    assert live.served.post(live.path, body, signed(live, body)).status_code == 200
    assert live.served.jobs() == []
    assert live.drain() == {}


def test_forged_and_stale_copies_are_refused_and_keep_nothing(live: Live) -> None:
    record = record_of(live)
    live.listen(forge=1, stale=1)
    live.edit(record, name="Belarova plc")
    counts = live.settled()["counts"]
    assert counts["forged"] == counts["stale"] == {"401": 1}
    assert counts["accepted"] == 1
    assert len(live.served.hints()) == 1


def delivered(live: Live, record: str, **fields: Any) -> bytes:
    event = {
        "eventId": 1,
        "portalId": live.account.portal_id,
        "subscriptionType": "company.propertyChange",
        "attemptNumber": 0,
        "objectId": int(record),
        **fields,
    }
    return json.dumps([event]).encode()


def signed(live: Live, body: bytes, *, off: int = 0, host: str | None = None) -> dict[str, str]:
    stamp = str(int(time.time() * 1000) + off)
    url = (host or live.served.url) + live.path
    source = f"POST{url}".encode() + body + stamp.encode()
    digest = hmac.digest(SECRET.encode(), source, "sha256")
    return {
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
        "X-HubSpot-Request-Timestamp": stamp,
    }


def test_what_is_not_hubspots_own_is_refused_and_keeps_nothing(live: Live) -> None:
    body = delivered(live, "1")
    url = f"POST{live.served.url}{live.path}".encode()
    good = signed(live, body)
    stamp = {"X-HubSpot-Request-Timestamp": good["X-HubSpot-Request-Timestamp"]}
    first = hashlib.sha256(SECRET.encode() + body).hexdigest()
    second = hashlib.sha256(SECRET.encode() + url + body).hexdigest()
    elsewhere = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    refused = [
        {},
        stamp,
        {"X-HubSpot-Signature-Version": "v1", "X-HubSpot-Signature": first, **stamp},
        {"X-HubSpot-Signature-Version": "v2", "X-HubSpot-Signature": second, **stamp},
        signed(live, body, off=-301_000),
        signed(live, body, off=301_000),
        signed(live, body + b" "),
        {**signed(live, body, host="https://evil.example"), **elsewhere},
        {**good, "X-HubSpot-Signature-v3": "Zm9yZ2Vk"},
    ]
    assert [live.served.post(live.path, body, headers).status_code for headers in refused] == [401] * 9
    foreign = delivered(live, "1", portalId=live.account.portal_id + 1)
    assert live.served.post(live.path, foreign, signed(live, foreign)).status_code == 401
    broken = delivered(live, "0")
    assert live.served.post(live.path, broken, signed(live, broken)).status_code == 400
    assert (live.served.hints(), live.served.jobs(), live.served.wakes) == ({}, [], [])
    assert live.served.post(live.path, body, {**good, **elsewhere}).status_code == 200
    assert live.served.jobs() == ["1"]


def test_the_echo_of_our_own_write_costs_one_read_and_no_write(live: Live) -> None:
    live.listen()
    local.change(
        live.served.database, live.served.organisation_id, "B-1", ["customer_name=Belarova plc"], actor="test"
    )
    sync(live.served, live.connection)
    told = live.settled()["deliveries"]
    assert [each["accepted"] for each in told] == [True]
    assert live.served.jobs() == [record_of(live)]
    assert live.drain() == {"batch_read": 1}
    assert live.control("GET", "stats")["writes"] == 0
    assert live.served.jobs() == []
