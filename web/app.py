"""The application: routes over a `Site`, and answers that tell an outsider nothing of the inside."""

from __future__ import annotations

from fastapi import FastAPI

from web.api.router import api_routes
from web.description import description_routes
from web.events import event_routes
from web.failures import answer_failures
from web.guard import Guard
from web.health import health_routes
from web.meters import METERS, Meters
from web.pages.routes import page_routes
from web.site import Site
from web.webhooks import webhook_routes


def create_app(site: Site) -> FastAPI:
    """Every route of Concord. No address is put right for those who mistype it."""
    meters = Meters(site.database, site.shared and site.shared / METERS)
    routes = [
        *webhook_routes(site, meters),
        *health_routes(site, meters),
        *event_routes(site),
        *description_routes(site),
        *api_routes(),
        *page_routes(site),
    ]
    app = FastAPI(
        title="Concord",
        routes=routes,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.site = site
    app.add_middleware(Guard)
    answer_failures(app)
    return app
