"""The connector for HubSpot companies; see README.md for its settings, and `sandbox` for a look-alike."""

from __future__ import annotations

from connectors.hubspot.client import HubSpotConnector
from connectors.hubspot.mapping import MAPPING
from connectors.registry import Plugin

__all__ = ["PLUGIN", "HubSpotConnector"]

PLUGIN = Plugin(
    name="hubspot",
    build=HubSpotConnector,
    external_id="company_id",
    mapping=MAPPING,
    credentials={"token": "Private app or service key token"},
    default_url="https://api.hubapi.com",
)
