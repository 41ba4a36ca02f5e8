"""What a person is told when something is not done as asked: a page, with the reason and what to do."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from connectors.errors import ConnectorError
from sync.errors import ConcordError
from sync.passwords import TooBusy
from web.failures import RETRY_AFTER, STATUS
from web.guard import note
from web.pages.render import render
from web.pages.visit import Visit, token_of
from web.problems import REQUEST_ID, Refusal
from web.site import Site

_TITLES = {
    400: "This cannot be read",
    401: "Sign in first",
    403: "You may not do this",
    404: "There is nothing here",
    409: "Somebody was faster",
    413: "This is too long",
    422: "This cannot be taken",
    429: "Too fast",
    502: "The CRM did not answer as it should",
    503: "Not just now",
}


def failed(site: Site, request: Request, asked: Visit | None, error: Exception) -> Response:
    """The page for an error; whatever nobody expected is logged, and nothing of it is told."""
    number = str(request.scope.get(REQUEST_ID, ""))
    status, reason, headers = _explained(error, number)
    if asked is None:
        asked = Visit(site=site, request=request, token=token_of(request), signed=None)
    title = _TITLES.get(status, HTTPStatus(status).phrase if status < 500 else "Something went wrong")
    page = render(asked, "failed.html", status=status, code=status, title=title, reason=reason, number=number)
    page.headers.update(headers)
    return page


def _explained(error: Exception, number: str) -> tuple[int, str, dict[str, str]]:
    wait = {"Retry-After": str(RETRY_AFTER)}
    if isinstance(error, Refusal):
        return error.status, error.reason, error.headers
    if isinstance(error, TooBusy):
        return 503, str(error), wait
    if isinstance(error, ConcordError):
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), None)
        if status is not None:
            return status, error.reason, {}
        note(error, number)
        return 503, "Concord is not set up for this at the moment, or its database cannot be used.", wait
    if isinstance(error, ConnectorError):
        return 502, str(error), {}
    note(error, number)
    if isinstance(error, (DBAPIError, PoolTimeout)):
        return 503, "The database cannot be used at the moment.", wait
    return 500, "Something went wrong here. Nothing was half done; the log says more.", {}
