"""From what the inside raises to what a caller is told."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from connectors.errors import ConnectorError
from connectors.records import JSON
from sync.errors import (
    BadInput,
    ConcordError,
    Conflicted,
    NeedsApproval,
    NotFoundError,
    StoreError,
    Taken,
    TooSlow,
    VersionMoved,
)
from web.problems import Refusal, answer_refusal, problem, wrong

_log = logging.getLogger("concord")
RETRY_AFTER = 5
STATUS: Mapping[type[ConcordError], int] = {
    NotFoundError: 404,
    Taken: 400,
    BadInput: 422,
    Conflicted: 409,
    NeedsApproval: 409,
    VersionMoved: 412,
}


def answer_failures(app: FastAPI) -> None:
    """Let the application answer whatever its routes raise; what is not named here is the guard's."""
    app.add_exception_handler(Refusal, answer_refusal)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(ConcordError, _refused)
    app.add_exception_handler(ConnectorError, _no_crm)
    for unusable in (StoreError, DBAPIError, PoolTimeout):
        app.add_exception_handler(unusable, _no_database)


def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": ", ".join(_methods(request))}
        return problem(request.scope, 405, "This address does not take this method.", headers=headers)
    reason = (
        "There is nothing at this address." if error.status_code == HTTPStatus.NOT_FOUND else error.detail
    )
    return problem(request.scope, error.status_code, reason, headers=error.headers)


def _methods(request: Request) -> list[str]:
    """What an address takes: each of its methods is a route of its own."""
    path = request.scope["path"]
    routes = [each for each in iter_route_contexts(request.app.routes) if each.path_regex.match(path)]
    named = [each for each in routes if each.path == path]  # before those whose parameter it could be, too
    return sorted({method for each in named or routes for method in each.methods or ()})


def _not_valid(request: Request, error: Exception) -> Response:
    """What pydantic says, without the values that it says it of."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
    errors = [wrong(each["msg"], *each["loc"], kind=each["type"]) for each in error.errors()]
    return problem(request.scope, 422, "The request cannot be taken.", errors=errors)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ConcordError)  # noqa: S101 - registered for this class alone
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), None)
    if status is None:
        return _no_service(request, error)
    fields: Mapping[str, JSON] = error.fields if isinstance(error, BadInput) else {}
    errors = [wrong(str(why), "body", *_parts(name)) for name, why in fields.items()]
    return problem(request.scope, status, str(error), errors=errors)


def _parts(name: str) -> list[str | int]:
    return [int(part) if part.isdecimal() else part for part in name.split(".")] if name else []


def _no_service(request: Request, error: ConcordError) -> Response:
    _log.warning("request refused (%s): %s", type(error).__name__, error)
    reason = "Concord is not set up for this at the moment; its log says what is missing"
    return problem(request.scope, 503, reason, headers={"Retry-After": str(RETRY_AFTER)})


def _no_crm(request: Request, error: Exception) -> Response:
    assert isinstance(error, ConnectorError)  # noqa: S101 - registered for this class alone
    return problem(request.scope, 502, str(error))


def _no_database(request: Request, error: Exception) -> Response:
    _log.warning("the database cannot be used (%s)", ", ".join(_causes(error)))
    reason = str(error) if isinstance(error, TooSlow) else "the database cannot be used at the moment"
    return problem(request.scope, 503, reason, headers={"Retry-After": str(RETRY_AFTER)})


def _causes(error: BaseException) -> Iterator[str]:
    """The classes of an error and of what it came from, with PostgreSQL's SQLSTATE: 40P01 is a deadlock."""
    found: BaseException | None = error
    while found is not None:
        yield " ".join(filter(None, (type(found).__name__, getattr(found, "sqlstate", None))))
        found = getattr(found, "orig", None) or found.__cause__
