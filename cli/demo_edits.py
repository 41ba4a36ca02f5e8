"""The edits of the demo: people at work in both CRMs and here, at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.request import Request, urlopen

from cli.context import Context, actor
from connectors.records import JSON
from sync import customers as local
from sync.store import customers, links
from sync.store.customers import StoredCustomer
from sync.store.links import StoredLink
from sync.store.schema import customers as table
from sync.store.schema import links as links_table

EACH = 5


def edit_everywhere(context: Context, urls: Mapping[str, str]) -> dict[str, JSON]:
    """Edit some customers that are in sync, on every side; returns how many edits of each kind."""
    with context.services.database.reading() as tx:
        names = [context.connection(name).id for name in urls]
        active = links_table.c.state == "active"
        by_crm = {
            name: {link.customer_id: link for link in links.load(tx, each, active)}
            for name, each in zip(urls, names, strict=True)
        }
        found = customers.page(
            tx, context.organisation_id, table.c.external_id.is_not(None), after="", limit=5_000
        )
    both = [each for each in found if all(each.id in linked for linked in by_crm.values())]
    phones = [each for each in both if each.row["phone_number"] and each.row["email"]]
    here, there, elsewhere, clash, moved = (
        phones[start : start + EACH] for start in range(0, 5 * EACH, EACH)
    )
    for number, customer in enumerate(here):
        _set(context, customer, f"phone_number=+1 212 555 01{number:02d}")
    _edit_all(urls["salesforce"], by_crm["salesforce"], there, {"Phone": "+1 212 555 0177"})
    _edit_all(urls["hubspot"], by_crm["hubspot"], elsewhere, {"phone": "+1 212 555 0188"})
    for customer in clash:
        _set(context, customer, "phone_number=+1 212 555 0111")
    _edit_all(urls["salesforce"], by_crm["salesforce"], clash, {"Phone": "+1 212 555 0122"})
    _edit_all(urls["salesforce"], by_crm["salesforce"], moved, {"BillingStreet": "4711 Relocation Road"})
    return {
        "here": len(here),
        "in salesforce": len(there),
        "in hubspot": len(elsewhere),
        "on both sides at once": len(clash),
        "moved to another address": len(moved),
    }


def _set(context: Context, customer: StoredCustomer, assignment: str) -> None:
    local.change(context.services.database, context.organisation_id, customer.id, [assignment], actor=actor())


def _edit_all(
    url: str, linked: Mapping[str, StoredLink], chosen: list[StoredCustomer], fields: Mapping[str, str]
) -> None:
    """Edit CRM records as a person does in the CRM's own pages."""
    for customer in chosen:
        control(url, "edit", {"id": linked[customer.id].ref, "fields": {**fields}, "user": "demo"})


def control(url: str, path: str, body: Mapping[str, JSON], *, method: str = "POST") -> None:
    """Turn a knob of a sandbox of ours, or edit in it as a person does."""
    request = Request(  # noqa: S310 - our own sandbox on this machine
        f"{url}/_sandbox/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    with urlopen(request, timeout=10) as response:  # noqa: S310
        response.read()
