"""Answers of the API, and the headers that speak of a record's version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Header
from fastapi.responses import Response
from pydantic import BaseModel, Field

from sync.errors import VersionMoved
from web.problems import MEDIA_TYPE, Refusal

_TAG = re.compile(r'"([0-9]{1,9})"')
_ANY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')


class Wrong(BaseModel):
    """One value that is wrong."""

    loc: list[str | int] = Field(examples=[["body", "customer_name"]])
    msg: str = Field(examples=["Field required"])
    type: str = Field(examples=["missing"])


class Problem(BaseModel):
    """Why a request was not done (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no customer of this id."])
    errors: list[Wrong] | None = Field(
        default=None, description="The values that are at fault, where some are."
    )
    request_id: str | None = Field(
        description="Of this request, as in the header X-Request-Id and in the log."
    )


class Invalid(BaseModel):
    """What is wrong with the values of a request."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["The request cannot be taken."])
    status: int = Field(examples=[422])
    detail: list[Wrong]
    request_id: str | None


def _documented(description: str, model: type[BaseModel]) -> dict[str, Any]:
    # Not as `model`, which would be documented as plain JSON, too; `openapi` adds the schemas.
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


_ALWAYS = {
    400: "It cannot be read, or a value that must be unique is another record's",
    401: "No API key, or none that is good",
    403: "The key's scope is too small",
    404: "There is nothing of this id in the organisation",
    429: "Too many requests with this key; `Retry-After` tells when to go on",
    431: "The address and the headers are too long",
    503: "The database is away, or enough others ask CRMs; `Retry-After` tells when to try again",
}
_SOMETIMES = {
    408: "The body took too long",
    409: "What was shown is no longer so",
    412: "The record has changed since it was read",
    413: "The body is longer than 1 MB",
    415: "The body is not JSON",
}


def problems(*more: int) -> dict[int | str, dict[str, Any]]:
    """What every route may answer beside its own answer, and `more` of them."""
    found: dict[int | str, dict[str, Any]] = {
        status: _documented(text, Problem)
        for status, text in sorted({**_ALWAYS, **{each: _SOMETIMES[each] for each in more}}.items())
    }
    found[422] = _documented("Values that cannot be taken, each with its reason", Invalid)
    return found


READING = problems()
WRITING = problems(408, 413, 415)
CHANGING = problems(408, 412, 413, 415)
DELETING = problems(412)
DECIDING = problems(408, 409, 413, 415)


def answer(
    model: BaseModel,
    *,
    status: int = 200,
    version: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A model as JSON, with the version of the record as its entity tag."""
    sent = dict(headers or {})
    if version is not None:
        sent["ETag"] = tag(version)
    return Response(model.model_dump_json(), status, headers=sent, media_type="application/json")


def tag(version: int) -> str:
    """A record's version as an entity tag."""
    return f'"{version}"'


IfMatch = Annotated[
    str | None,
    Header(
        description="The `ETag` of the record as it was read; 412 if it has changed since.", max_length=100
    ),
]


def version_of(if_match: str | None) -> int | None:
    """The version that a caller has read; None if it does not care.

    Raises:
        Refusal: 400, it is not one entity tag.
        VersionMoved: it is one, but of no version of ours.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    if _ANY_TAG.fullmatch(if_match.strip()) is None:
        raise Refusal(400, 'If-Match: send one ETag as it was given, such as "7"')
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        raise VersionMoved
    return int(found[1])
