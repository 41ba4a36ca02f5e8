"""Reading a request's body: no more than is allowed, not for ever, and only of a kind that CRMs send."""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.requests import ClientDisconnect

from web.problems import Refusal

LIMIT = 1_000_000
PATIENCE = 10.0
_FORMS = ("application/x-www-form-urlencoded", "multipart/")


async def read_body(request: Request, *, form: bool = False) -> bytes:
    """The raw body: JSON or whatever it is, or only a `form` of a page.

    Raises:
        Refusal: 413 as soon as it is longer than `LIMIT` bytes, 408 if it takes longer than `PATIENCE` s,
            415 if it is compressed or of the other kind, 400 if it breaks off.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "Content-Encoding: a compressed body is not read")
    kind = request.headers.get("content-type", "").lower()
    if form and kind.partition(";")[0].strip() != _FORMS[0]:
        raise Refusal(415, f"Content-Type: send {_FORMS[0]}")
    if not form and kind.startswith(_FORMS):
        raise Refusal(415, "Content-Type: a form is not read")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > LIMIT:
        raise Refusal(413, f"the body is longer than {LIMIT} bytes")
    try:
        async with asyncio.timeout(PATIENCE):
            return await _read(request)
    except TimeoutError:
        raise Refusal(408, f"the body took longer than {PATIENCE:g} seconds") from None
    except ClientDisconnect:
        raise Refusal(400, "the body broke off") from None


async def _read(request: Request) -> bytes:
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > LIMIT:
            raise Refusal(413, f"the body is longer than {LIMIT} bytes")
        parts.append(part)
    return b"".join(parts)
