"""All resources of the API."""

from __future__ import annotations

from fastapi import APIRouter

from web.api import (
    conflicts,
    connections,
    contacts,
    contracts,
    customers,
    deciding,
    entities,
    links,
    runs,
    taxids,
    wallets,
)

RESOURCES = (
    conflicts.router,
    connections.router,
    contacts.router,
    contracts.router,
    customers.router,
    deciding.router,
    entities.router,
    links.router,
    runs.router,
    taxids.router,
    wallets.router,
)


def api_router() -> APIRouter:
    """Every route that belongs to an organisation."""
    router = APIRouter()
    for each in RESOURCES:
        router.include_router(each)
    return router
