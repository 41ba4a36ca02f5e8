"""HTTP as uvicorn speaks it, with a limit on the head of a request, and on the time it may take."""

from __future__ import annotations

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT = 32_768
"""Bytes of request line and headers."""
HEAD_PATIENCE = 10.0
"""Seconds until the head of the first request has come in, or of one that has begun."""

_STEP = 8_192
_TOO_LARGE = b"431 Request Header Fields Too Large"
_TOO_SLOW = b"408 Request Timeout"


class GuardedProtocol(HttpToolsProtocol):
    """The parser gathers a header until it ends: without a limit one connection could fill the memory."""

    _in_head = True
    _head = 0
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, of which nothing is logged: its path may be a secret."""
        super().connection_made(transport)
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
                self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """The head of a request begins."""
        super().on_message_begin()
        if self._timer is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._unwait()
        self._in_head, self._head = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes next is another head."""
        self._in_head, self._head = True, 0
        super().on_message_complete()

    def _wait(self) -> None:
        self._timer = self.loop.call_later(HEAD_PATIENCE, self._refuse, _TOO_SLOW)

    def _unwait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: bytes) -> None:
        self._unwait()
        if self.transport.is_closing():
            return
        head = [b"HTTP/1.1 ", status, b"\r\n"]
        for name, value in self.server_state.default_headers:
            head += [name, b": ", value, b"\r\n"]
        self.transport.write(b"".join([*head, b"content-length: 0\r\nconnection: close\r\n\r\n"]))
        self.transport.close()
