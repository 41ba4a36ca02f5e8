"""A customer whose every field tells who it is, and traces of it in every table that can hold any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from cli import sandboxes
from connectors.records import JSON
from connectors.sandbox.server import SandboxServer
from sync.cycle import run
from sync.hints import keep_hints
from sync.orders import carry_out
from sync.report import Report
from sync.selection import Selection
from sync.steps import Order
from sync.store import connections, imports
from sync.store.schema import links as links_table
from sync.store.schema import metadata
from sync.store.session import Database
from sync.undo import undo
from tests.tasks.conftest import Crm
from tests.web.api.conftest import Api, program
from tests.web.conftest import serve

WORD = "Zqcanary"
PHONE = "2125550187"
STREET = f"12 {WORD} Road"
KINDS = ("salesforce", "hubspot")
FIELDS = {
    "salesforce": {"name": "Name", "email": "Billing_Email__c", "phone": "Phone", "street": "BillingStreet"},
    "hubspot": {"name": "name", "email": "billing_email", "phone": "phone", "street": "address"},
}


def customer(word: str, phone: str) -> dict[str, Any]:
    """A body with every field of a customer."""
    place = {"line1": f"12 {word} Road", "city": "Springfield", "state": "IL", "zipCode": "62701"}
    return {
        "external_id": f"{word}-Key-1",
        "customer_name": f"{word} Limited",
        "email": f"Ap@{word}.example",
        "phone_number": f"+1 {phone[:3]} {phone[3:6]} {phone[6:]}",
        "address": {**place, "country": "US"},
        "ship_to_address": {**place, "line2": f"c/o {word}", "country": "US"},
        "tax_info": [{"country_code": "USA", "tax_code": "VAT", "tax_id": f"{word}-91"}],
        "custom_data": {word: {"deep": [word]}},
        "custom_attributes": {"tier": word},
    }


@dataclass
class Lived:
    """Two CRMs over HTTP, and an API, with a customer's whole life in them."""

    api: Api
    crms: dict[str, Crm]
    answers: dict[str, Any] = field(default_factory=dict)
    customer_id: str = ""
    refs: dict[str, str] = field(default_factory=dict)

    @property
    def plain(self) -> str:
        return self.customer_id.replace("-", "")

    def sync(self, name: str, **order: Any) -> Report:
        with self.api.database.reading() as tx:
            connection = connections.find(tx, self.api.organisation_id, name)
        wanted: dict[str, Any] = {"kind": "sync", "trigger": "manual", "actor": "test", "yes": True, **order}
        return run(self.api.served.services, connection, Order(**wanted), lambda _event: None)

    def settle(self) -> None:
        for _ in range(6):
            if not sum(int(str(self.sync(kind).counts["writes"])) for kind in KINDS):
                return
        raise AssertionError("it never came to rest")

    def edit(self, kind: str, **values: str) -> None:
        fields = {FIELDS[kind][name]: value for name, value in values.items()}
        self.crms[kind].control("POST", "edit", {"id": self.refs[kind], "fields": fields})

    def change(self, body: dict[str, Any]) -> None:
        answer = self.api.call("PATCH", f"/customers/{self.customer_id}", body)
        assert answer.status_code == 200, answer.text

    def add(self, path: str, body: dict[str, Any], *, status: int = 201) -> Any:
        """Send a body under an idempotency key, and remember both."""
        key = f"key-{len(self.answers)}"
        self.answers[key] = (path, body)
        return self.api.post(path, body, status=status, Idempotency_Key=key)

    def find_refs(self) -> None:
        with self.api.database.reading() as tx:
            mine = select(links_table.c.connection_id, links_table.c.ref).where(
                links_table.c.customer_id == self.plain
            )
            found = {row.connection_id: row.ref for row in tx.execute(mine)}
            names = connections.named(tx, self.api.organisation_id)
        self.refs = {names[each]: ref for each, ref in found.items()}

    def questions(self, **query: str) -> list[Any]:
        return list(self.api.get("/conflicts", customer_id=self.customer_id, **query)["data"])

    def live(self) -> None:
        """The customer's life."""
        mine = self.customer_id = self.add("/customers", customer(WORD, PHONE))["id"]
        whose = {"customer_id": mine}
        contact = {**whose, "email": f"Jane@{WORD}.example", "first_name": WORD, "last_name": WORD}
        self.add("/contacts", contact)
        gone = self.add("/contacts", {**contact, "email": f"Gone@{WORD}.example"})
        self.api.call("DELETE", f"/contacts/{gone['id']}")
        wallet = self.add("/wallets", {**whose, "currency": "EUR"})
        self.add(f"/wallets/{wallet['id']}/add", {"amount": "10", "reason": f"for {WORD}"})
        self.add("/contracts", contract(mine))
        self.settle()
        self.find_refs()
        self.edit("salesforce", phone=f"+1 {PHONE[:3]} {PHONE[3:]}", email=f"new@{WORD}.example")
        self.settle()
        self.change({"customer_name": f"{WORD} ours"})
        self.edit("salesforce", name=f"{WORD} theirs")
        self.edit("hubspot", name=f"{WORD} others")
        for kind in KINDS:
            self.sync(kind)
        (first, *_) = self.questions(kind="field_conflict")
        self.add(f"/conflicts/{first['id']}/note", {"note": f"{WORD} called"}, status=200)
        decision = {"take": "theirs", "version": first["version"]}
        self.add(f"/conflicts/{first['id']}/resolve", decision, status=200)
        self.settle()
        self.undo_a_run()
        self.edit("hubspot", street=f"99 {WORD} Street")
        self.change({"email": f"other@{WORD}.example"})
        self.sync("salesforce", dry=True)
        self.sync("hubspot", dry=True)
        self.sync("hubspot")
        self.sync("salesforce", kind="resync", selection=Selection(ids=(f"{WORD}-Key-1",)))
        self.change({"phone_number": f"+1 {PHONE}"})
        with self.api.database.reading() as tx:
            named = {name: made for made, name in connections.named(tx, self.api.organisation_id).items()}
        self.file(f"external_id,name\n{WORD}-Key-1,{WORD} filed\n")
        now = self.api.get(f"/customers/{mine}")
        self.file(f"name,email\n{WORD} other,{now['email']}\n")
        self.file(f"name,email\n{now['customer_name']},nobody\n")
        keep_hints(
            self.api.database,
            organisation_id=self.api.organisation_id,
            connection_id=named["salesforce"],
            events={"event-1": self.refs["salesforce"]},
        )

    def file(self, text: str) -> None:
        """Send a file, of which a plan is made and waits."""
        sent = self.api.upload(text)
        assert sent.status_code == 202, sent.text
        with self.api.database.transaction() as tx:
            connection = imports.files(tx, self.api.organisation_id)
        carry_out(self.api.served.services, connection, lambda _event: None)

    def undo_a_run(self) -> None:
        self.edit("hubspot", email=f"undone@{WORD}.example")
        report = self.sync("hubspot")
        assert report.counts["updated_local"] == 1
        services, mine = self.api.served.services, self.api.organisation_id
        undo(services, mine, report.run, actor="test", record=f"{WORD}-Key-1", progress=lambda _event: None)

    def rows(self) -> dict[str, list[str]]:
        """Every row of every table, as text in lower case."""
        with self.api.database.reading() as tx:
            return {
                table.name: [repr(tuple(row)).lower() for row in tx.execute(select(table))]
                for table in metadata.sorted_tables
            }

    def traces(self, *words: str) -> set[str]:
        """The tables in which one of these words stands."""
        wanted = [each.lower() for each in words]
        return {
            name
            for name, found in self.rows().items()
            if any(word in row for row in found for word in wanted)
        }

    def there(self) -> JSON:
        """What both CRMs hold."""
        return [crm.control("GET", "records") for crm in self.crms.values()]


def contract(customer_id: str) -> dict[str, Any]:
    """A contract that has ended."""
    times = {"start_date": "2020-01-01T00:00:00Z", "end_date": "2021-01-01T00:00:00Z"}
    texts = {"name": f"{WORD} plan", "description": WORD}
    return {
        "customer_id": customer_id,
        **texts,
        **times,
        "status": "active",
        "currency": "EUR",
        "tags": [WORD],
        "custom_attributes": {WORD: WORD},
        "contract_link": f"https://x.example/{WORD}",
        "source": {"system": WORD},
        "phases": [{**texts, **times, "pricings": [{"label": WORD, "amount": 12}]}],
    }


def lived(database: Database) -> Iterator[Lived]:
    """Serve both CRMs and the API, and let the customer live."""
    with ExitStack() as stack:
        for served in serve(database):
            crms = {}
            for kind in KINDS:
                sandbox = sandboxes.build(kind, seed=1, empty=True)
                stack.callback(sandbox.close)
                server = stack.enter_context(SandboxServer(sandbox.app))
                served.connect(kind, kind, url=server.url, credentials=sandbox.credentials)
                crms[kind] = Crm(server.url, sandbox.credentials)
            made = Lived(program(served), crms)
            for kind in KINDS:
                made.sync(kind)
            made.live()
            yield made
