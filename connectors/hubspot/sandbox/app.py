"""The ASGI app: authorisation, limits, faults and headers around the handlers.

One event loop runs every call to its end before the next one touches the account, so no lock is
needed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from random import Random
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.call import Call
from connectors.hubspot.sandbox.errors import Refusal, invalid
from connectors.hubspot.sandbox.limits import limited
from connectors.hubspot.sandbox.oauth import PATHS as TOKEN_PATHS
from connectors.hubspot.sandbox.routes import Match, match
from connectors.hubspot.sandbox.state import HubSpotState
from connectors.sandbox.control import control_routes
from connectors.sandbox.faults import Fault, FaultRule, Refusals, carry_out

_UNAVAILABLE = (
    b"<!DOCTYPE html><html><head><title>503 Service Temporarily Unavailable</title></head>"
    b"<body><h1>503 Service Temporarily Unavailable</h1><hr>cloudflare</body></html>"
)
_NO_CREDENTIALS = (
    "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find "
    "more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
)
_SCOPES_LINK = "https://developers.hubspot.com/scopes"


class HubSpotApp:
    """Answers the API from an account, and /_sandbox/ from its state."""

    def __init__(self, account: Account, state: HubSpotState) -> None:
        self._account = account
        self._control = Starlette(routes=control_routes(state, account.webhooks.outbox))
        self._random = Random(account.portal_id)  # noqa: S311 - only for correlation ids
        self._refusals: Refusals = {
            Fault.RATE_LIMIT: self._too_many,
            Fault.SERVER_ERROR: lambda _: self._refused(Refusal(500, "internal error")),
            Fault.UNAVAILABLE_HTML: lambda _: Response(_UNAVAILABLE, 503, media_type="text/html"),
            Fault.LOCK: lambda _: self._refused(
                Refusal(423, "This resource is locked by another request.", category="LOCKED")
            ),
            Fault.EXPIRE_TOKEN: self._expire,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "http" and scope["path"].startswith("/_sandbox/"):
            await self._control(scope, receive, send)
        elif scope["type"] == "http":
            request = Request(scope, receive)
            response = await self._answer(request)
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        account = self._account
        if request.scope["path"] in TOKEN_PATHS and request.method == "POST":
            account.calls["token"] += 1
            rule = account.faults.draw("token", locks=False)
            return await carry_out(request, rule, self._grant, self._refusals)
        try:
            found = match(request.method, request.scope["raw_path"])
        except Refusal as refusal:
            account.calls["other"] += 1
            return self._refused(refusal)
        kind = found.route.kind
        account.calls[kind] += 1
        request.state.match = found
        try:
            self._admit(request, found)
        except Refusal as refusal:
            return self._with_limits(self._refused(refusal), kind)
        rule = account.faults.draw(kind, batch=found.route.rows)
        return self._with_limits(await carry_out(request, rule, self._work, self._refusals), kind)

    def _admit(self, request: Request, found: Match) -> None:
        account, knobs = self._account, self._account.knobs
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        oauth = account.oauth.issued(token)
        if scheme.lower() != "bearer" or not (oauth or token == knobs.token):
            raise Refusal(401, _NO_CREDENTIALS, category="INVALID_AUTHENTICATION")
        if not (account.oauth.spend(token, knobs) if oauth else account.spend_token()):
            raise _expired()
        if found.route.scope in knobs.missing_scopes:
            raise _missing_scope(str(found.route.scope))
        if seconds := account.migrating_for:
            raise Refusal(
                477, "This account is being migrated.", headers={"Retry-After": str(int(seconds) + 1)}
            )
        account.limits.take(knobs, account.clock.now(), search=found.route.kind == "search")

    async def _grant(self, request: Request) -> Response:
        try:
            answer = self._account.oauth.grant(await request.body(), self._account.knobs)
        except Refusal as refusal:
            return self._refused(refusal)
        return self._json(200, answer, self._correlation_id())

    async def _work(self, request: Request) -> Response:
        found: Match = request.state.match
        rule: FaultRule | None = request.state.fault
        try:
            raw = await request.body() if request.method in ("POST", "PATCH") else b""
            call = Call(
                ref=found.ref,
                version=found.version,
                query=_query(request.scope["query_string"]),
                body=_object(raw) if raw or request.method in ("POST", "PATCH") else {},
                size=len(raw.decode("utf-8", "replace")),
                url=f"http://{request.headers.get('host', '')}{request.scope['path']}",
                rule=rule,
            )
            answer = found.route.handler(self._account, call)
        except Refusal as refusal:
            return self._refused(refusal)
        if answer.body is None:
            return Response(status_code=answer.status)
        return self._json(answer.status, answer.body, self._correlation_id())

    def _json(self, status: int, body: Any, correlation_id: str) -> Response:
        response = Response(orjson.dumps(body), status, media_type="application/json;charset=utf-8")
        response.headers["x-hubspot-correlation-id"] = correlation_id
        return response

    def _refused(self, refusal: Refusal) -> Response:
        correlation_id = self._correlation_id()
        response = self._json(refusal.status, refusal.body(correlation_id), correlation_id)
        response.headers.update(refusal.headers)
        return response

    def _with_limits(self, response: Response, kind: str) -> Response:
        if kind != "search":
            response.headers.update(self._account.limits.headers(self._account.knobs))
        return response

    def _too_many(self, request: Request) -> Response:
        found: Match | None = getattr(request.state, "match", None)
        search = found is not None and found.route.kind == "search"
        return self._refused(limited("SECONDLY" if search else "TEN_SECONDLY_ROLLING"))

    def _expire(self, _: Request) -> Response:
        self._account.expire_token()
        return self._refused(_expired())

    def _correlation_id(self) -> str:
        stamp = int(time.time() * 1000) << 80
        bits = stamp | (0x7 << 76) | (self._random.getrandbits(12) << 64) | (0b10 << 62)
        return str(UUID(int=bits | self._random.getrandbits(62)))


def _expired() -> Refusal:
    return Refusal(
        401,
        "The OAuth token used to make this call expired 1 second(s) ago.",
        category="EXPIRED_AUTHENTICATION",
    )


def _missing_scope(scope: str) -> Refusal:
    return Refusal(
        403,
        "This app hasn't been granted all required scopes to make this call. "
        f"Read more about required scopes here: {_SCOPES_LINK}.",
        category="MISSING_SCOPES",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": [scope]},
            }
        ],
        links={"scopes": _SCOPES_LINK},
    )


def _query(raw: bytes) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw.decode("ascii", "replace"), keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise invalid(
            f"Invalid input JSON on line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    if not isinstance(body, dict):
        raise invalid("Invalid input JSON on line 1, column 1: an object is expected.")
    return body
