"""All resources of the API."""

from __future__ import annotations

from starlette.routing import BaseRoute

from web.api import (
    channels,
    conflicts,
    connections,
    contacts,
    contracts,
    customers,
    deciding,
    entities,
    erasing,
    hooks,
    imports,
    links,
    runs,
    taxids,
    wallets,
)

RESOURCES = (
    channels.router,
    conflicts.router,
    connections.router,
    contacts.router,
    contracts.router,
    customers.router,
    deciding.router,
    entities.router,
    erasing.router,
    hooks.router,
    imports.router,
    links.router,
    runs.router,
    taxids.router,
    wallets.router,
)


def api_routes() -> list[BaseRoute]:
    """Every route that belongs to an organisation.

    In one flat list: to look for a route through routers of routers costs each request more than the search.
    """
    return [route for router in RESOURCES for route in router.routes]
