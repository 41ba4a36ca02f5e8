"""Which handler answers a call, and of which kind the call is for counts and faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from connectors.salesforce.sandbox.errors import ApiError, no_resource
from connectors.salesforce.sandbox.handlers import collections, org, queries, replication, rows
from connectors.salesforce.sandbox.handlers.composite import composite
from connectors.salesforce.sandbox.state import SalesforceState
from connectors.salesforce.sandbox.wire import Answer, Call

Handler: TypeAlias = "Callable[[SalesforceState, Call], Answer]"

ROWS = frozenset({"collections", "composite"})
"""Kinds whose rows can fail one by one."""
WRITES = ROWS | {"create", "update", "upsert", "delete"}
"""Kinds that can meet a lock."""


@dataclass(frozen=True, slots=True)
class Route:
    """What answers a path: per method the kind of the call and its handler; "*" is any part."""

    path: tuple[str, ...]
    methods: Mapping[str, tuple[str, Handler]]

    def fits(self, path: tuple[str, ...]) -> bool:
        """Whether the path is this route's."""
        return len(path) == len(self.path) and all(
            own in ("*", part) for own, part in zip(self.path, path, strict=True)
        )


def dispatch(state: SalesforceState, call: Call) -> Answer:
    """Answer a call, errors included."""
    try:
        if not org.FIRST_VERSION <= call.version <= org.LAST_VERSION:
            raise no_resource()
        return _find(call)[1](state, call)
    except ApiError as error:
        return Answer(error.status, error.body())


def kind_of(call: Call) -> str:
    """The kind of a call; "other" for a path or method that nothing answers."""
    try:
        return _find(call)[0]
    except ApiError:
        return "other"


def _find(call: Call) -> tuple[str, Handler]:
    route = next((route for route in _ROUTES if route.fits(call.path)), None)
    if route is None:
        raise no_resource()
    found = route.methods.get(call.method)
    if found is None:
        allowed = ",".join(route.methods)
        message = f"HTTP Method '{call.method}' not allowed. Allowed are {allowed}"
        raise ApiError("METHOD_NOT_ALLOWED", message, status=405)
    return found


def _accounts_only(handler: Handler) -> Handler:
    def guarded(state: SalesforceState, call: Call) -> Answer:
        if call.path[1].lower() != "account":
            raise no_resource()
        return handler(state, call)

    return guarded


def _composite(state: SalesforceState, call: Call) -> Answer:
    return composite(state, call, _dispatch_part)


def _dispatch_part(state: SalesforceState, call: Call) -> Answer:
    if call.path == ("composite",):
        return Answer(404, no_resource().body())
    return dispatch(state, call)


_ROUTES = (
    Route((), {"GET": ("other", org.resources)}),
    Route(("limits",), {"GET": ("limits", org.limits)}),
    Route(("limits", "recordCount"), {"GET": ("limits", org.record_count)}),
    Route(("query",), {"GET": ("query", queries.query)}),
    Route(("queryAll",), {"GET": ("query", queries.query_all)}),
    Route(("query", "*"), {"GET": ("query_more", queries.query_more)}),
    Route(("queryAll", "*"), {"GET": ("query_more", queries.query_more)}),
    Route(("composite",), {"POST": ("composite", _composite)}),
    Route(
        ("composite", "sobjects"),
        {
            "POST": ("collections", collections.create_many),
            "PATCH": ("collections", collections.update_many),
            "DELETE": ("collections", collections.delete_many),
        },
    ),
    Route(
        ("composite", "sobjects", "*"),
        {"GET": ("retrieve", collections.retrieve), "POST": ("retrieve", collections.retrieve)},
    ),
    Route(("composite", "sobjects", "*", "*"), {"PATCH": ("collections", collections.upsert_many)}),
    Route(("sobjects",), {"GET": ("describe", org.list_objects)}),
    Route(
        ("sobjects", "*"),
        {"GET": ("describe", org.object_basics), "POST": ("create", _accounts_only(rows.create))},
    ),
    Route(("sobjects", "*", "describe"), {"GET": ("describe", org.object_describe)}),
    Route(("sobjects", "*", "updated"), {"GET": ("read", replication.updated)}),
    Route(("sobjects", "*", "deleted"), {"GET": ("read", replication.deleted)}),
    Route(
        ("sobjects", "*", "*"),
        {
            "GET": ("read", rows.read),
            "PATCH": ("update", _accounts_only(rows.update)),
            "DELETE": ("delete", _accounts_only(rows.delete)),
        },
    ),
    Route(
        ("sobjects", "*", "*", "*"),
        {
            "GET": ("read", _accounts_only(rows.read_by_key)),
            "PATCH": ("upsert", _accounts_only(rows.upsert_by_key)),
            "DELETE": ("delete", _accounts_only(rows.delete_by_key)),
        },
    ),
)
