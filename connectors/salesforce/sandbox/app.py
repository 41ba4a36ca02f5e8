"""The ASGI app: HTTP on one side, calls and answers on the other."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, unquote

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.salesforce.sandbox.errors import ApiError, locked, no_resource
from connectors.salesforce.sandbox.handlers import org
from connectors.salesforce.sandbox.router import ROWS, WRITES, dispatch, kind_of
from connectors.salesforce.sandbox.state import SalesforceState
from connectors.salesforce.sandbox.wire import Answer, Call
from connectors.sandbox.control import control_routes
from connectors.sandbox.faults import Fault, carry_out

MAX_URI = 16_384
"""Bytes. Source: REST API developer guide, status code 414."""

_VERSION = re.compile(r"v(\d{1,3})\.0")
_CLIENT = re.compile(r"client\s*=\s*([^,;\s]+)")
_HTML = (
    "<html><head><title>Service unavailable</title></head><body><h1>Down for maintenance</h1></body></html>"
)


def make_app(state: SalesforceState) -> ASGIApp:
    """The app of one org, its control routes included."""
    control = Starlette(routes=control_routes(state, state.outbound.outbox))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Paths of the API hold keys of any characters, so they are not matched by a router's patterns.
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox/"):
            await control(scope, receive, send)
            return
        request = Request(scope, receive, send)
        response = await _answer(state, request)
        await response(scope, receive, send)

    return app


async def _answer(state: SalesforceState, request: Request) -> Response:
    path, method = request.scope["path"], request.method
    if path == "/services/oauth2/token" and method == "POST":
        state.calls["token"] += 1
        rule = state.faults.draw("token", locks=False)
        return await carry_out(request, rule, _token(state), _TOKEN_REFUSALS)
    if path in ("/services/data", "/services/data/") and method == "GET":
        state.calls["other"] += 1
        return _response(Answer(200, org.versions()))
    return await _api(state, request)


async def _api(state: SalesforceState, request: Request) -> Response:
    raw = request.scope["raw_path"].decode("ascii")
    if len(raw) + len(request.scope["query_string"]) + 1 > MAX_URI:
        state.calls["other"] += 1
        return Response("URI Too Long", status_code=414, media_type="text/html")
    try:
        call = _call(state, request, raw, await request.body())
    except ApiError as error:
        state.calls["other"] += 1
        return _response(Answer(error.status, error.body()))
    kind = kind_of(call)
    state.calls[kind] += 1
    bearer = request.headers.get("authorization", "").partition(" ")[2]
    knobs = state.knobs
    if not state.sessions.use(
        bearer, state.clock.now(), calls=knobs.token_calls, seconds=knobs.token_seconds
    ):
        return _expired(request)
    state.used += 1
    if state.used > knobs.daily_limit:
        return _over_limit(request)
    rule = state.faults.draw(kind, batch=kind in ROWS, locks=kind in WRITES)
    if rule is not None and rule.fault is Fault.EXPIRE_TOKEN:
        state.sessions.expire(bearer)
    call.fault = rule
    refusals = _ROW_REFUSALS if kind in ROWS else _REFUSALS

    async def work(_: Request) -> Response:
        answer = dispatch(state, call)
        response = _response(answer)
        if answer.status < 400:
            response.headers["Sforce-Limit-Info"] = f"api-usage={state.used}/{knobs.daily_limit}"
        return response

    return await carry_out(request, rule, work, refusals)


def _call(state: SalesforceState, request: Request, raw: str, body: bytes) -> Call:
    segments = raw.split("/")
    if segments[-1] == "":
        segments.pop()
    version = _VERSION.fullmatch(segments[3]) if len(segments) > 3 else None
    if segments[:3] != ["", "services", "data"] or version is None or "" in segments[1:]:
        raise no_resource()
    media = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if body and media not in ("application/json", "text/json"):
        message = f"The content type {media} is not supported."
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", message, status=415)
    client = _CLIENT.search(request.headers.get("sforce-call-options", ""))
    return Call(
        method=request.method,
        version=int(version.group(1)),
        path=tuple(unquote(segment) for segment in segments[4:]),
        query=dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers=request.headers,
        body=body,
        instance=_instance(request),
        actor=state.actor(client.group(1) if client else None),
    )


def _token(state: SalesforceState) -> Callable[[Request], Awaitable[Response]]:
    async def work(request: Request) -> Response:
        answer = org.token(state, request.headers, await request.body(), _instance(request))
        response = _response(answer)
        response.headers["Cache-Control"] = "no-cache, no-store"
        return response

    return work


def _instance(request: Request) -> str:
    """The org's own url, as the caller names it; an org's domain is always https."""
    host = request.headers.get("host", "")
    return f"https://{host}" if host.endswith(".salesforce.com") else f"http://{host}"


def _response(answer: Answer) -> Response:
    headers = dict(answer.headers)
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    headers["Content-Type"] = "application/json;charset=UTF-8"
    return Response(orjson.dumps(answer.body), status_code=answer.status, headers=headers)


def _refuse(error: ApiError) -> Callable[[Request], Response]:
    return lambda _: _response(Answer(error.status, error.body()))


def _unavailable(_: Request) -> Response:
    return Response(_HTML, status_code=503, media_type="text/html")


_expired = _refuse(ApiError("INVALID_SESSION_ID", "Session expired or invalid", status=401))
_over_limit = _refuse(ApiError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403))
_broken = _refuse(
    ApiError(
        "UNKNOWN_EXCEPTION",
        "An unexpected error occurred. Please include this ErrorId if you contact support: 1-1 (1)",
        status=500,
    )
)


def _locked(request: Request) -> Response:
    error = locked(request.url.path.rsplit("/", 1)[-1])
    return _response(Answer(error.status, error.body()))


def _login_rate(_: Request) -> Response:
    return _response(Answer(400, {"error": "invalid_grant", "error_description": "login rate exceeded"}))


def _bad_grant(_: Request) -> Response:
    reason = "expired access/refresh token"
    return _response(Answer(400, {"error": "invalid_grant", "error_description": reason}))


_ROW_REFUSALS = {
    Fault.RATE_LIMIT: _over_limit,
    Fault.SERVER_ERROR: _broken,
    Fault.UNAVAILABLE_HTML: _unavailable,
    Fault.EXPIRE_TOKEN: _expired,
}
_REFUSALS = {**_ROW_REFUSALS, Fault.LOCK: _locked}
_TOKEN_REFUSALS = {
    **_ROW_REFUSALS,
    Fault.RATE_LIMIT: _login_rate,
    Fault.EXPIRE_TOKEN: _bad_grant,
}
