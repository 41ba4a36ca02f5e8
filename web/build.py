"""From settings to a site: the composition of `concord serve` and `concord up`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sync.services import Services
from sync.settings import Settings
from tasks import wiring
from web.pace import Pace
from web.site import Site


def build_site(
    settings: Settings,
    services: Services,
    *,
    wake: Callable[[], None],
    url: str,
    shared: Path | None = None,
    tour: bool = False,
) -> Site:
    """What the routes need.

    Args:
        settings: the environment.
        services: the database is shared with them.
        wake: wakes a worker, returns at once.
        url: where the site listens: the public address where none is set.
        shared: a folder of the processes that serve this site together.
        tour: whether this is a demonstration.
    """
    seal = wiring.open_seal(settings)
    return Site(
        database=services.database,
        services=services,
        seal=seal,
        webhook=lambda row: wiring.open_webhook(seal, row),
        outgoing=wiring.build_outgoing(settings, services.database, public_url=url),
        wake=wake,
        public_url=(settings.public_url or url).rstrip("/"),
        pace=Pace(settings.api_rate, shared=shared and shared / "pace"),
        shared=shared,
        tour=tour,
        token=settings.web_token.get_secret_value() if settings.web_token else None,
    )
