"""The application: routes over a `Site`, and answers that tell an outsider nothing of the inside."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from sync.errors import StoreError
from web.events import event_routes
from web.guard import Guard
from web.health import health_routes
from web.meters import Meters
from web.refusal import Refusal, answer_refusal
from web.site import Site
from web.webhooks import webhook_routes

_log = logging.getLogger("concord")
RETRY_AFTER = 5
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Sent by the server with every answer, its own refusals of what is no HTTP included."""


def create_app(site: Site) -> FastAPI:
    """Every route of Concord. No page describes them to strangers, and no address is put right for them."""
    meters = Meters(site.database)
    routes = [*webhook_routes(site, meters), *health_routes(site, meters), *event_routes(site)]
    app = FastAPI(
        title="Concord",
        routes=[*routes],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(Guard)
    app.add_exception_handler(Refusal, answer_refusal)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(StoreError, _no_database)
    app.add_exception_handler(DBAPIError, _no_database)
    app.add_exception_handler(PoolTimeout, _no_database)
    return app


def _no_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


def _no_database(_: Request, error: Exception) -> Response:
    _log.warning("the database cannot be used (%s)", type(error).__name__)
    return JSONResponse(
        {"error": "the database cannot be used at the moment"},
        status_code=503,
        headers={"Retry-After": str(RETRY_AFTER)},
    )
