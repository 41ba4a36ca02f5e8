"""`/health` and `/metrics`. A stranger learns whether all is well, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DBAPIError
from starlette.routing import Route

from connectors.records import JSON
from sync.errors import StoreError
from sync.store import gauges, migrate
from sync.store.migrate import SchemaState
from sync.store.session import Database
from web.batches import Batches
from web.entry import is_told, require_token
from web.failures import RETRY_AFTER
from web.meters import CONTENT_TYPE, Meters
from web.site import Site

STUCK = 300.0
"""Seconds that a job may be due before the workers are taken for stuck."""
PATIENCE = 5.0
"""Seconds that the database may take to answer."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the installation stands. `problem` is what is wrong first, None if all is well."""

    problem: str | None
    database: str
    oldest_due_seconds: float | None = None
    due: int | None = None
    dead: int | None = None
    connections: dict[str, int] | None = None

    def as_json(self) -> JSON:
        """What is shown to whoever has the token."""
        return {
            "status": _word(self.problem),
            "problem": self.problem,
            "database": self.database,
            "jobs": {"due": self.due, "dead": self.dead, "oldest_due_seconds": self.oldest_due_seconds},
            "connections": None if self.connections is None else {**self.connections},
        }


def look(database: Database) -> Health:
    """Look at the database, once."""
    try:
        schema = migrate.schema_state(database)
        if schema is not SchemaState.CURRENT:
            return Health(f"the schema of the database is {schema.value}", f"schema {schema.value}")
        with database.reading() as tx:
            jobs, states = gauges.backlog(tx), gauges.states(tx)
    except (StoreError, DBAPIError):
        return Health("the database cannot be used", "not reachable")
    oldest = max((each.oldest for each in jobs), default=0.0)
    stuck = f"a job has been due for {oldest:.0f} s: no worker takes it" if oldest > STUCK else None
    due, dead = sum(each.due for each in jobs), sum(each.dead for each in jobs)
    return Health(stuck, "ok", round(oldest, 1), due, dead, states)


def health_routes(site: Site, meters: Meters) -> list[Route]:
    """Health for all, metrics for whoever has the token."""

    def answer(asked: Sequence[None]) -> list[Health | Exception]:
        return [look(site.database)] * len(asked)

    looks: Batches[None, Health] = Batches(answer)

    async def health(request: Request) -> Response:
        told = is_told(request, site)
        try:
            async with asyncio.timeout(PATIENCE):
                found = await looks.ask(None)
        except TimeoutError:
            found = Health(f"the database takes longer than {PATIENCE:g} s", "slow")
        body = found.as_json() if told else {"status": _word(found.problem)}
        if found.problem is None:
            return JSONResponse(body)
        return JSONResponse(body, status_code=503, headers={"Retry-After": str(RETRY_AFTER)})

    async def metrics(request: Request) -> Response:
        require_token(request, site)
        return Response(await run_in_threadpool(meters.scrape), media_type=CONTENT_TYPE)

    return [Route("/health", health), Route("/metrics", metrics)]


def _word(problem: str | None) -> str:
    return "ok" if problem is None else "not ok"
