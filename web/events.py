"""The progress of a run as server-sent events."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator

import orjson
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse
from starlette.routing import Route

from connectors.records import JSON
from sync.store import gauges
from sync.store.query import Row
from sync.store.session import Database
from web.entry import require_token
from web.problems import Refusal
from web.site import Site

BEAT = 0.5
"""Seconds between two reads of the row."""
HEARTBEAT = 15.0
"""Seconds without an event after which a comment keeps the connection alive."""
_ID = re.compile("[0-9a-f]{32}")
_AT_WORK = ("queued", "running")


def event_routes(site: Site) -> list[Route]:
    """One stream per run, for whoever has the token."""

    async def events(request: Request) -> Response:
        require_token(request, site)
        run = request.path_params["run"]
        row = await run_in_threadpool(_read, site.database, run) if _ID.fullmatch(run) else None
        if row is None:
            raise Refusal(404, "there is no run of this id")
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        return StreamingResponse(_stream(site, run, row), media_type="text/event-stream")

    return [Route("/runs/{run}/events", events)]


async def _stream(site: Site, run: str, row: Row | None) -> AsyncIterator[bytes]:
    """`progress` whenever it changed, then `done`; `gone` if the run had nothing to do and was dropped."""
    shown: JSON = None
    said = time.monotonic()
    while row is not None:
        body = _shown(row)
        if row["state"] not in _AT_WORK:
            yield _event("done", body)
            return
        if body != shown:
            shown, said = body, time.monotonic()
            yield _event("progress", body)
        elif time.monotonic() - said >= HEARTBEAT:
            said = time.monotonic()
            yield b": still here\n\n"
        await asyncio.sleep(BEAT)
        if site.ending.is_set():
            return  # the client asks again, and finds whoever serves then
        row = await run_in_threadpool(_read, site.database, run)
    yield _event("gone", {})


def _read(database: Database, run: str) -> Row | None:
    with database.reading() as tx:
        return gauges.standing(tx, run)


def _shown(row: Row) -> JSON:
    return {"run": row["id"], "state": row["state"], "progress": row["progress"], "counts": row["counts"]}


def _event(name: str, body: JSON) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(body) + b"\n\n"
