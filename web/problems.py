"""What is answered when something is not done as asked: always a problem body (RFC 9457), with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import orjson
from fastapi import Request
from fastapi.responses import Response
from starlette.types import Scope

from connectors.records import JSON

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "concord.request_id"
"""Where a request's number stands in its ASGI scope."""


class Refusal(Exception):
    """Ends a request with a status and a reason that quotes nothing of what came in.

    Args:
        status: of HTTP.
        reason: a sentence; with 422 what is wrong as a whole.
        errors: each value that is wrong, as `wrong` makes it.
        headers: sent along.
        more: further members of the problem's body, by name.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        *,
        errors: Sequence[Mapping[str, JSON]] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, JSON] | None = None,
    ) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason
        self.errors, self.headers = list(errors), dict(headers or {})
        self.more = dict(more or {})


def wrong(message: str, *place: str | int, kind: str = "value_error") -> dict[str, JSON]:
    """One value that is wrong: where it stands, and why it cannot be taken."""
    return {"loc": list(place), "msg": message, "type": kind}


def problem(
    scope: Scope,
    status: int,
    reason: str,
    *,
    errors: Sequence[Mapping[str, JSON]] = (),
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, JSON] | None = None,
) -> Response:
    """The answer of RFC 9457; see `body_of`."""
    body = body_of(status, reason, errors=errors, number=scope.get(REQUEST_ID), more=more)
    return Response(body, status, headers=headers, media_type=MEDIA_TYPE)


def body_of(
    status: int,
    reason: str,
    *,
    errors: Sequence[Mapping[str, JSON]] = (),
    number: str | None = None,
    more: Mapping[str, JSON] | None = None,
) -> bytes:
    """The body of RFC 9457.

    With 422 `detail` is the list of what is wrong, as callers of such APIs expect it; with any other status
    it is the reason, and the list stands in `errors`.
    """
    listed = [dict(each) for each in errors]
    body: dict[str, JSON] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        body |= {"title": reason, "detail": listed or [wrong(reason, "body")]}  # type: ignore[dict-item]
    else:
        body["detail"] = reason
        if listed:
            body["errors"] = listed  # type: ignore[assignment]
    body["request_id"] = number
    body |= more or {}
    return orjson.dumps(body)


def answer_refusal(request: Request, error: Exception) -> Response:
    """The answer to a refused request."""
    assert isinstance(error, Refusal)  # noqa: S101 - registered for this class alone
    return problem(
        request.scope,
        error.status,
        error.reason,
        errors=error.errors,
        headers=error.headers,
        more=error.more,
    )
