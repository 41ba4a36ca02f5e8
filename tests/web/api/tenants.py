"""Two organisations with the same shapes: what one has, and what the other tries to reach it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from sync.apikeys import HIGHEST_RATE, Scope
from sync.store.connections import StoredConnection, organisation
from sync.store.session import Database
from tests.web.api.conftest import Api
from tests.web.api.steered import Steered, steer
from web.api import openapi

CANARY = "canaria"
NOWHERE = "0199b2c4-7d1e-7a3b-9c5d-2f4e6a8b0c1d"
CRM = f"crm-{CANARY}"
DOCUMENT = openapi.document("https://x")
OPERATIONS = [
    (method.upper(), path, each)
    for path, item in DOCUMENT["paths"].items()
    for method, each in item.items()
    if each["security"] == [{"key": []}]
]
_number = count(1)
_KINDS = {
    "parent_customer_id": "customer_id",
    "invoice_payer_customer_id": "customer_id",
    "business_entity_id": "entity_id",
}


@dataclass
class Tenant:
    """An organisation, and the ids of what it has: by the names that parameters of addresses have."""

    api: Api
    ids: dict[str, str] = field(default_factory=dict)

    def fill(self, word: str) -> None:
        """Make one of everything that the API can make; `word` stands in all of it."""
        api, mine = self.api, self.ids
        mine["entity_id"] = api.post("/business_entities", {"name": f"{word} Ltd", "country_code": "DE"})[
            "id"
        ]
        customer = {
            "customer_name": f"{word} Inc",
            "email": f"{word}@{word}.example",
            "external_id": f"{word}-1",
            "phone_number": "+1-555-0100",
            "address": {"line1": f"1 {word} Street", "country": "US"},
            "custom_data": {word: word},
            "tax_info": [{"country_code": "EU", "tax_code": "VAT", "tax_id": word}],
            "business_entity_id": mine["entity_id"],
        }
        whose = {"customer_id": api.post("/customers", customer)["id"]}
        mine |= whose
        contact = {**whose, "email": f"c@{word}.example", "first_name": word}
        mine["contact_id"] = api.post("/contacts", contact)["id"]
        mine["wallet_id"] = api.post("/wallets", {**whose, "currency": "EUR"})["id"]
        api.post(f"/wallets/{mine['wallet_id']}/add", {"amount": "10", "reason": word})
        contract = {
            **whose,
            **{"name": word, "status": "active", "currency": "EUR", "start_date": "2026-01-01T00:00:00Z"},
            "phases": [{"name": word, "start_date": "2026-01-01T00:00:00Z"}],
        }
        mine["contract_id"] = api.post("/contracts", contract)["id"]
        told = {"url": f"https://{word}.example/hook", "events": ["customer.updated"]}
        channel = {"name": word, "url": f"jsons://{word}.example/told"}
        mine["channel_id"] = api.post("/channels", channel)["id"]
        mine["hook_id"] = api.post("/hooks", told)["id"]

    def base(self, operation: Mapping[str, Any]) -> Any:
        """A body of an operation that this tenant may send, never the same twice; None if it has none."""
        if not takes_json(operation):
            return None
        body = deepcopy(operation["requestBody"]["content"]["application/json"]["example"])
        number = next(_number)
        for place in places(operation):
            name = place[-1]
            if (kind := _KINDS.get(name, name)) in self.ids and (len(place) == 1 or place[0] in body):
                put(body, place, self.ids[kind])
        for name, value in (("email", f"a{number}@ours.example"), ("external_id", f"x{number}")):
            if name in body:
                body[name] = value
        return body


@dataclass
class World:
    """`ours` tries to reach what `theirs` has; nothing else is told of it."""

    ours: Tenant
    theirs: Tenant
    steered: Steered

    def foreign(self) -> dict[str, str]:
        """All that could name something of theirs."""
        connection: StoredConnection = self.steered.connection(CRM)
        others = {"connection_id": connection.id, "organisation_id": self.theirs.api.organisation_id}
        return {**self.theirs.ids, **others}


def world(database: Database) -> Iterator[World]:
    """Theirs is synced with a CRM, with a run and a question that waits."""
    for steered in steer(database):
        crm = steered.connect(CRM)
        theirs = Tenant(steered.api.with_key(rate=HIGHEST_RATE))
        theirs.fill(CANARY)
        (ref,) = steered.pair(f"{CANARY}-2", CRM, name=CANARY, email=f"2@{CANARY}.example").values()
        steered.sync(CRM)
        crm.edit(ref, {"name": f"{CANARY} theirs"})
        made = steered.customer(f"{CANARY}-2")
        steered.api.call("PATCH", f"/customers/{made['id']}", {"customer_name": f"{CANARY} ours"})
        steered.sync(CRM)
        theirs.ids["conflict_id"] = steered.api.get("/conflicts")["data"][0]["id"]
        theirs.ids["run_id"] = steered.api.get("/runs")["data"][0]["id"]
        sent = theirs.api.upload(f"external_id,name\n{CANARY}-9,{CANARY} nine\n", file_name=f"{CANARY}.csv")
        theirs.ids["import_id"] = sent.json()["id"]
        theirs.api.drain()
        with database.transaction() as tx:
            mine = organisation(tx, "ours")
        served = replace(steered.api.served, organisation_id=mine)
        served.connect("crm", "memory", secret="", url="memory://ours")
        ours = Tenant(Api(served, "", "ours", served.http).with_key(Scope.ADMIN, "ours", rate=HIGHEST_RATE))
        ours.fill("own")
        yield World(ours, theirs, steered)


_NAMING = re.compile(r"(^|\.)(id|[a-z_]+_id|connection|cursor|connector)$|\.name$")


def takes_json(operation: Mapping[str, Any]) -> bool:
    """Whether it takes a body that is JSON: a file is none."""
    return "application/json" in operation.get("requestBody", {}).get("content", {})


def places(operation: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Where in its body an operation may name something that is there: by id, or a connection by name."""
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    return [each for each in _members(body) if _NAMING.search(".".join(each))]


def _members(schema: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for choice in schema.get("anyOf", ()):
        yield from _members(choice)
    for name, each in schema.get("properties", {}).items():
        yield (name,)
        for below in _members(each):
            yield (name, *below)


def put(body: Any, place: tuple[str, ...], value: Any) -> None:
    """Set one member of a body, however deep it stands."""
    for name in place[:-1]:
        if not isinstance(body.get(name), dict):
            body[name] = {}
        body = body[name]
    body[place[-1]] = value
