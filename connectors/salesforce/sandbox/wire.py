"""A call and its answer, apart from HTTP: a composite call makes the same ones for its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from connectors.salesforce.sandbox.errors import JSON_PARSER_ERROR, ApiError
from connectors.salesforce.sandbox.store import Actor
from connectors.sandbox.faults import FaultRule


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of the REST API.

    Args:
        method: GET, POST, ...
        version: API version, 61 for v61.0.
        path: the decoded parts of the path after the version.
        query: the query string's values.
        headers: by lower-case name.
        body: as sent.
        instance: url of the org, as the caller sees it.
        actor: who writes.
        fault: a fault that the handler itself carries out (`lock` or `partial`).
    """

    method: str
    version: int
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    instance: str
    actor: Actor
    fault: FaultRule | None = None

    @property
    def base(self) -> str:
        """Path of the API version."""
        return f"/services/data/v{self.version}.0"

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ApiError: JSON_PARSER_ERROR.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            message = f"{error.msg} at [line:{error.lineno}, column:{error.colno}]"
            raise ApiError(JSON_PARSER_ERROR, message) from error

    def record(self) -> dict[str, Any]:
        """The body as one JSON object.

        Raises:
            ApiError: JSON_PARSER_ERROR.
        """
        body = self.json()
        if not isinstance(body, dict):
            raise ApiError(JSON_PARSER_ERROR, "The HTTP entity body must be a JSON object")
        return body


@dataclass(slots=True)
class Answer:
    """The answer to a call; a body of None is no body."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
