"""Error bodies in the forms that HubSpot has been seen to use."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.errors import (
    AlreadyExists,
    AuthFailed,
    ConnectorError,
    InvalidRecord,
    Locked,
    Misconfigured,
    NotFound,
    QuotaExhausted,
    RateLimited,
    Unavailable,
)
from connectors.hubspot.errors import Moving, failure_of, row_failure
from connectors.hubspot.refusals import parse_refusal, read_refusal


def failure(status: int, body: Any = None, **headers: str) -> ConnectorError:
    text = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return failure_of(status, named, text, write=True)


def row(body: Any) -> ConnectorError:
    return row_failure(read_refusal(body), key="company_id", path_of=lambda name: f"path of {name}")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Misconfigured),
        (401, AuthFailed),
        (403, Misconfigured),
        (404, NotFound),
        (408, Unavailable),
        (409, AlreadyExists),
        (414, Misconfigured),
        (423, Locked),
        (429, RateLimited),
        (477, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (504, Unavailable),
        (521, Unavailable),
        (526, Unavailable),
        (302, Unavailable),
        (0, Unavailable),
    ],
)
@pytest.mark.parametrize(
    "body", [None, b"<html>Secret-Value</html>", b"\xff", [1], {"message": "Secret-Value"}]
)
def test_statuses(status: int, expected: type[ConnectorError], body: Any) -> None:
    found = failure(status, body)
    assert type(found) is expected
    assert "Secret" not in str(found)
    if isinstance(found, Unavailable):
        assert found.outcome_unknown is (status != 477)


def test_limits_of_calls() -> None:
    assert type(failure(429, {"policyName": "DAILY"})) is QuotaExhausted
    rolling, second = (
        failure(429, {"policyName": "TEN_SECONDLY_ROLLING"}),
        failure(429, {"policyName": "SECONDLY"}),
    )
    told = failure(429, {}, Retry_After="7")
    assert isinstance(rolling, RateLimited)
    assert isinstance(second, RateLimited)
    assert isinstance(told, RateLimited)
    assert (rolling.retry_after, second.retry_after, told.retry_after) == (2.5, 1.0, 7.0)
    moving = failure(477, None, Retry_After="86400")
    assert isinstance(moving, Moving)
    assert type(moving.told()) is Unavailable
    assert "86400 s" in str(moving.told())


@pytest.mark.parametrize(
    "body",
    [
        {"category": "MISSING_SCOPES", "errors": [{"context": {"requiredGranularScopes": ["crm.a.read"]}}]},
        {"category": "MISSING_SCOPES", "context": {"requiredScopes": ["crm.a.read", "DROP TABLE"]}},
    ],
)
def test_scopes(body: Any) -> None:
    found = failure(403, body)
    assert "crm.a.read" in str(found)
    assert "DROP" not in str(found)
    assert "scopes" in str(failure(403, {"category": "MISSING_SCOPES", "errors": ["odd", {"context": 3}]}))


def test_an_unknown_property_in_a_search() -> None:
    found = failure(400, {"category": "VALIDATION_ERROR", "message": 'Property "tier_2" does not exist'})
    assert isinstance(found, Misconfigured)
    assert "tier_2" in found.reason


LISTED = (
    'Property values were not valid: [{"isValid":false,"message":"Secret was not one of the allowed options: '
    '[a, b]","error":"INVALID_OPTION","name":"industry","localizedErrorMessage":"Secret","portalId":1}]'
)
TAKEN = "Cannot set Coordinates{{propertyName={}, value=S. 9 already has that value}} on 5. 42 "


@pytest.mark.parametrize(
    ("body", "expected", "text"),
    [
        (
            {"category": "VALIDATION_ERROR", "message": LISTED},
            InvalidRecord,
            "path of industry: is not one of",
        ),
        (
            {"errors": [{"message": "x", "code": "INVALID_NEW", "context": {"propertyName": ["zip"]}}]},
            InvalidRecord,
            "path of zip: is refused by HubSpot (INVALID_NEW)",
        ),
        (
            {
                "errors": [
                    {"message": "Secret", "code": "in the secret", "context": {"propertyName": ["zip"]}}
                ]
            },
            InvalidRecord,
            "path of zip: is refused by HubSpot (no reason given)",
        ),
        (
            {"errors": [{"code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["tier"]}}]},
            Misconfigured,
            "no property tier",
        ),
        (
            {"category": "CONFLICT", "message": "Contact already exists. Existing ID: 123"},
            AlreadyExists,
            "already",
        ),
        ({"category": "OBJECT_NOT_FOUND"}, NotFound, "no such record"),
        ({"category": "LOCKED"}, Locked, "another writer"),
        ({"category": "RATE_LIMITS"}, RateLimited, "rate limit"),
        (
            {
                "category": "VALIDATION_ERROR",
                "message": "Secret",
                "context": {"properties": ["name", "domain"]},
            },
            InvalidRecord,
            "a required property has no value (name, domain)",
        ),
        (
            {"category": "VALIDATION_ERROR", "context": {"properties": ["a secret!"]}},
            InvalidRecord,
            "required",
        ),
        ({"category": "SOMETHING_NEW", "message": "Secret"}, Unavailable, "could not write"),
        ({}, Unavailable, "could not write"),
        ("Secret", Unavailable, "could not write"),
        (
            {"errors": "Secret", "context": [1], "message": 3, "category": None},
            Unavailable,
            "could not write",
        ),
        ({"message": "Property values were not valid: [broken"}, Unavailable, "could not write"),
        ({"message": "Property values were not valid: [broken]"}, Unavailable, "could not write"),
    ],
)
def test_rows(body: Any, expected: type[ConnectorError], text: str) -> None:
    found = row(body)
    assert type(found) is expected
    assert text in str(found)
    assert "secret" not in str(found).lower()


@pytest.mark.parametrize("name", ["company_id", "serial"])
def test_a_unique_value_that_another_record_has(name: str) -> None:
    message = f"{TAKEN.format(name)}already has that value."
    listed = json.dumps([{"name": name, "error": "CONFLICTING_UNIQUE_VALUE", "message": message}])
    for body in (
        {"category": "VALIDATION_ERROR", "message": f"Property values were not valid: {listed}"},
        {"errors": [{"message": message, "code": "ANY", "context": {"propertyName": [name]}}]},
    ):
        found = row(body)
        if name == "company_id":
            assert isinstance(found, AlreadyExists)
            assert found.ref == "42"
        else:
            assert isinstance(found, InvalidRecord)
            assert found.field == "path of serial"
        assert "S. 9" not in str(found)


def test_an_existing_id_is_read_from_a_conflict() -> None:
    found = failure(409, {"category": "CONFLICT", "message": "Company already exists. Existing ID: 123"})
    assert isinstance(found, AlreadyExists)
    assert found.ref == "123"
    assert parse_refusal(b"\xff\xfe").category == ""
