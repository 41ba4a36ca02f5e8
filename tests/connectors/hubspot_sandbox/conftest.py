"""The real SDK against a sandbox of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import hubspot
import pytest
import requests
from urllib3.util.retry import Retry

from connectors.hubspot.sandbox import HubSpotSandbox, build
from connectors.sandbox.server import SandboxServer


class Sdk:
    """`hubspot-api-client` with its API objects kept, and plain HTTP beside it."""

    def __init__(self, server: SandboxServer, sandbox: HubSpotSandbox) -> None:
        self.server = server
        self.sandbox = sandbox
        retry = Retry(total=0, respect_retry_after_header=False, raise_on_status=False)
        client = hubspot.HubSpot(host=server.url, access_token=sandbox.token, retry=retry)
        self.basic = client.crm.companies.basic_api
        self.batch = client.crm.companies.batch_api
        self.search = client.crm.companies.search_api
        self.properties = client.crm.properties.core_api
        self.http = requests.Session()
        self.http.trust_env = False

    def close(self) -> None:
        for api in (self.basic, self.batch, self.search, self.properties):
            api.api_client.rest_client.pool_manager.clear()
        self.http.close()

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.sandbox.token}", **more.pop("headers", {})}
        url = f"{self.server.url}{path}"
        return self.http.request(method, url, json=body, headers=headers, timeout=10, **more)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"{self.server.url}/_sandbox/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def make(self, **properties: str) -> str:
        return str(self.basic.create({"properties": {"name": "Belarova Ltd", **properties}}).id)

    def makes(self, count: int) -> list[str]:
        inputs = [{"properties": {"name": f"C{n}", "company_id": f"K{n}"}} for n in range(count)]
        found = []
        for start in range(0, count, 100):
            answer = self.batch.create({"inputs": inputs[start : start + 100]})
            found += [str(each.id) for each in answer.results]
        return found


Start = Callable[..., Sdk]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a sandbox with any build options."""
    running: list[tuple[SandboxServer, Sdk]] = []

    def run(**options: Any) -> Sdk:
        sandbox = build(**{"empty": True, **options})
        server = SandboxServer(sandbox.app).start()
        sdk = Sdk(server, sandbox)
        running.append((server, sdk))
        return sdk

    yield run
    for server, sdk in running:
        sdk.close()
        server.stop()
        sdk.sandbox.close()


@pytest.fixture
def sdk(start: Start) -> Sdk:
    """An empty sandbox."""
    return start()
