"""A file as the body of a request: taken in piece by piece as it comes, never held as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from anyio import from_thread
from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from sync.imports.importing import LARGEST
from web.problems import Refusal

MEDIA_TYPE = "text/csv"
PATIENCE = 10.0
"""Seconds until the next piece."""
LONGEST = 900.0
"""Seconds for the whole file."""


class Upload:
    """The body of one request: a file, or a form with one and no more than `beside` bytes beside it."""

    def __init__(self, request: Request, *, media_type: str = MEDIA_TYPE, beside: int = 0) -> None:
        self._largest, self._size = LARGEST + beside, 0
        self._stream: AsyncIterator[bytes] = request.stream()
        self._ends: float | None = None
        headers = request.headers
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Refusal(415, "Content-Encoding: a compressed body is not read")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
            raise Refusal(415, f"Content-Type: send {media_type}")
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._largest:
            raise _too_large()

    def pieces(self) -> Iterator[bytes]:
        """The pieces of the file, to be asked for by the thread that works on the request.

        Raises:
            Refusal: 408 if it takes too long, 413 if it is too large, 400 if it breaks off.
        """
        while piece := from_thread.run(self.piece):
            yield piece

    async def piece(self) -> bytes:
        """The next piece, nothing at the end; raises as `pieces`."""
        now = asyncio.get_running_loop().time()
        self._ends = self._ends or now + LONGEST
        try:
            async with asyncio.timeout_at(min(now + PATIENCE, self._ends)):
                async for piece in self._stream:
                    if piece:
                        self._size += len(piece)
                        if self._size > self._largest:
                            raise _too_large()
                        return piece
        except TimeoutError:
            raise Refusal(408, "the file took too long") from None
        except ClientDisconnect:
            raise Refusal(400, "the file broke off") from None
        return b""


def _too_large() -> Refusal:
    return Refusal(413, f"the file is larger than {LARGEST} bytes")


async def incoming(request: Request) -> Upload:
    """The file of a request; a route that depends on this reads its body by itself."""
    return Upload(request)


Incoming = Annotated[Upload, Depends(incoming)]
