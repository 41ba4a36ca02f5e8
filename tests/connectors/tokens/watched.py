"""An ASGI app around a sandbox that keeps what arrives there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.connectors.passing import handed_on, whole


@dataclass
class Watched:
    """An ASGI app around the sandbox that keeps what arrives."""

    app: ASGIApp
    seen: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox/"):
            await self.app(scope, receive, send)
            return
        raw = await whole(receive)
        self.seen.append((scope["method"], scope["path"], raw))
        await self.app(scope, handed_on(raw), send)

    def updates(self) -> list[dict[str, Any]]:
        """The parts of composite calls that change a Salesforce record, as they arrived."""
        bodies = [orjson.loads(raw) for _, path, raw in self.seen if path.endswith("/composite")]
        parts = [part for body in bodies for part in body["compositeRequest"]]
        return [part for part in parts if part["method"] == "PATCH"]
