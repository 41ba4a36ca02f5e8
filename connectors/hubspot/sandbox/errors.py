"""HubSpot's refusals: one exception with the answer to give, and its wordings.

Source: HubSpot docs, error handling; recorded answers of the API (batch create with unknown
properties, batch update with duplicate and missing ids, partial batch create).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

VALIDATION = "VALIDATION_ERROR"
OBJECT_NOT_FOUND = "OBJECT_NOT_FOUND"


class Refusal(Exception):
    """Answer with `status` and this error body; the correlation id is put in on the way out."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        category: str | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        context: Mapping[str, Sequence[str]] | None = None,
        links: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.category = category
        self.errors = errors
        self.context = context
        self.links = links
        self.more = more or {}
        self.headers = headers or {}

    def body(self, correlation_id: str) -> dict[str, Any]:
        """The JSON of the answer; absent parts are left out."""
        parts = {
            "status": "error",
            "message": self.message,
            "correlationId": correlation_id,
            "context": self.context,
            "errors": self.errors or None,
            "links": self.links,
            "category": self.category,
        }
        return {name: value for name, value in parts.items() if value is not None} | dict(self.more)


@dataclass(frozen=True, slots=True)
class PropertyError:
    """One property whose value is refused; `code` is such as PROPERTY_DOESNT_EXIST."""

    name: str
    code: str
    message: str


def invalid(message: str, *, context: Mapping[str, Sequence[str]] | None = None) -> Refusal:
    """400 VALIDATION_ERROR."""
    return Refusal(400, message, category=VALIDATION, context=context)


def properties_text(errors: Sequence[PropertyError], portal_id: int) -> str:
    """The message of a refusal for its properties: a sentence with JSON in it."""
    listed = [
        {
            "isValid": False,
            "message": error.message,
            "error": error.code,
            "name": error.name,
            "localizedErrorMessage": error.message,
            "portalId": portal_id,
        }
        for error in errors
    ]
    return f"Property values were not valid: {orjson.dumps(listed).decode()}"


def properties_refused(errors: Sequence[PropertyError], portal_id: int) -> Refusal:
    """400 for one or more properties; nothing of the request was written."""
    details = [
        {"message": error.message, "code": error.code, "context": {"propertyName": [error.name]}}
        for error in errors
    ]
    return Refusal(400, properties_text(errors, portal_id), category=VALIDATION, errors=details)


def not_found(ref: str) -> Refusal:
    """404 for one record; a numeric id and another text are answered differently."""
    if ref.isdecimal():
        return Refusal(404, "resource not found")
    message = "Object not found.  objectId are usually numeric."
    return Refusal(404, message, category=OBJECT_NOT_FOUND, context={"id": [ref]})


def missing_in_batch(refs: Sequence[str]) -> dict[str, Any]:
    """The one entry of a batch answer that names all the ids that were not found."""
    return {
        "status": "error",
        "category": OBJECT_NOT_FOUND,
        "message": "Could not get some COMPANY objects, they may be deleted or not exist. "
        "Check that ids are valid.",
        "context": {"ids": list(refs)},
    }


def required_fields(*names: str) -> Refusal:
    """400 for a body without these fields."""
    return invalid(
        f"Invalid input JSON on line 1, column 2. Some required fields were not set: [{', '.join(names)}]"
    )
