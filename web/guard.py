"""Around every request: its number, what browsers are told, and what is done when nothing else helps."""

from __future__ import annotations

import logging
import re
import traceback
from secrets import token_hex

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.headers import SECURITY_HEADERS
from web.problems import REQUEST_ID, problem

_log = logging.getLogger("concord")
_NUMBER = re.compile(r"[A-Za-z0-9._-]{1,64}")


def note(error: Exception, number: str) -> None:
    """Let the log have what nobody expected."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames[-6:]))
    _log.error("request %s failed: %s at %s", number, type(error).__name__, places)


class Guard:
    """ASGI middleware. Every answer bears the request's number: the caller's `X-Request-Id`, or one of ours.

    The log gets that number, the kind and the place of an error: its text may hold what came in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        given = Headers(scope=scope).get("x-request-id", "")
        number = scope[REQUEST_ID] = given if _NUMBER.fullmatch(given) else token_hex(8)
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = number
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            note(error, number)
            if not started:
                reason = "something went wrong here; the log says more under the number of the request"
                await problem(scope, 500, reason)(scope, receive, noted)
