"""The description of the API as OpenAPI 3.1: what the routes say of themselves, made whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import orjson
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from web.api.answers import Invalid, Problem
from web.api.around import SCHEMES
from web.api.around import paths as around_paths
from web.api.caller import SCHEME
from web.api.examples import Examples
from web.api.router import api_routes
from web.problems import MEDIA_TYPE

Operation = dict[str, Any]
_SCHEMAS = "#/components/schemas/"
_METHODS = ("get", "put", "post", "delete", "patch")
_PAGE = re.compile(rb"Page_(\w+?)Out_")
"""What pydantic calls a page of a kind of record."""
_NUMBER = "5f0c6a1e9b7d4c32"
_ABOUT = """\
The customers of a company, and what they are billed by: kept the same in its CRMs and here.

- **Keys.** Send an API key in the header `x-api-key`; `concord api-key create` makes one. It belongs to one
  organisation or to several; with several, name the one that is meant in the header `organisation`. What is
  of another organisation answers as what is not there.
- **Bodies** are JSON in UTF-8, at most 1 MB and 32 deep; files are sent as they are. Nothing is guessed:
  a field that is unknown, a key that stands twice, a number that cannot be kept exactly is refused, by name.
- **Lists** come in pages. Send `next_cursor` as `cursor` until it is null.
- **Versions.** What can change has an `ETag`; send it as `If-Match`, and the answer is 412 if the record has
  changed since.
- **Once.** A `POST` with an `Idempotency-Key` can be sent again: it has one effect, and the same answer. The
  checks keep nothing, and need none; a file, and a decision on many questions, are taken in parts
  and refuse one.
- **Refusals** are problems (RFC 9457). With 422 `detail` lists each value that is wrong, and why.
- **Limits.** 429 and 503 say in `Retry-After` after how many seconds to go on.
"""
_TAGS = {
    "customers": "The billing-side records that are kept the same as the CRMs' ones.",
    "contacts": "Further people at a customer, and what each is to be sent.",
    "contracts": "What a customer is billed for, when and by whom, in phases.",
    "wallets": "Credits of a customer, one wallet per currency: a ledger that is added to and deducted from.",
    "business entities": "The own legal entities that issue invoices.",
    "business_entities": "The own legal entities that issue invoices.",
    "tax ids": "Tax numbers, checked by the rules of their jurisdiction.",
    "tax-ids": "Tax numbers, checked by the rules of their jurisdiction.",
    "connections": "The accounts of CRMs that customers are kept the same with.",
    "links": "Which customer is which record of a CRM, and what both sides last agreed on.",
    "runs": "Syncs: planned, approved, at work, done.",
    "imports": "Customers by CSV files: planned, approved, carried out, undone; and all customers as one.",
    "conflicts": "What a person has to decide, with the values of both sides.",
    "channels": "Where people are told what waits for them.",
    "hooks": "Programs that are told what happens, by webhooks that are signed.",
    "site": "How the installation is, for whoever looks after it.",
}
_DONE = {
    "200": "What was asked for",
    "201": "It was made",
    "202": "It is going to be done",
    "204": "It is done; there is no body",
}
_REQUEST_ID = {
    "X-Request-Id": {
        "description": "The number of the request: the one that was sent, or one of ours.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "examples": [_NUMBER]},
    }
}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds to wait.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1, "examples": [5]},
    }
}
_ETAG = {
    "ETag": {
        "description": "The version of the record, to be sent as `If-Match`.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$', "examples": ['"7"']},
    }
}
_LOCATION = {
    "Location": {
        "description": "Where the record is found.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    }
}
_REPLAYED = {
    "Idempotent-Replayed": {
        "description": "`true` if this is the answer of an earlier request with the same `Idempotency-Key`.",
        "schema": {"const": "true"},
    }
}


def document(public_url: str) -> dict[str, Any]:
    """The whole description, for a site that is found at `public_url`."""
    found = get_openapi(
        title="Concord",
        version=version("concord-sync"),
        description=_ABOUT,
        routes=api_routes(),
        servers=[{"url": public_url}],
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
    )
    made: dict[str, Any] = orjson.loads(_PAGE.sub(rb"\1Page", orjson.dumps(found)))
    made["components"]["securitySchemes"] = SCHEME | SCHEMES
    made["paths"] |= around_paths()
    schemas: dict[str, Any] = made["components"]["schemas"]
    _, problems = models_json_schema(
        [(Problem, "serialization"), (Invalid, "serialization")], ref_template=f"{_SCHEMAS}{{model}}"
    )
    schemas.update(problems["$defs"])
    asked, told = Examples(schemas, whole=False), Examples(schemas, whole=True)
    used = set()
    for path, operation in _operations(made):
        used.update(operation["tags"])
        operation["summary"] = operation["description"].partition("\n")[0].partition(". ")[0].rstrip(".")
        for parameter in operation.setdefault("parameters", []):
            _tidy(parameter)
        if "requestBody" in operation:
            _exemplify(operation["requestBody"], asked)
        for status, response in operation["responses"].items():
            _complete(operation, status, response, schemas, told)
        if made["paths"][path].get("post") is operation and "201" in operation["responses"]:
            _lead_on(made, path, operation["responses"]["201"])
    made["tags"] = [{"name": name, "description": _TAGS[name]} for name in _TAGS if name in used]
    return made


def text(public_url: str) -> bytes:
    """The description as it is served and written to a file."""
    return orjson.dumps(document(public_url), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _operations(made: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, item in made["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, item[method]


def _tidy(parameter: dict[str, Any]) -> None:
    """In an address or a header nothing is null, and a title that says the name again says nothing."""
    schema: dict[str, Any] = parameter["schema"]
    if parameter["in"] != "path" and "anyOf" in schema:
        kept = [each for each in schema.pop("anyOf") if each.get("type") != "null"]
        schema.update(kept[0] if len(kept) == 1 else {"anyOf": kept})
    schema.pop("title", None)
    schema.pop("description", None)


def _exemplify(body: dict[str, Any], examples: Examples) -> None:
    for media in body["content"].values():
        media["example"] = examples.of(media["schema"])


def _complete(
    operation: Operation, status: str, response: dict[str, Any], schemas: Mapping[str, Any], told: Examples
) -> None:
    """The headers and the example of one answer."""
    headers: dict[str, Any] = {**response.get("headers", {})}
    if status != "431":  # refused before it was whole
        headers |= _REQUEST_ID
    if status in ("429", "503"):
        headers |= _RETRY_AFTER
    if status.startswith("2"):
        response["description"] = _DONE[status]
        names = {each["name"].lower() for each in operation.get("parameters", ())}
        headers |= _ETAG if "version" in _properties(response, schemas) else {}
        headers |= _REPLAYED if "idempotency-key" in names else {}
        if "content" in response and "example" not in next(iter(response["content"].values())):
            _exemplify(response, told)
    elif MEDIA_TYPE in response["content"]:
        response["content"][MEDIA_TYPE]["example"] = _problem(int(status), response["description"])
    response["headers"] = headers


def _properties(response: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    content: Mapping[str, Any] = response.get("content", {})
    schema: Mapping[str, Any] = next((each["schema"] for each in content.values()), {})
    if "$ref" in schema:
        schema = schemas[schema["$ref"].removeprefix(_SCHEMAS)]
    found: Mapping[str, Any] = schema.get("properties", {})
    return found


def _problem(status: int, reason: str) -> dict[str, Any]:
    body: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        body["title"] = "The request cannot be taken."
        body["detail"] = [{"loc": ["body", "customer_name"], "msg": "Field required", "type": "missing"}]
    else:
        body["detail"] = f"{reason}."
    return {**body, "request_id": _NUMBER}


def _lead_on(made: Mapping[str, Any], path: str, response: dict[str, Any]) -> None:
    """What can be asked of a record that has just been made, and where it is found."""
    links = response["links"] = {}
    for other, operation in _operations(made):
        name = other.removeprefix(f"{path}/{{").partition("}")[0]
        if other.startswith(f"{path}/{{") and other.count("{") == 1:
            links[operation["operationId"]] = {
                "operationId": operation["operationId"],
                "parameters": {name: "$response.body#/id"},
            }
            if other == f"{path}/{{{name}}}":
                response["headers"] |= _LOCATION
