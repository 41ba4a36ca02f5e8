"""Tokens, scopes, rate limits, the account, and paths that HubSpot does not know."""

from __future__ import annotations

import json
import socket
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import hubspot
import pytest
from hubspot.crm.companies.exceptions import ApiException, ForbiddenException, UnauthorizedException
from urllib3.util.retry import Retry

from connectors.hubspot.sandbox.errors import Refusal
from connectors.hubspot.sandbox.knobs import Knobs
from connectors.hubspot.sandbox.limits import Limits
from tests.connectors.hubspot_sandbox.conftest import Sdk, Start


def settings(sdk: Sdk, **knobs: Any) -> None:
    sdk.control("PUT", "settings", knobs)


def test_no_token_or_a_wrong_one(sdk: Sdk) -> None:
    url = f"{sdk.server.url}/crm/v3/objects/companies"
    for headers in ({}, {"Authorization": "Bearer pat-na1-wrong"}, {"Authorization": sdk.sandbox.token}):
        answer = sdk.http.get(url, headers=headers, timeout=10)
        assert answer.status_code == 401
        assert answer.json()["category"] == "INVALID_AUTHENTICATION"
    assert sdk.sandbox.token.startswith("pat-na1-")


def test_an_expired_token(sdk: Sdk) -> None:
    settings(sdk, token_calls=2)
    sdk.basic.get_page()
    sdk.basic.get_page()
    for _ in range(2):
        with pytest.raises(UnauthorizedException) as error:
            sdk.basic.get_page()
        assert json.loads(error.value.body)["category"] == "EXPIRED_AUTHENTICATION"
    settings(sdk, token="pat-na1-fresh", token_calls=None)
    with pytest.raises(UnauthorizedException) as error:
        sdk.basic.get_page()
    assert json.loads(error.value.body)["category"] == "INVALID_AUTHENTICATION"
    sdk.basic.api_client.configuration.access_token = "pat-na1-fresh"
    sdk.basic.get_page()
    assert sdk.sandbox.token == "pat-na1-fresh"


def test_a_missing_scope(sdk: Sdk) -> None:
    settings(sdk, missing_scopes=["crm.objects.companies.write"])
    sdk.basic.get_page()
    with pytest.raises(ForbiddenException) as error:
        sdk.make()
    body = json.loads(error.value.body)
    assert body["category"] == "MISSING_SCOPES"
    assert body["errors"][0]["context"] == {"requiredGranularScopes": ["crm.objects.companies.write"]}
    assert sdk.properties.get_all("companies").results


def test_a_migrating_account(sdk: Sdk) -> None:
    settings(sdk, migrating=60)
    with pytest.raises(ApiException) as error:
        sdk.basic.get_page()
    assert error.value.status == 477
    assert 55 <= int(error.value.headers["Retry-After"]) <= 60
    settings(sdk, migrating=0)
    sdk.basic.get_page()


def test_ten_seconds_limit(start: Start) -> None:
    sdk = start(rate_limit=True)
    settings(sdk, ten_secondly_limit=3)
    remaining = []
    for _ in range(3):
        _, _, headers = sdk.basic.get_page_with_http_info()
        remaining.append(int(headers["X-HubSpot-RateLimit-Remaining"]))
        assert headers["X-HubSpot-RateLimit-Max"] == "3"
        assert headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert remaining == [2, 1, 0]
    with pytest.raises(ApiException) as error:
        sdk.basic.get_page()
    assert error.value.status == 429
    body = json.loads(error.value.body)
    assert body["policyName"] == "TEN_SECONDLY_ROLLING"
    assert body["message"] == "You have reached your ten_secondly_rolling limit."
    assert body["errorType"] == "RATE_LIMIT"
    assert "Retry-After" not in error.value.headers


def test_the_ten_seconds_roll(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("connectors.hubspot.sandbox.limits.time", clock)
    limits, knobs = Limits(), Knobs(rate_limit=True, ten_secondly_limit=2)
    limits.take(knobs, 0, search=False)
    now[0] += 6
    limits.take(knobs, 0, search=False)
    with pytest.raises(Refusal):
        limits.take(knobs, 0, search=False)
    now[0] += 4.5
    limits.take(knobs, 0, search=False)
    with pytest.raises(Refusal):
        limits.take(knobs, 0, search=False)


def test_no_limit_unless_asked(sdk: Sdk) -> None:
    for _ in range(200):
        assert sdk.call("GET", "/account-info/v3/details").status_code == 200
    for _ in range(7):
        sdk.search.do_search({})


def test_the_daily_limit(sdk: Sdk) -> None:
    settings(sdk, daily_limit=2)
    _, _, headers = sdk.basic.get_page_with_http_info()
    assert (headers["X-HubSpot-RateLimit-Daily"], headers["X-HubSpot-RateLimit-Daily-Remaining"]) == (
        "2",
        "1",
    )
    sdk.basic.get_page()
    with pytest.raises(ApiException) as error:
        sdk.basic.get_page()
    assert error.value.status == 429
    assert json.loads(error.value.body)["policyName"] == "DAILY"
    settings(sdk, clock_offset=86_400)
    sdk.basic.get_page()


def test_the_account(sdk: Sdk) -> None:
    found = sdk.call("GET", "/account-info/v3/details").json()
    assert found["portalId"] == sdk.sandbox.portal_id
    assert found["timeZone"] == "US/Eastern"
    assert found["utcOffset"] in ("-05:00", "-04:00")
    assert set(found) == {
        *("portalId", "accountType", "timeZone", "companyCurrency", "additionalCurrencies"),
        *("utcOffset", "utcOffsetMilliseconds", "uiDomain", "dataHostingLocation"),
    }
    usage = sdk.call("GET", "/account-info/v3/api-usage/daily/private-apps").json()["results"][0]
    assert (usage["currentUsage"], usage["usageLimit"]) == (2, 650_000)
    assert datetime.fromisoformat(usage["resetsAt"]) > datetime.fromisoformat(usage["collectedAt"])


def test_calls_are_counted_by_kind(sdk: Sdk) -> None:
    record = sdk.make()
    sdk.basic.get_by_id(record)
    sdk.basic.update(record, {"properties": {"city": "x"}})
    sdk.basic.get_page()
    sdk.search.do_search({})
    sdk.makes(3)
    sdk.batch.read({"inputs": [{"id": record}], "properties": [], "propertiesWithHistory": []})
    sdk.batch.update({"inputs": [{"id": record, "properties": {"city": "y"}}]})
    sdk.batch.upsert({"inputs": [{"id": "K1", "idProperty": "company_id", "properties": {"city": "z"}}]})
    sdk.properties.get_all("companies")
    sdk.call("GET", "/account-info/v3/details")
    sdk.call("GET", "/no/such/path")
    merged = sdk.basic.merge({"primaryObjectId": record, "objectIdToMerge": sdk.make()}).id
    sdk.basic.archive(merged)
    sdk.batch.archive({"inputs": [{"id": "1"}]})
    stats = sdk.control("GET", "stats")
    kinds = (
        "read update list search batch_create batch_read batch_update batch_upsert properties account other"
    )
    assert stats["calls"] == {
        "create": 2,
        **dict.fromkeys((*kinds.split(), "merge", "delete", "batch_archive"), 1),
    }
    assert stats["writes"] == 10
    assert stats["records"] == 3
    sdk.control("POST", "stats/reset")
    assert sdk.control("GET", "stats")["calls"] == {}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/crm/v3/objects/companies/", 404),
        ("GET", "/crm/v3/objects/companies/1/associations/contacts", 404),
        ("GET", "/crm/v3/objects", 404),
        ("GET", "/crm/v9/objects/companies", 404),
        ("GET", "/account-info/v3/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/crm/v3/objects/butterflies", 400),
        ("GET", "/crm/v3/objects/companies/search/", 404),
        ("GET", "/crm/v3/objects/companies/batch/read", 405),
        ("PUT", "/crm/v3/objects/companies", 405),
        ("POST", "/account-info/v3/details", 405),
    ],
)
def test_paths_that_hubspot_does_not_know(sdk: Sdk, method: str, path: str, status: int) -> None:
    assert sdk.call(method, path).status_code == status


def test_aliases_of_the_object_type(sdk: Sdk) -> None:
    record = sdk.make()
    for name in ("companies", "company", "0-2"):
        assert sdk.call("GET", f"/crm/v3/objects/{name}/{record}").json()["id"] == record


def test_a_path_with_two_slashes_in_front_is_not_found(sdk: Sdk) -> None:
    """As sent by an SDK whose host ends with a slash; seen on the raw socket."""
    request = (
        f"GET //crm/v3/objects/companies HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: Bearer {sdk.sandbox.token}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", sdk.server.port), timeout=10) as connection:
        connection.sendall(request.encode())
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 404")

    client = hubspot.HubSpot(host=f"{sdk.server.url}/", access_token=sdk.sandbox.token, retry=Retry(total=0))
    api = client.crm.companies.basic_api
    with pytest.raises(ApiException) as error:
        api.get_page()
    api.api_client.rest_client.pool_manager.clear()
    assert error.value.status == 404


def test_wrong_settings_change_nothing(sdk: Sdk) -> None:
    before = sdk.control("GET", "settings")
    for wrong in (
        {"no_such": 1},
        {"index_delay": -1},
        {"rate_limit": "yes"},
        {"daily_limit": 1.5},
        {"missing_scopes": ["x"]},
        {"external_id": "double"},
        {"token": ""},
        {"properties": [{"name": "x"}]},
        {"properties": 5},
        {"ten_secondly_limit": 5, "clock_offset": "x"},
    ):
        answer = sdk.http.put(f"{sdk.server.url}/_sandbox/settings", json=wrong, timeout=10)
        assert answer.status_code == 400, wrong
        assert answer.json()["error"]
    assert sdk.control("GET", "settings") == before
