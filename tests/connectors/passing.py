"""Reading the body of a request on its way to an ASGI app, and handing it on."""

from __future__ import annotations

from starlette.types import Message, Receive


async def whole(receive: Receive) -> bytes:
    """The body of a request."""
    raw = b""
    while (message := await receive())["type"] == "http.request":
        raw += message.get("body", b"")
        if not message.get("more_body"):
            break
    return raw


def handed_on(body: bytes) -> Receive:
    """What an app receives a body from."""

    async def given() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return given
