"""Concord's API as a person's program uses it: patient, and certain of what it has done."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import requests

PATIENCE = 120.0
PAUSE = 0.05


class GaveUpError(Exception):
    """The API did not answer for minutes."""


@dataclass(slots=True)
class Api:
    """A caller with a key. `answers` counts every status met; 0 is no answer at all."""

    url: str
    key: str
    answers: dict[int, int] = field(default_factory=dict)
    bare: list[str] = field(default_factory=list)  # answers 503 that did not say when to come again
    failed: list[str] = field(default_factory=list)  # requests that were answered by a failure, and how
    http: requests.Session = field(default_factory=requests.Session)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response | None:
        """One request; None if no answer came."""
        sent = {"x-api-key": self.key, "organisation": "default", **headers}
        try:
            given: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
            answer = self.http.request(method, f"{self.url}{path}", **given, headers=sent, timeout=30)
        except requests.RequestException:
            self.answers[0] = self.answers.get(0, 0) + 1
            return None
        self.answers[answer.status_code] = self.answers.get(answer.status_code, 0) + 1
        if answer.status_code == 503 and "Retry-After" not in answer.headers:
            self.bare.append(f"{method} {path}")
        if answer.status_code >= 500:
            seconds = f"{answer.elapsed.total_seconds():.1f} s"
            self.failed.append(f"{method} {path}: {answer.status_code} after {seconds}, {answer.text[:200]}")
        return answer

    def get(self, path: str) -> Any:
        """What is there, however often it takes to be told.

        Raises:
            GaveUpError: it does not answer.
        """
        return self.patiently("GET", path).json()

    def post(self, path: str, body: object = None) -> requests.Response:
        """Ask for something once, however often it takes to be told.

        Raises:
            GaveUpError: it does not answer.
        """
        return self.patiently("POST", path, body, **{"Idempotency-Key": uuid4().hex})

    def upload(self, path: str, text: str) -> requests.Response:
        """Send a file until it is taken.

        Raises:
            GaveUpError: it does not answer.
        """
        return self.patiently("POST", path, text.encode(), **{"Content-Type": "text/csv"})

    def patiently(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        """One request until it is answered for good.

        Raises:
            GaveUpError: it does not answer.
        """
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer = self.ask(method, path, body, **headers)
            if answer is not None and answer.status_code < 500 and answer.status_code != 429:
                return answer
            time.sleep(PAUSE)
        raise GaveUpError(f"{method} {path}: {self.answers}")

    def all(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Every record of a list."""
        cursor = ""
        more = "".join(f"&{name}={value}" for name, value in query.items())
        while True:
            page = self.get(f"{path}?limit=200{more}{cursor}")
            yield from page["data"]
            if page["next_cursor"] is None:
                return
            cursor = f"&cursor={page['next_cursor']}"

    def change(self, customer_id: str, path: str, value: str) -> Mapping[str, Any]:
        """Set a field; what its author had seen before, which is what it replaced.

        Raises:
            GaveUpError: it does not answer.
        """
        sent: list[Mapping[str, Any]] = []  # what was there before a try whose outcome nobody knows
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            seen = self.patiently("GET", f"/customers/{customer_id}")
            before: Mapping[str, Any] = seen.json()
            if sent and before[path] == value:
                return sent[-1]
            answer = self.ask(
                "PATCH", f"/customers/{customer_id}", {path: value}, **{"If-Match": seen.headers["ETag"]}
            )
            if answer is not None and answer.status_code == 200:
                return before
            if answer is not None and answer.status_code < 500 and answer.status_code not in (412, 429):
                raise GaveUpError(f"PATCH {path}: {answer.status_code} {answer.text[:200]}")
            sent = [*sent, before] if answer is None or answer.status_code >= 500 else sent
            time.sleep(PAUSE)
        raise GaveUpError(f"PATCH {path}: {self.answers}")
