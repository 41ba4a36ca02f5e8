"""A HubSpot sandbox with something in between that sees, and can change, what goes over the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.hubspot import PLUGIN, HubSpotConnector
from connectors.hubspot.sandbox import HubSpotSandbox, build
from connectors.port import ConnectorConfig, FieldMapping
from connectors.records import JSON
from connectors.sandbox.server import SandboxServer
from connectors.transport import Retries
from tests.conformance.sandboxed import Sandbox, SandboxPlayground
from tests.connectors.passing import handed_on, whole


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    path: str
    query: str
    headers: Mapping[str, str]
    port: int
    body: Any


@dataclass(frozen=True)
class Reply:
    """An answer on its way out."""

    status: int
    body: bytes
    kind: str = "application/json"

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    def with_json(self, body: object) -> Reply:
        return Reply(self.status, orjson.dumps(body), self.kind)


@dataclass
class Between:
    """An ASGI app around the sandbox: keeps what arrives, and rewrites bodies on the way in and out."""

    app: ASGIApp
    seen: list[Seen] = field(default_factory=list)
    inward: Callable[[str, Any], Any] = lambda _, body: body
    outward: Callable[[str, Reply], Reply] = lambda _, reply: reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox/"):
            await self.app(scope, receive, send)
            return
        raw = await whole(receive)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        form = headers.get("content-type", "").endswith("form-urlencoded")
        path, body = scope["path"], orjson.loads(raw) if raw and not form else None
        self.seen.append(Seen(path, scope["query_string"].decode(), headers, scope["client"][1], body))
        changed = raw if form else orjson.dumps(self.inward(path, body)) if raw else b""
        out: list[Message] = []

        async def kept(message: Message) -> None:
            out.append(message)

        await self.app(scope, handed_on(changed), kept)
        answer = b"".join(each.get("body", b"") for each in out[1:])
        reply = self.outward(path, Reply(out[0]["status"], answer))
        kept_headers = [(n, v) for n, v in out[0]["headers"] if n not in (b"content-length", b"content-type")]
        size = [] if reply.status == 204 else [(b"content-length", str(len(reply.body)).encode())]
        head = [*kept_headers, (b"content-type", reply.kind.encode()), *size]
        await send({"type": "http.response.start", "status": reply.status, "headers": head})
        await send({"type": "http.response.body", "body": b"" if reply.status == 204 else reply.body})


class Hub(SandboxPlayground):
    """A playground with all that is special to HubSpot."""

    connector: HubSpotConnector

    def __init__(
        self,
        account: HubSpotSandbox,
        between: Between,
        server: SandboxServer,
        *,
        mapping: Sequence[FieldMapping],
        options: Mapping[str, JSON],
    ) -> None:
        self.account = account
        self.between = between
        self.slept: list[float] = []
        self.server = server
        sandbox = Sandbox(
            app=between,
            build=self.build,
            config=ConnectorConfig(
                url="",
                credentials={"token": account.token},
                external_id=PLUGIN.external_id,
                mapping=mapping,
                options=options,
            ),
            page=200,
            refused=("customer_name", "x" * 70_000),
            unknown_ref="99999999999",
            write_kinds=("batch_update", "batch_create"),
        )
        super().__init__(sandbox, server)

    def build(self, config: ConnectorConfig) -> HubSpotConnector:
        return HubSpotConnector(config, Retries(sleep=self.slept.append))

    def other(self, **changes: Any) -> HubSpotConnector:
        """A second connector to the same account, to be closed by the test."""
        return self.build(replace(self.config, **changes))

    def settings(self, **knobs: JSON) -> None:
        self.control("PUT", "settings", knobs)

    def fault(self, fault: str, kind: str = "*", **more: JSON) -> None:
        self.control("PUT", "faults", [{"fault": fault, "kind": kind, **more}])

    def mend(self) -> None:
        self.control("DELETE", "faults")

    def asked(self, ending: str = "") -> list[Seen]:
        """The requests whose path ends so."""
        return [each for each in self.between.seen if each.path.endswith(ending)]


def serve(
    account: HubSpotSandbox | None = None,
    *,
    mapping: Sequence[FieldMapping] = PLUGIN.mapping,
    options: Mapping[str, JSON] | None = None,
    around: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    **built: Any,
) -> Hub:
    """Start a sandbox; `stop` it afterwards."""
    account = account or build(**{"empty": True, **built})
    between = Between(account.app)
    server = SandboxServer(around(between)).start()
    return Hub(account, between, server, mapping=mapping, options=options or {})


def stop(hub: Hub) -> None:
    hub.close()
    hub.server.stop()
    hub.account.close()
