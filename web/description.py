"""`/openapi.json`: what the API is, for whoever wants to call it. It tells nothing of anybody's records."""

from __future__ import annotations

from functools import cache

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.routing import Route

from web.api import openapi
from web.site import Site


def description_routes(site: Site) -> list[Route]:
    """The description, made when it is first asked for."""

    @cache
    def made() -> bytes:
        return openapi.text(site.public_url)

    async def describe(_: Request) -> Response:
        return Response(await run_in_threadpool(made), media_type="application/json")

    return [Route("/openapi.json", describe)]
