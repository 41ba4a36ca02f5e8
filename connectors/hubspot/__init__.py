"""The connector for HubSpot companies; see README.md for its settings, and `sandbox` for a look-alike."""

from __future__ import annotations

from urllib.parse import quote

from connectors.hubspot.client import HubSpotConnector
from connectors.hubspot.mapping import MAPPING
from connectors.hubspot.webhook import HubSpotWebhook
from connectors.registry import Plugin
from connectors.ways import Credential, Way

__all__ = ["PLUGIN", "HubSpotConnector", "HubSpotWebhook"]

WAYS = (
    Way(name="private app", credentials={"token": Credential(question="Private app or service key token")}),
    Way(
        name="OAuth",
        credentials={
            "client_id": Credential(question="Client id of the app", secret=False),
            "client_secret": Credential(question="Client secret"),
            "refresh_token": Credential(question="Refresh token that the app was granted"),
        },
    ),
)

PLUGIN = Plugin(
    name="hubspot",
    build=HubSpotConnector,
    external_id="company_id",
    mapping=MAPPING,
    ways=WAYS,
    default_url="https://api.hubapi.com",
    hosts=("api.hubapi.com",),
    webhook=HubSpotWebhook,
    page=lambda _url, account, ref: (
        f"https://app.hubspot.com/contacts/{quote(account, safe='')}/record/0-2/{quote(ref, safe='')}"
        if account
        else None
    ),
)
