"""What CRMs send by themselves. A delivery leaves hints and wakes a worker; nothing else is done with it."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

from fastapi import Request
from fastapi.responses import Response
from starlette.routing import Route

from connectors.registry import names
from connectors.webhook import Delivery
from web.batches import Batches
from web.body import read_body
from web.deliveries import Deliveries, Posted, Taken
from web.meters import Meters
from web.problems import Refusal
from web.site import Site

_log = logging.getLogger("concord")
_OUTCOMES = {401: "forged", 404: "unknown", 413: "too_large"}


def webhook_routes(site: Site, meters: Meters) -> list[Route]:
    """The routes that CRMs call, one form for all connectors.

    They are bare routes: FastAPI's reading of parameters would cost as much as all else together.
    """
    batches: Batches[Posted, Taken] = Batches(Deliveries(site).take)
    connectors = frozenset(names())

    async def deliver(request: Request) -> Response:
        began = time.perf_counter()
        connector, name = request.path_params["connector"], request.path_params["name"]
        outcome = "failed"
        try:
            taken = await batches.ask(Posted(connector, name, await _delivery(request, site)))
            outcome = "accepted" if taken.fresh else "duplicate"
        except Refusal as refusal:
            outcome = _OUTCOMES.get(refusal.status, "unreadable")
            raise
        finally:
            # A name that a stranger made up is no label.
            meters.delivered(
                connector if connector in connectors else "unknown", outcome, time.perf_counter() - began
            )
        return Response(taken.answer.body, media_type=taken.answer.media_type)

    return [
        Route("/webhooks/{connector}/{name}", deliver, methods=["POST"]),
        Route("/webhooks/{connector}/{name}/{secret}", deliver, methods=["POST"]),
    ]


async def _delivery(request: Request, site: Site) -> Delivery:
    raw_path: bytes = request.scope.get("raw_path") or request.url.path.encode()
    query: bytes = request.scope.get("query_string", b"")
    path = (raw_path.split(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")
    return Delivery(
        url=site.public_url + path,
        headers={key.lower(): value for key, value in request.headers.items()},
        body=await read_body(request),
        secret=request.path_params.get("secret"),
        at=datetime.now(UTC),
    )
