"""Which handler answers a path, under all the names that the API has for it.

The path is taken apart before it is decoded: an id may hold an encoded slash. A path that starts with
two slashes (a host written with a slash at its end) is nothing that HubSpot knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote

from connectors.hubspot.sandbox import batch, catalogue, objects
from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.call import Answer, Call
from connectors.hubspot.sandbox.errors import Refusal, invalid

VERSIONS = ("2026-03", "2026-09")
READ, WRITE = "crm.objects.companies.read", "crm.objects.companies.write"
SCHEMA_READ, SCHEMA_WRITE = "crm.schemas.companies.read", "crm.schemas.companies.write"

_COMPANIES = ("companies", "company", "0-2")

Handler: TypeAlias = Callable[[Account, Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A call: its kind in the counts, its handler, the scope it needs and whether it writes rows."""

    kind: str
    handler: Handler
    scope: str | None = None
    rows: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A route for a path; `ref` is the decoded id or name in it."""

    route: Route
    version: str
    ref: str = ""


_LIST = {
    "GET": Route("list", objects.list_companies, READ),
    "POST": Route("create", objects.create_company, WRITE),
}
_ONE = {
    "GET": Route("read", objects.read_company, READ),
    "PATCH": Route("update", objects.update_company, WRITE),
    "DELETE": Route("delete", objects.delete_company, WRITE),
}
_ACTIONS: Mapping[tuple[str, ...], Route] = {
    ("search",): Route("search", objects.search_companies, READ),
    ("merge",): Route("merge", objects.merge_companies, WRITE),
    ("batch", "read"): Route("batch_read", batch.read_batch, READ),
    ("batch", "create"): Route("batch_create", batch.create_batch, WRITE, rows=True),
    ("batch", "update"): Route("batch_update", batch.update_batch, WRITE, rows=True),
    ("batch", "upsert"): Route("batch_upsert", batch.upsert_batch, WRITE, rows=True),
    ("batch", "archive"): Route("batch_archive", batch.archive_batch, WRITE),
}
_SCHEMA_LIST = {
    "GET": Route("properties", catalogue.list_properties, SCHEMA_READ),
    "POST": Route("properties", catalogue.create_property, SCHEMA_WRITE),
}
_SCHEMA_ONE = {
    "GET": Route("properties", catalogue.read_property, SCHEMA_READ),
    "PATCH": Route("properties", catalogue.update_property, SCHEMA_WRITE),
    "DELETE": Route("properties", catalogue.delete_property, SCHEMA_WRITE),
}
_ACCOUNT: Mapping[tuple[str, ...], Route] = {
    ("details",): Route("account", catalogue.account_details),
    ("api-usage", "daily", "private-apps"): Route("account", catalogue.daily_usage),
}


def match(method: str, raw_path: bytes) -> Match:
    """The route of a call.

    Raises:
        Refusal: 404 or 405, or 400 for an object type that this account does not have.
    """
    parts = raw_path.decode("ascii", "replace").split("/")[1:]
    match parts:
        case ["crm", "v3", ("objects" | "properties") as area, kind, *rest]:
            version = "v3"
        case ["crm", ("objects" | "properties") as area, version, kind, *rest] if version in VERSIONS:
            pass
        case ["account-info", version, *rest] if version in ("v3", *VERSIONS):
            return Match(_by_method({"GET": _ACCOUNT.get(tuple(rest))}, method), version)
        case _:
            raise _unknown()
    if unquote(kind) not in _COMPANIES:
        raise invalid(f"Unable to infer object type from: {unquote(kind)}")
    if area == "properties":
        return _named(_SCHEMA_LIST, _SCHEMA_ONE, rest, method, version)
    if action := _ACTIONS.get(tuple(rest)):
        return Match(_by_method({"POST": action}, method), version)
    return _named(_LIST, _ONE, rest, method, version)


def _named(
    several: Mapping[str, Route], one: Mapping[str, Route], rest: list[str], method: str, version: str
) -> Match:
    if not rest:
        return Match(_by_method(several, method), version)
    if len(rest) > 1 or not rest[0]:
        raise _unknown()
    return Match(_by_method(one, method), version, unquote(rest[0]))


def _by_method(routes: Mapping[str, Route | None], method: str) -> Route:
    route = routes.get(method)
    if route is not None:
        return route
    if any(routes.values()):
        raise Refusal(405, f"HTTP 405 Method Not Allowed: {method}")
    raise _unknown()


def _unknown() -> Refusal:
    return Refusal(404, "Resource not found: there is no such path.")
