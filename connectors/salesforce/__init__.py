"""Salesforce: Accounts as customers, through simple-salesforce."""

from __future__ import annotations

from urllib.parse import quote

from connectors.port import FieldMapping
from connectors.registry import Plugin
from connectors.salesforce.client import connect
from connectors.salesforce.errors import long_id
from connectors.salesforce.webhook import open_webhook
from connectors.ways import Credential, Way

HOSTS = (".my.salesforce.com", ".salesforce.com", ".force.com")
EXTERNAL_ID = "External_ID__c"

MAPPING = (
    FieldMapping("customer_name", "Name"),
    FieldMapping("email", "Billing_Email__c"),
    FieldMapping("phone_number", "Phone"),
    FieldMapping("address.street", "BillingStreet"),
    FieldMapping("address.city", "BillingCity"),
    FieldMapping("address.state", "BillingState"),
    FieldMapping("address.zipCode", "BillingPostalCode"),
    FieldMapping("address.country", "BillingCountry"),
    FieldMapping("ship_to_address.street", "ShippingStreet"),
    FieldMapping("ship_to_address.city", "ShippingCity"),
    FieldMapping("ship_to_address.state", "ShippingState"),
    FieldMapping("ship_to_address.zipCode", "ShippingPostalCode"),
    FieldMapping("ship_to_address.country", "ShippingCountry"),
)

_CLIENT_ID = Credential(question="Consumer key of the external client app", secret=False)
WAYS = (
    Way(
        name="client credentials",
        credentials={"client_id": _CLIENT_ID, "client_secret": Credential(question="Consumer secret")},
    ),
    Way(
        name="JWT",
        credentials={
            "client_id": _CLIENT_ID,
            "username": Credential(question="User name of the integration user", secret=False),
            "private_key": Credential(question="File with the private key of the app's certificate, as PEM"),
            "audience": Credential(question="Login server", secret=False, optional=True),
        },
    ),
    Way(name="session", credentials={"session_id": Credential(question="Session id")}),
)

PLUGIN = Plugin(
    name="salesforce",
    build=connect,
    external_id=EXTERNAL_ID,
    mapping=MAPPING,
    ways=WAYS,
    hosts=HOSTS,
    webhook=open_webhook,
    secret_in_path=True,
    ref=long_id,
    page=lambda url, _account, ref: f"{url.rstrip('/')}/lightning/r/Account/{quote(ref, safe='')}/view",
)
