"""A playground over a sandbox server, whichever CRM it looks like, by its control routes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import requests

from connectors.mapping import Codec
from connectors.port import Connector, ConnectorConfig
from connectors.records import Fields
from connectors.sandbox.server import SandboxServer

Build = Callable[[ConnectorConfig], Connector]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """How to reach and to break a sandbox.

    Args:
        app: its ASGI app.
        build: makes a connector that does not sleep between retries.
        config: the connector's configuration; the url is put in.
        page: the most records that a page of a listing shows.
        refused: a field, and a value that the CRM does not take.
        unknown_ref: a ref that no record has.
        write_kinds: the kinds of calls that write.
    """

    app: Any
    build: Build
    config: ConnectorConfig
    page: int
    refused: tuple[str, str]
    unknown_ref: str
    write_kinds: Sequence[str]


class SandboxPlayground:
    """See `Playground`; `control` calls a control route."""

    def __init__(self, sandbox: Sandbox, server: SandboxServer) -> None:
        self.config = replace(sandbox.config, url=server.url)
        self.connector = sandbox.build(self.config)
        self.page, self.refused, self.unknown_ref = sandbox.page, sandbox.refused, sandbox.unknown_ref
        self.secrets = tuple(sandbox.config.credentials.values())
        self._sandbox = sandbox
        self._codec = Codec(sandbox.config.mapping)
        self._http = requests.Session()
        self._http.trust_env = False

    def create(self, fields: Fields, key: str | None = None) -> str:
        values = self._codec.encode(fields)
        if key is not None:
            values[self.config.external_id] = key
        given = {name: value for name, value in values.items() if value is not None}
        return str(self.control("POST", "create", {"fields": given})["id"])

    def edit(self, ref: str, fields: Fields) -> None:
        self.control("POST", "edit", {"id": ref, "fields": self._codec.encode(fields)})

    def delete(self, ref: str) -> None:
        self.control("POST", "delete", {"id": ref})

    def undelete(self, ref: str) -> None:
        self.control("POST", "undelete", {"id": ref})

    def merge(self, winner: str, loser: str) -> str:
        return str(self.control("POST", "merge", {"winner": winner, "losers": [loser]})["id"])

    def records(self) -> int:
        return int(self.control("GET", "stats")["records"])

    def break_once(self, kind: str) -> None:
        fault = {"lost_answer": "timeout_after", "rate_limited": "rate_limit"}[kind]
        rule = {"fault": fault, "times": 1, "seconds": 0.0}
        self.control("PUT", "faults", [{**rule, "kind": each} for each in self._sandbox.write_kinds])

    def shut(self, *, shut: bool) -> None:
        self.control("PUT", "faults", [{"fault": "unavailable_html"}] if shut else [])

    def freeze(self) -> None:
        self.control("PUT", "settings", {"freeze_clock": False})
        self.control("PUT", "settings", {"freeze_clock": True})

    def stranger(self) -> Connector:
        wrong = {name: "forged-" + value[::-1] for name, value in self.config.credentials.items()}
        return self._sandbox.build(replace(self.config, credentials=wrong))

    def control(self, method: str, path: str, body: object = None) -> Any:
        answer = self._http.request(method, f"{self.config.url}/_sandbox/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def stats(self) -> Mapping[str, int]:
        """Calls that arrived since the last look, by kind."""
        calls: Mapping[str, int] = self.control("GET", "stats")["calls"]
        self.control("POST", "stats/reset")
        return calls

    def close(self) -> None:
        self.connector.close()
        self._http.close()


@contextmanager
def playground(sandbox: Sandbox) -> Iterator[SandboxPlayground]:
    """Serve a sandbox for one test."""
    with SandboxServer(sandbox.app) as server:
        crm = SandboxPlayground(sandbox, server)
        yield crm
        crm.close()
