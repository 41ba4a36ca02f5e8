"""The org itself: versions, resources, limits, describes, and its token endpoint."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from connectors.salesforce.sandbox import conditions
from connectors.salesforce.sandbox.assertion import AssertionRefused, check
from connectors.salesforce.sandbox.clock import http_date
from connectors.salesforce.sandbox.describe import describe, describe_basic, describe_global
from connectors.salesforce.sandbox.errors import no_resource
from connectors.salesforce.sandbox.state import SalesforceState
from connectors.salesforce.sandbox.wire import Answer, Call

FIRST_VERSION, LAST_VERSION = 41, 68
"""Source: Salesforce API end-of-life policy; 41.0 to 68.0 are supported at Winter '27."""

ASSERTION_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SEASONS = ("Winter", "Spring", "Summer")


def versions() -> list[dict[str, str]]:
    """GET /services/data/: the API versions, oldest first."""
    listed = []
    for version in range(FIRST_VERSION, LAST_VERSION + 1):
        # Three releases a year; v41.0 was Winter '18.
        season, year = _SEASONS[(version - 41) % 3], 18 + (version - 41) // 3
        listed.append(
            {
                "label": f"{season} '{year}",
                "url": f"/services/data/v{version}.0",
                "version": f"{version}.0",
            }
        )
    return listed


def resources(_: SalesforceState, call: Call) -> Answer:
    """GET /services/data/vX.0/: what there is."""
    names = ("composite", "limits", "query", "queryAll", "sobjects")
    return Answer(200, {name: f"{call.base}/{name}" for name in names})


def limits(state: SalesforceState, _: Call) -> Answer:
    """GET limits/."""
    most = state.knobs.daily_limit
    return Answer(
        200,
        {
            "DailyApiRequests": {"Max": most, "Remaining": max(0, most - state.used)},
            "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
            "DataStorageMB": {"Max": 1_024, "Remaining": 1_024},
        },
    )


def record_count(state: SalesforceState, call: Call) -> Answer:
    """GET limits/recordCount?sObjects=Account."""
    live = sum(1 for row in state.visible().rows.values() if not row["IsDeleted"])
    asked = {name.strip().lower() for name in call.query.get("sObjects", "Account").split(",")}
    counts = [{"count": live, "name": "Account"}] if "account" in asked else []
    return Answer(200, {"sObjects": counts})


def list_objects(state: SalesforceState, call: Call) -> Answer:
    """GET sobjects."""
    return _cached(state, call, describe_global(state.schema, call.base))


def object_basics(state: SalesforceState, call: Call) -> Answer:
    """GET sobjects/Account."""
    if call.path[1].lower() != "account":
        raise no_resource()
    return Answer(200, describe_basic(state.schema, call.base))


def object_describe(state: SalesforceState, call: Call) -> Answer:
    """GET sobjects/Account/describe."""
    if call.path[1].lower() != "account":
        raise no_resource()
    return _cached(state, call, describe(state.schema, call.base, call.instance))


def token(state: SalesforceState, headers: Mapping[str, str], body: bytes, instance: str) -> Answer:
    """POST /services/oauth2/token: the client credentials flow, and the JWT bearer flow.

    Errors are OAuth's own: an object with `error` and `error_description`.
    """
    form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    grant = form.get("grant_type")
    if grant == ASSERTION_GRANT:
        return _signed(state, form.get("assertion", ""), instance)
    if grant != "client_credentials":
        reason = "grant type not supported" if grant else "grant_type is missing"
        return _oauth_error("unsupported_grant_type" if grant else "invalid_request", reason)
    client, secret = form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            text = base64.b64decode(credentials, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return _oauth_error("invalid_client", "invalid client credentials")
        client, _, secret = (unquote(part) for part in text.partition(":"))
    if client != state.sessions.client_id:
        return _oauth_error("invalid_client_id", "client identifier invalid")
    if not state.sessions.accepts(client, secret):
        return _oauth_error("invalid_client", "invalid client credentials")
    return _granted(state, instance)


def _signed(state: SalesforceState, assertion: str, instance: str) -> Answer:
    try:
        check(
            assertion,
            public_key=state.knobs.certificate,
            client_id=state.sessions.client_id,
            username=state.knobs.username,
            now=state.clock.now(),
        )
    except AssertionRefused as refused:
        return _oauth_error(refused.error, refused.description)
    return _granted(state, instance)


def _granted(state: SalesforceState, instance: str) -> Answer:
    identity = f"{instance}/id/{state.organisation}/{state.integration_user}"
    issued_at = str(int(state.clock.now() * 1000))
    return Answer(
        200,
        {
            "access_token": state.sessions.issue(state.clock.now()),
            "signature": state.sessions.signature(identity, issued_at),
            "instance_url": instance,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        },
    )


def _oauth_error(error: str, description: str) -> Answer:
    return Answer(400, {"error": error, "error_description": description})


def _cached(state: SalesforceState, call: Call, body: dict[str, Any]) -> Answer:
    tag = f'"{zlib.crc32(orjson.dumps(body)):08x}"'
    headers = {"ETag": tag, "Last-Modified": http_date(state.schema_since)}
    if conditions.unchanged(call.headers, tag, state.schema_since):
        return Answer(304, headers=headers)
    return Answer(200, body, headers)
