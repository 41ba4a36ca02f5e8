"""What a route answers when it does not do what was asked: always JSON, with the reason."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import JSONResponse, Response


class Refusal(Exception):
    """Ends a request with a status and a reason that quotes nothing of what came in."""

    def __init__(self, status: int, reason: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, dict(headers or {})


def answer_refusal(_: Request, error: Exception) -> Response:
    """The answer to a refused request."""
    assert isinstance(error, Refusal)  # noqa: S101 - registered for this class alone
    return JSONResponse({"error": error.reason}, status_code=error.status, headers=error.headers)
