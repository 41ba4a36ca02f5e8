"""Connections over HTTP: made, changed, checked, paused, removed; their credentials are never shown."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from connectors.memory_crm import shared_crm
from connectors.outbound import PRIVATE_ALLOWED
from connectors.port import Write
from sync import connect
from sync.apikeys import Scope
from sync.store import audit, connections
from sync.store.session import Database
from tasks import wiring
from tests.web.api.conftest import Api
from tests.web.api.hostile_urls import hostile, trapping
from tests.web.api.steered import Steered, steer

URL = "https://acme.my.salesforce.com"
SECRET = "canary-client-secret-canary"
BODY = {
    "name": "salesforce",
    "connector": "salesforce",
    "url": URL,
    "credentials": {"client_id": "id", "client_secret": SECRET},
}


@pytest.fixture
def world(database: Database) -> Iterator[Steered]:
    """A site with a CRM, on both databases one after the other."""
    yield from steer(database)


def known(api: Api, connection_id: str) -> dict[str, str]:
    """The credentials as they are kept."""
    plain = connection_id.replace("-", "")
    with api.database.reading() as tx:
        row = connections.load(tx, plain).row
    ids = {"organisation_id": api.organisation_id, "connection_id": plain}
    return dict(wiring.open_seal(api.served.settings).open(row["credentials"], **ids))


def test_a_connection_is_made_shown_changed_and_removed(api: Api) -> None:
    made = api.post(
        "/connections",
        {
            **BODY,
            "webhook_secret": "a-secret-of-sixteen-or-more",
            "settings": {"rules": {"email": "always_crm"}, "first_link": "prefer_crm", "daily_calls": 5000},
            "schedule": {"every": 300, "full_cron": "0 3 * * *", "timezone": "Europe/Berlin"},
        },
    )
    path = f"/connections/{made['id']}"
    assert api.get(path) == made
    assert [each["id"] for each in api.get("/connections")["data"]] == [made["id"]]
    assert (made["state"], made["url"], made["map_version"]) == ("new", URL, 1)
    assert made["settings"]["rules"]["email"]["direction"] == "crm_to_local"
    assert made["settings"]["timezone"] == "Europe/Berlin"
    assert (made["schedule"]["pull"]["every"], made["schedule"]["full"]["cron"]) == (300, "0 3 * * *")
    assert made["webhook_url"].endswith(f"/webhooks/salesforce/{made['id'].replace('-', '')}")
    assert known(api, made["id"])["client_secret"] == SECRET
    body = {
        "settings": {"rules": {"email": None, "phone_number": {"direction": "crm_to_local"}}},
        "schedule": {"quiet": "22:00-06:00"},
    }
    changed = api.call("PATCH", path, body).json()
    assert list(changed["settings"]["rules"]) == ["phone_number"]
    assert (changed["map_version"], changed["settings"]["first_link"]) == (2, "prefer_crm")
    assert changed["schedule"]["pull"]["quiet"] == "22:00-06:00"
    assert api.call("POST", path + "/pause").json()["state"] == "paused"
    assert api.call("POST", path + "/resume").json()["state"] == "new"
    assert api.refused("POST", path + "/resume")["status"] == 409
    scope = [{"field": "address.country_code", "in": ["US"]}]
    assert api.call("PATCH", path, {"scope": scope}).json()["settings"]["scope"] == scope
    with api.database.reading() as tx:
        deeds = [
            row["action"] for row in audit.listing(tx, api.organisation_id) if row["actor"] == "api:test"
        ]
    assert {"connection.added", "connection.changed", "connection.paused"} <= set(deeds)
    assert api.call("DELETE", path).status_code == 204
    assert api.refused("GET", path)["status"] == 404


def test_credentials_come_in_and_never_go_out(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    made = api.call("POST", "/connections", BODY)
    path = f"/connections/{made.json()['id']}"
    answers = [
        made,
        api.call("GET", path),
        api.call("GET", "/connections"),
        api.call("POST", "/connections", {**BODY, "credentials": {"nonsense": SECRET}}),
        api.call("POST", "/connections", {**BODY, "credentials": {"client_secret": SECRET}}),
        api.call("POST", "/connections", {**BODY, "credentials": [SECRET]}),
        api.call("PATCH", path, {"credentials": {"client_secret": SECRET * 1_000}}),
        api.call("PATCH", path, {"webhook_secret": SECRET[:8]}),
    ]
    assert [each.status_code for each in answers] == [201, 200, 200, 422, 422, 422, 422, 422]
    for each in answers:
        assert "canary" not in each.text
    assert "canary" not in caplog.text
    api.call("PATCH", path, {"credentials": {"client_secret": "another"}})
    assert known(api, made.json()["id"]) == {"client_id": "id", "client_secret": "another"}


def test_stored_credentials_are_not_sent_to_a_new_place(api: Api) -> None:
    made = api.post("/connections", BODY)
    path = f"/connections/{made['id']}"
    moved = {"url": "https://other.my.salesforce.com"}
    assert "credentials" in api.wrong(path, moved, method="PATCH")
    assert api.get(path)["url"] == URL
    assert api.call("PATCH", path, {"webhook_secret": "a-secret-of-sixteen-or-more"}).status_code == 200
    some = {**moved, "credentials": {"client_id": "of another"}}
    assert "credentials" in api.wrong(path, some, method="PATCH"), "they are not made whole by the old secret"
    assert api.get(path)["url"] == URL
    refreshed = {"username": "u", "private_key": "k", "client_id": "of another"}
    assert api.call("PATCH", path, {**moved, "credentials": refreshed}).status_code == 200
    assert api.get(path)["url"] == moved["url"]
    assert known(api, made["id"]) == {**refreshed, "webhook_secret": "a-secret-of-sixteen-or-more"}


def test_rules_that_two_people_set_at_once_both_stand(api_postgresql: Api) -> None:
    api = api_postgresql
    made = api.post("/connections", {**BODY, "settings": {"rules": {"email": "always_crm"}}})
    path = f"/connections/{made['id']}"
    with ThreadPoolExecutor(1) as pool:
        with api.database.transaction() as tx:
            present = connections.load(tx, made["id"].replace("-", ""), lock=True)
            body = {"settings": {"rules": {"customer_name": "always_crm"}}}
            second = pool.submit(api.call, "PATCH", path, body)
            while not _waiting(api.database):
                assert not second.done(), second.result().text
                time.sleep(0.02)
            connect.change(
                api.database.joined(tx),
                wiring.open_seal(api.served.settings),
                present,
                actor="test",
                rules=lambda known: {**known, "phone_number": "always_crm"},
            )
        assert second.result().status_code == 200
    assert set(api.get(path)["settings"]["rules"]) == {"email", "phone_number", "customer_name"}


def _waiting(database: Database) -> bool:
    """Whether a statement waits for another transaction."""
    ask = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with database.reading() as tx:
        return bool(tx.exec_driver_sql(ask).scalar_one())


def test_a_pause_and_a_resume_that_are_sent_twice_are_done_once(api: Api) -> None:
    path = f"/connections/{api.post('/connections', BODY)['id']}"
    for deed, state in (("/pause", "paused"), ("/resume", "new")):
        sent = [api.call("POST", path + deed, headers={"Idempotency-Key": deed}) for _ in range(2)]
        assert [each.status_code for each in sent] == [200, 200], sent[1].text
        assert [each.json()["state"] for each in sent] == [state, state]
        assert sent[1].headers["Idempotent-Replayed"] == "true"
    api.call("POST", path + "/pause", headers={"Idempotency-Key": "/pause"})
    assert api.get(path)["state"] == "new", "the first pause is answered again, not done again"


def test_what_is_wrong_is_named(api: Api) -> None:
    made = api.post("/connections", BODY)
    path = f"/connections/{made['id']}"
    assert api.refused("POST", "/connections", BODY)["status"] == 400
    for body, field in (
        ({"connector": "nonsense"}, "connector"),
        ({"name": "a/b"}, "name"),
        ({"settings": {"map": [{"field": "nonsense", "crm": "X"}]}}, "settings.map.0.field"),
        ({"settings": {"options": {"pubsub": "evil:1"}}}, "settings.options"),
        ({"schedule": {"every": 1, "cron": "* * * * *"}}, "schedule"),
        ({"schedule": {"cron": "nonsense"}}, "schedule.cron"),
        ({"settings": {"rules": {"email": "nonsense"}}}, "settings.rules.email"),
    ):
        found = api.wrong("/connections", {**BODY, "name": "second", **body})
        assert any(name.startswith(field) for name in found), (body, found)
    assert api.wrong(path, {}, method="PATCH")
    assert "scope" in api.wrong(path, {"scope": [], "settings": {"reserve": 0.2}}, method="PATCH")
    assert "scope" in api.wrong(path, {"scope": [{"field": "nonsense", "present": True}]}, method="PATCH")
    assert len(api.get("/connections")["data"]) == 1


def test_who_may_do_what(api: Api) -> None:
    made = api.post("/connections", BODY)
    path = f"/connections/{made['id']}"
    reviewer, theirs = api.with_key(Scope.REVIEW), api.with_key(Scope.ADMIN, "theirs")
    assert reviewer.get(path)["id"] == made["id"]
    deeds = (("PATCH", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/check"))
    for method, more in deeds:
        body = {"settings": {"reserve": 0.2}} if method == "PATCH" else None
        assert reviewer.refused(method, path + more, body)["status"] == 403
        assert theirs.refused(method, path + more, body)["status"] == 404
    assert reviewer.refused("POST", "/connections", BODY)["status"] == 403
    assert theirs.refused("GET", path)["status"] == 404
    assert theirs.get("/connections")["data"] == []
    theirs.post("/connections", BODY)


def test_a_check_tells_what_the_crm_says_of_itself(world: Steered) -> None:
    path = f"/connections/{world.connection().id}/check"
    found = world.api.call("POST", path).json()
    assert (found["account_id"], found["key_unique"], found["problems"], found["problem"]) == (
        "memory",
        True,
        [],
        None,
    )

    def silent(_kind: str, _write: Write | None) -> str:
        return "unavailable"

    world.crms["crm"].fault = silent
    assert world.api.call("POST", path).json()["problem"] == "The CRM does not answer."


def test_no_hostile_url_is_taken_and_none_is_called(api_postgresql: Api) -> None:
    api = api_postgresql.with_key(rate=100_000)
    made = api.post("/connections", {**BODY, "name": "known"})
    others: dict[str, dict[str, Any]] = {
        "salesforce": {"credentials": BODY["credentials"]},
        "hubspot": {"connector": "hubspot", "credentials": {"token": "t"}},
    }
    with trapping() as trap:
        corpus = hostile(trap.port)
        assert len(corpus) >= 200
        for number, url in enumerate(corpus):
            for name, more in others.items():
                body = {**BODY, **more, "name": f"{name} {number}", "url": url}
                found = api.refused("POST", "/connections", body)
                assert found["status"] in (400, 422), url
                if found["status"] == 422:
                    assert found["detail"][0]["loc"] == ["body", "url"], url
            changed = {"url": url, "credentials": BODY["credentials"]}
            assert api.refused("PATCH", f"/connections/{made['id']}", changed)["status"] in (400, 422), url
        assert [each["name"] for each in api.get("/connections")["data"]] == ["known"]
        assert trap.seen == 0


@pytest.mark.parametrize("connector", ["salesforce", "hubspot"])
def test_a_good_name_that_leads_inside_is_not_called(
    api_postgresql: Api, connector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = api_postgresql
    body = {**BODY, "url": "https://rebound.my.salesforce.com"}
    if connector == "hubspot":
        body = {"name": "h", "connector": "hubspot", "credentials": {"token": "t"}}
    made = api.post("/connections", body)
    resolve = socket.getaddrinfo
    with trapping() as trap:

        def inside(host: Any, port: Any, *args: Any, **options: Any) -> Any:
            if str(host) in ("rebound.my.salesforce.com", "api.hubapi.com"):
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", trap.port))]
            return resolve(host, port, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", inside)
        found = api.call("POST", f"/connections/{made['id']}/check").json()
        assert "private network" in found["problem"]
        assert trap.seen == 0


def test_the_trap_sees_a_call_where_the_environment_allows_it(
    api_postgresql: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PRIVATE_ALLOWED, "1")
    with trapping() as trap:
        body = {"name": "h", "connector": "hubspot", "credentials": {"token": "t"}}
        made = api_postgresql.post("/connections", {**body, "url": f"http://127.0.0.1:{trap.port}"})
        found = api_postgresql.call("POST", f"/connections/{made['id']}/check").json()
        assert found["problem"]
        assert trap.seen > 0
    memory = {"name": "m", "connector": "memory", "credentials": {}, "url": "memory://by-the-api"}
    assert api_postgresql.post("/connections", memory)["url"] == "memory://by-the-api"
    assert shared_crm("memory://by-the-api").records == {}
