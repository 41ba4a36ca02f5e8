"""HTTP as uvicorn speaks it, with a limit on the head of a request, and on the time it may take."""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from http import HTTPStatus

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from web.guard import Guard
from web.headers import SECURITY_HEADERS
from web.problems import MEDIA_TYPE, body_of, problem

HEAD_LIMIT = 32_768
"""Bytes of request line and headers."""
HEAD_PATIENCE = 10.0
"""Seconds until the head of the first request has come in, or of one that has begun."""

_STEP = 8_192
_TOO_LARGE = (431, f"The address and the headers are longer than {HEAD_LIMIT} bytes.")
_NO_HTTP = (400, "This is no request of HTTP/1.1, or one of its headers holds a control character.")
_TOO_SLOW = (408, f"The head of the request took longer than {HEAD_PATIENCE:g} seconds.")


async def _overloaded(scope: Scope, receive: Receive, send: Send) -> None:
    reason = "There are too many requests at once."
    headers = {"Retry-After": "1", "Connection": "close"}
    await problem(scope, 503, reason, headers=headers)(scope, receive, send)


_OVERLOADED = Guard(_overloaded)


class GuardedProtocol(HttpToolsProtocol):
    """The parser gathers a header until it ends: without a limit one connection could fill the memory.

    Beyond the limit on what is under way at once, a request is answered without a look at it.
    """

    _in_head = True
    _head = 0
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, of which nothing is logged: its path may be a secret."""
        super().connection_made(transport)
        self._site = self.app
        self._most, self.limit_concurrency = self.limit_concurrency, None  # theirs would not say why
        self.access_log = False  # whatever a host application has set up for logging
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._unwait()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; the head in small parts, so that its length is known before it is kept."""
        start = 0
        while start < len(data) and not self.transport.is_closing():
            in_head = self._in_head
            part = data[start : start + _STEP] if in_head else data[start:]
            start += len(part)
            self._head += len(part) if in_head else 0
            super().data_received(part)
            if self._in_head and self._head > HEAD_LIMIT:
                self._refuse(*_TOO_LARGE)

    def on_message_begin(self) -> None:
        """The head of a request begins."""
        super().on_message_begin()
        if self._timer is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._unwait()
        self._in_head, self._head = False, 0
        under_way = max(len(self.connections), len(self.tasks))
        self.app = _OVERLOADED if self._most is not None and under_way >= self._most else self._site
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes next is another head."""
        self._in_head, self._head = True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser cannot read."""
        self._refuse(*_NO_HTTP)

    def _wait(self) -> None:
        self._timer = self.loop.call_later(HEAD_PATIENCE, self._refuse, *_TOO_SLOW)

    def _unwait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int, reason: str) -> None:
        self._unwait()
        if self.transport.is_closing():
            return
        body = body_of(status, reason)
        head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()]
        given = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
        for name, value in (*self.server_state.default_headers, *given):
            head += [name, b": ", value, b"\r\n"]
        head.append(f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n".encode())
        self.transport.write(b"".join([*head, b"connection: close\r\n\r\n", body]))
        self.transport.close()
