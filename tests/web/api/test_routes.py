"""Every route belongs to an organisation, or stands in a short list of those that do not."""

from __future__ import annotations

import pytest
from fastapi import APIRouter
from fastapi.routing import iter_route_contexts

from sync.apikeys import Scope
from tests.web.api.conftest import Api
from web.api import openapi
from web.api.caller import Reader, Writer, allowed_of
from web.api.route import ApiRoute
from web.app import create_app
from web.pages.route import PageRoute

OUTSIDE = {
    "/",
    "/desk/",
    "/desk/static/{digest}/{name}",
    "/health",
    "/metrics",
    "/openapi.json",
    "/runs/{run}/events",
    "/webhooks/{connector}/{name}",
    "/webhooks/{connector}/{name}/{secret}",
}


def test_a_route_that_does_not_say_who_may_call_it_cannot_be_made() -> None:
    router = APIRouter(route_class=ApiRoute)

    def nobody() -> None: ...

    def twice(_one: Reader, _other: Writer) -> None: ...

    for endpoint in (nobody, twice):
        with pytest.raises(TypeError, match="does not say who may call it"):
            router.get("/x")(endpoint)
    assert router.routes == []


def test_no_route_stands_outside_of_the_api_but_those_that_are_named(api_postgresql: Api) -> None:
    found = list(iter_route_contexts(create_app(api_postgresql.served.site).routes))
    outside = {each.path for each in found if not isinstance(each.original_route, (ApiRoute, PageRoute))}
    assert outside == OUTSIDE
    inside = {
        (each.path, method.lower())
        for each in found
        if isinstance(each.original_route, ApiRoute)
        for method in each.methods or ()
    }
    described = openapi.document("https://x")["paths"]
    assert {"/health", "/metrics"} == described.keys() & OUTSIDE
    assert inside == {
        (path, method) for path, item in described.items() for method in item if path not in OUTSIDE
    }


def test_what_changes_something_asks_for_more_than_reading(api_postgresql: Api) -> None:
    for each in iter_route_contexts(create_app(api_postgresql.served.site).routes):
        if isinstance(each.original_route, ApiRoute):
            (allowed,) = allowed_of(each.original_route.dependant)
            reads = each.methods == {"GET"} or each.path == "/tax-ids/check"  # which keeps nothing
            set_up = str(each.path).startswith(("/hooks", "/channels"))  # addresses may hold secrets
            assert (allowed.scope is Scope.READ) == (reads and not set_up), each.path
            assert allowed.scope is Scope.ADMIN or not set_up, each.path
