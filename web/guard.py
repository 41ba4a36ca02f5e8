"""The last resort: whatever a route did not expect becomes an answer with a number, and a line in the log."""

from __future__ import annotations

import logging
import traceback
from secrets import token_hex

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("concord")


class Guard:
    """ASGI middleware. The log gets the kind and the place of an error: its text may hold what came in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            number = token_hex(6)
            frames = traceback.extract_tb(error.__traceback__)
            places = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames[-6:]))
            _log.error("request %s failed: %s at %s", number, type(error).__name__, places)
            if not started:
                body = {"error": "something went wrong here; the log says more", "id": number}
                await JSONResponse(body, status_code=500)(scope, receive, send)
