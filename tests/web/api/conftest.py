"""A site with an organisation, and programs that call its API with keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from sync import apikeys
from sync.apikeys import Scope
from sync.store.session import Database
from tasks.jobs import drain
from tests.web.conftest import Served, serve


@dataclass
class Api:
    """A program that calls the API with one key; `with_key` makes another program."""

    served: Served
    key: str
    organisation: str = "default"
    http: requests.Session = field(default_factory=requests.Session)

    @property
    def database(self) -> Database:
        return self.served.database

    @property
    def organisation_id(self) -> str:
        return self.served.organisation_id

    def with_key(self, scope: Scope = Scope.ADMIN, *organisations: str, **options: Any) -> Api:
        """Another program, with a key of its own."""
        names = organisations or (self.organisation,)
        made = apikeys.make(self.database, names, scope, name="test", actor="test", **options)
        return Api(self.served, made.key, names[0], self.http)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> requests.Response:
        """One request; `body` goes out as JSON."""
        return self.http.request(
            method,
            self.served.url + path,
            json=body,
            params=query or None,
            headers={"x-api-key": self.key, "organisation": self.organisation, **(headers or {})},
            timeout=20,
            allow_redirects=False,
        )

    def get(self, path: str, **query: Any) -> Any:
        """The body of what must be there."""
        answer = self.call("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, *, status: int = 201, **headers: str) -> Any:
        """The body of what must be made."""
        answer = self.call("POST", path, body, headers={k.replace("_", "-"): v for k, v in headers.items()})
        assert answer.status_code == status, answer.text
        return answer.json()

    def upload(self, text: str | bytes, **query: Any) -> requests.Response:
        """Send a file to be imported."""
        return self.http.post(
            f"{self.served.url}/imports",
            data=text.encode() if isinstance(text, str) else text,
            params=query,
            headers={"x-api-key": self.key, "organisation": self.organisation, "Content-Type": "text/csv"},
            timeout=60,
        )

    def drain(self) -> None:
        """Let a worker do all that is due."""
        drain(self.served.services, lambda _event: None)

    def refused(self, method: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        """The problem body of what must be refused."""
        answer = self.call(method, path, body, **query)
        assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        found: dict[str, Any] = answer.json()
        assert found["status"] == answer.status_code
        return found

    def wrong(self, path: str, body: Any, *, method: str = "POST") -> dict[str, str]:
        """Field → reason of what must be refused with 422."""
        found = self.refused(method, path, body)
        assert found["status"] == 422, found
        return {".".join(map(str, each["loc"][1:])): each["msg"] for each in found["detail"]}


def program(served: Served) -> Api:
    """A program that may do everything in the organisation `default`."""
    return Api(served, "", http=served.http).with_key()


@pytest.fixture
def api(database: Database) -> Iterator[Api]:
    """A program and a site, on both databases one after the other."""
    for served in serve(database):
        yield program(served)


@pytest.fixture
def api_postgresql(postgresql: Database) -> Iterator[Api]:
    """A program and a site on PostgreSQL alone."""
    for served in serve(postgresql):
        yield program(served)
