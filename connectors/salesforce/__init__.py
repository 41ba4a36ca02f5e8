"""Salesforce: Accounts as customers, through simple-salesforce."""

from __future__ import annotations

from connectors.port import FieldMapping
from connectors.registry import Plugin
from connectors.salesforce.client import connect

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

PLUGIN = Plugin(
    name="salesforce",
    build=connect,
    external_id=EXTERNAL_ID,
    mapping=MAPPING,
    credentials={"client_id": "Consumer key of the external client app", "client_secret": "Consumer secret"},
)
