"""A running sandbox and the real SDK pointed at it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from connectors.salesforce.sandbox import SalesforceSandbox
from connectors.sandbox.server import SandboxServer

RECORDED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "salesforce"
DOMAIN = "acme.my"
LOGIN = f"https://{DOMAIN}.salesforce.com/services/oauth2/token"
VERSION = "61.0"
BASE = f"/services/data/v{VERSION}/"


def soql(columns: str, *rest: str) -> str:
    """A query on Account made of parts: values in tests are the test's own."""
    return " ".join(("SELECT", columns, "FROM Account", *rest))


def refusal(caught: pytest.ExceptionInfo[SalesforceError]) -> Any:
    """The body of the answer that made the SDK raise."""
    return caught.value.content


class RebaseAdapter(HTTPAdapter):
    """Sends what is meant for any https host to the sandbox; the Host header stays."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["timeout"] = kwargs.get("timeout") or (5, 30)
        url = urlsplit(request.url or "")
        request.headers.setdefault("Host", str(url.netloc))
        request.url = urlunsplit((self.target.scheme, self.target.netloc, url.path, url.query, ""))
        return super().send(request, *args, **kwargs)


class Org:
    """One sandbox on its own port."""

    def __init__(self, sandbox: SalesforceSandbox) -> None:
        self.sandbox = sandbox
        self.server = SandboxServer(sandbox.app).start()
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.mount("https://", RebaseAdapter(self.server.url))
        self.session.headers["Sforce-Call-Options"] = "client=crm-sync"
        self.token = self.log_in()["access_token"]

    def log_in(self) -> dict[str, Any]:
        answer = self.session.post(
            LOGIN,
            data={"grant_type": "client_credentials"},
            auth=(self.sandbox.client_id, self.sandbox.client_secret),
        )
        assert answer.status_code == 200
        result: dict[str, Any] = answer.json()
        return result

    def sdk(self, version: str = VERSION) -> Any:
        """The SDK in direct mode: it never logs in by itself.

        Any, because the SDK's own annotations make `sf.Account` a bulk handle.
        """
        instance = f"https://{DOMAIN}.salesforce.com"
        return Salesforce(session_id=self.token, instance_url=instance, session=self.session, version=version)

    def sdk_that_logs_in(self, version: str = VERSION) -> Any:
        """The SDK in client-credentials mode: it logs in again by itself after a 401."""
        return Salesforce(
            consumer_key=self.sandbox.client_id,
            consumer_secret=self.sandbox.client_secret,
            domain=DOMAIN,
            session=self.session,
            version=version,
        )

    def http(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> requests.Response:
        """A plain call; `path` starts below the API version unless it starts with a slash."""
        url = self.server.url + (path if path.startswith("/") else BASE + path)
        every = {"Authorization": f"Bearer {token or self.token}", **(headers or {})}
        return self.session.request(method, url, json=body, headers=every, timeout=30)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """A call under /_sandbox/ that must succeed."""
        answer = self.session.request(method, f"{self.server.url}/_sandbox/{path}", json=body, timeout=30)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def settings(self, **knobs: object) -> None:
        self.control("PUT", "settings", knobs)

    def faults(self, *rules: dict[str, object]) -> None:
        self.control("PUT", "faults", list(rules))

    def create(self, **fields: object) -> str:
        """Make an account and return its id."""
        answer = self.http("POST", "sobjects/Account/", {"Name": "Acme", **fields})
        assert answer.status_code == 201, answer.text
        record: str = answer.json()["id"]
        return record

    def read(self, record: str) -> dict[str, Any]:
        answer = self.http("GET", f"sobjects/Account/{record}")
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def query(self, soql: str, *, everything: bool = False) -> list[dict[str, Any]]:
        """All rows of a query, without `attributes`."""
        found = self.sdk().query_all(soql, include_deleted=everything)["records"]
        return [{name: value for name, value in row.items() if name != "attributes"} for row in found]

    def close(self) -> None:
        self.session.close()
        self.server.stop()
        self.sandbox.state.close()
