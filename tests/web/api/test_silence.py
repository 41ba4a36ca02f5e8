"""What the API tells nobody: secrets and customers in logs; and what it lets no browser do."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import requests
from sqlalchemy import event

from sync.apikeys import HIGHEST_RATE
from tests.web.api.conftest import Api
from tests.web.api.tenants import NOWHERE, OPERATIONS
from tests.web.wire import exchange, head
from web.headers import SECURITY_HEADERS

CANARY = "canaria"
PERSON: dict[str, Any] = {
    "customer_name": f"{CANARY} Inc",
    "email": f"{CANARY}@{CANARY}.example",
    "external_id": f"{CANARY}-1",
    "phone_number": "+1 212 555 0187",
    "address": {"line1": f"1 {CANARY} Street", "country": "US"},
    "custom_data": {CANARY: CANARY},
}


def test_no_failure_makes_the_log_talk(
    api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, logger="urllib3")  # the caller's own, here
    api = api.with_key(rate=HIGHEST_RATE)
    made = api.post("/customers", PERSON)
    path = f"/customers/{made['id']}"
    secret = api.key.rpartition("_")[2]

    def provoke() -> set[int]:
        """Everything that can go wrong, with what must not be told in all of it."""
        calls = [
            ("POST", "/customers", PERSON),
            ("POST", "/customers", {**PERSON, "email": CANARY}),
            ("POST", "/customers", {**PERSON, CANARY: CANARY}),
            ("PATCH", path, {"customer_name": CANARY}),
            ("GET", f"/customers/{CANARY}", None),
            ("GET", f"/customers?email={CANARY}&{CANARY}={CANARY}", None),
            ("GET", f"/{CANARY}", None),
            ("PUT", path, {"customer_name": CANARY}),
        ]
        found = {
            api.call(*each, headers={"If-Match": '"9"', "X-Request-Id": "n"}).status_code for each in calls
        }
        for key in (f"cc_live_{CANARY}", api.key[:-1] + "_", f"Bearer {api.key}"):
            found.add(Api(api.served, key, http=api.http).call("POST", "/customers", PERSON).status_code)
        found.add(api.call("GET", "/customers", headers={"organisation": CANARY}).status_code)
        exchange(api.served.url, head(f"/{CANARY}", {"x-api-key": api.key}, "Content-Length: x"))
        return found

    found = provoke()

    def fail(*_: Any) -> None:
        raise RuntimeError(f"{CANARY} {api.key}")

    engine = api.database.engine
    event.listen(engine, "before_cursor_execute", fail)
    found |= provoke()
    event.remove(engine, "before_cursor_execute", fail)

    def refuse(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "customers" in statement:
            cursor.execute("SELECT canaria FROM canaria")

    event.listen(engine, "before_cursor_execute", refuse)
    found |= provoke()
    event.remove(engine, "before_cursor_execute", refuse)
    monkeypatch.setattr("web.api.customers.shown", fail)
    found |= provoke()
    assert found >= {400, 401, 404, 405, 412, 422, 500, 503}, (
        "not all went wrong that should: this shows nothing"
    )
    assert "failed" in caplog.text
    assert CANARY not in caplog.text
    assert "0187" not in caplog.text
    assert secret not in caplog.text
    assert api.key not in caplog.text


def test_a_browser_can_neither_lend_its_cookies_nor_read_an_answer(api_postgresql: Api) -> None:
    api = api_postgresql.with_key(rate=HIGHEST_RATE)
    page = {"Origin": "https://evil.example", "Referer": "https://evil.example/"}
    for method, path, _ in OPERATIONS:
        address = f"{api.served.url}{path}".replace("{", "").replace("}", "")
        ways: list[dict[str, Any]] = [
            {"cookies": {"x-api-key": api.key, "session": api.key}},
            {"params": {"x-api-key": api.key, "api_key": api.key, "key": api.key}},
            {"headers": {"Authorization": f"Bearer {api.key}"}},
            {"auth": ("x-api-key", api.key)},
            {"data": {"x-api-key": api.key}},
        ]
        for carried in ways:
            more: dict[str, Any] = {**carried, "headers": {**page, **carried.get("headers", {})}}
            answer = requests.request(method, address, timeout=20, **more)
            assert answer.status_code == 401, (method, path, list(carried))
            _sealed(answer)
        asked = {
            **page,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "x-api-key",
        }
        answer = requests.options(address, headers=asked, timeout=20)
        assert answer.status_code == 405, path
        _sealed(answer)
    made = requests.post(
        f"{api.served.url}/customers", json=PERSON, headers={"x-api-key": api.key, **page}, timeout=20
    )
    assert made.status_code == 201, "a program may say what it likes of its origin"
    _sealed(made)
    for path in ("/openapi.json", "/health", "/metrics", "/nothing", f"/runs/{NOWHERE}/events"):
        _sealed(requests.get(f"{api.served.url}{path}", headers=page, timeout=20))


def _sealed(answer: requests.Response) -> None:
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert "Set-Cookie" not in answer.headers
    assert "Server" not in answer.headers
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value
