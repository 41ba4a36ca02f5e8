"""Customers are found and read in a browser: every part of them, each CRM's side, and what happened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser
from sqlalchemy import event, update

from sync import contacts, contracts, customers, wallets
from sync.clock import new_id
from sync.contract_input import ContractInput
from sync.intake import parse_customer
from sync.store import connections
from sync.store.connections import ConnectionState
from sync.store.schema import customers as table
from sync.store.schema import links as links_table
from sync.store.session import Database
from sync.users import UserRole
from tests.desk.conftest import PASSWORD, Desk, desk_of
from tests.desk.test_forms import Client
from tests.web.api.steered import Steered, steer

World = tuple[Desk, Steered]


@pytest.fixture
def world(postgresql: Database, browser: Browser) -> Iterator[World]:
    """A site with a CRM, and people who may sign in."""
    for steered in steer(postgresql):
        for desk in desk_of(steered.api.served, browser):
            yield desk, steered


def add(steered: Steered, name: str, organisation_id: str | None = None, **values: Any) -> str:
    mine = organisation_id or steered.api.organisation_id
    body = parse_customer({"customer_name": name, **values})
    return customers.add(steered.api.database, mine, body, actor="user:jane@acme.example")


def furnish(steered: Steered, customer_id: str, contract_count: int = 1) -> None:
    """Give a customer a contact, contracts in two phases and a wallet with a ledger."""
    database, mine = steered.api.database, steered.api.organisation_id
    contact = contacts.ContactInput(customer_id=customer_id, email="ada@acme.example", send_invoice=True)
    contacts.create(database, mine, contact, actor="api:billing")
    for number in range(contract_count):
        body = {
            "customer_id": customer_id,
            "name": f"Platform {number}",
            "status": "active",
            "currency": "EUR",
            "start_date": "2026-01-01T00:00:00Z",
            "phases": [
                {"name": "Trial", "start_date": "2026-01-01T00:00:00Z", "end_date": "2026-02-01T00:00:00Z"},
                {"name": "Paid", "start_date": "2026-02-01T00:00:00Z"},
            ],
        }
        contracts.add(database, mine, ContractInput.model_validate(body), actor="api:billing")
    wallet = wallets.create(
        database, mine, wallets.WalletInput(customer_id=customer_id, currency="EUR"), actor="api:billing"
    )
    for amount in range(1, 35):
        entry = wallets.EntryInput.model_validate({"amount": str(amount), "reason": f"Top-up {amount}"})
        wallets.add(database, mine, wallet["id"], entry, actor="api:billing")


def test_a_customer_is_found_by_name_number_and_address(world: World) -> None:
    desk, steered = world
    for number in range(55):
        add(steered, f"Customer {number:02}", external_id=f"K-{number}")
    acme = add(steered, "Acme 100% Ltd", external_id="ACME-42", email="Billing@Acme.example")
    person = desk.signed_in(UserRole.VIEWER, "/desk/customers", viewport={"width": 320, "height": 700})
    page = person.page
    names = page.locator("#found tbody th")
    person.check()
    assert names.all_inner_texts()[:2] == ["Acme 100% Ltd", "Customer 54"]
    assert names.count() == 50
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("link", name="First page").wait_for()
    assert names.all_inner_texts() == [f"Customer {number:02}" for number in range(5, -1, -1)]
    for text in ("acme", "100% l", "acme-42", "billing@acme.example"):
        page.goto(f"{desk.served.url}/desk/customers")
        page.get_by_label("Name, customer number").fill(text)
        page.get_by_role("button", name="Search").click()
        page.locator("#found tbody tr:only-child").wait_for()
        assert names.all_inner_texts() == ["Acme 100% Ltd"], text
    page.get_by_label("Name, customer number").fill("nobody%")
    page.get_by_text("Nobody has this").wait_for()
    person.check()
    page.go_back()
    page.get_by_role("link", name="Acme 100% Ltd").click()
    page.get_by_role("heading", level=1, name="Acme 100% Ltd").wait_for()
    assert page.url.endswith(f"/desk/customers/{acme}")
    person.check()


def test_a_customer_is_shown_with_all_that_belongs_to_it(world: World) -> None:
    desk, steered = world
    crm = steered.crms["crm"]
    refs = steered.pair("a", name="Acme", email="old@acme.example")
    steered.sync()
    customer_id = steered.customer("a")["id"].replace("-", "")
    furnish(steered, customer_id)
    customers.change(
        desk.database,
        steered.api.organisation_id,
        "a",
        ["email=new@acme.example"],
        actor="user:jane@acme.example",
    )
    person = desk.signed_in(UserRole.VIEWER, f"/desk/customers/{customer_id}")
    page = person.page
    person.check()
    links = page.locator("section[aria-labelledby=links]")
    assert "Our changes wait to be written" in links.inner_text()
    differing = links.locator("tr.differs")
    assert differing.count() == 1
    assert differing.locator("td").all_inner_texts() == ["new@acme.example", "old@acme.example"]
    assert "ada@acme.example\t\tinvoices" in page.locator("section[aria-labelledby=contacts]").inner_text()
    contract = page.locator("section[aria-labelledby=contracts]").inner_text()
    assert "Trial" in contract
    assert "Paid runs now" in contract
    assert page.locator("svg.phases rect").count() == 2
    assert page.locator("svg.phases rect.runs").count() == 1
    wallet = page.locator("section[aria-labelledby=wallets]")
    assert wallet.get_by_role("heading", level=3).inner_text() == "595 EUR"
    assert wallet.locator("tbody tr").count() == 10
    assert "Top-up 34" in wallet.locator("tbody tr").first.inner_text()
    history = page.locator("section[aria-labelledby=history] li")
    newer = sum("Credit added" in each for each in history.all_inner_texts())
    newest = history.first.inner_text()
    assert "Changed here" in newest
    assert "by jane@acme.example" in newest
    assert "old@acme.example" in newest
    page.get_by_role("link", name="Older changes").click()
    page.get_by_role("heading", name="Older changes").wait_for()
    person.check()
    texts = page.locator("main li").all_inner_texts()
    assert any("Customer made here" in each and "in the run Sync" in each for each in texts)
    assert any("Wallet made" in each and "by api:billing" in each for each in texts)
    assert sum("Credit added" in each for each in texts) + newer == 34, "each change once"
    page.goto(f"{desk.served.url}/desk/customers/{customer_id}")
    page.get_by_role("link", name="The whole ledger in EUR").click()
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("link", name="First page").wait_for()
    assert "Top-up 34" in page.locator("tbody tr").last.inner_text()
    person.check()
    crm.edit(refs["crm"], {"email": "fresh@acme.example"})
    page.goto(f"{desk.served.url}/desk/customers/{customer_id}")
    page.get_by_role("link", name="Read it from the CRMs now").click()
    page.get_by_text("read now").wait_for()
    assert differing.locator("td").all_inner_texts() == ["new@acme.example", "fresh@acme.example"]
    person.check()
    state = links.locator(".card p > .state")
    with desk.database.transaction() as tx:
        tx.execute(update(links_table).values(dirty_at=None, dirty_why=None))
    page.reload()
    assert state.all_inner_texts() == ["Differs"]
    with desk.database.transaction() as tx:
        connections.set_state(tx, steered.connection().id, ConnectionState.PAUSED)
    page.reload()
    assert state.all_inner_texts() == ["Not synced: the connection is not at work"]


def test_what_comes_from_elsewhere_does_nothing_and_hides_nothing(world: World) -> None:
    desk, steered = world
    name = "<script>window.hit=1</script>\u202egnp.exe"
    customer_id = add(
        steered,
        name,
        phone_number="x" * 50,
        custom_data={"<b onclick=x>": "</details><iframe src=//evil.example>", "long": "w" * 30_000},
    )
    with desk.database.transaction() as tx:
        long = {"customer_name": name + " long" * 6_000, "phone_number": "y" * 30_000}
        tx.execute(update(table).where(table.c.id == customer_id).values(**long))
    person = desk.signed_in(UserRole.VIEWER, "/desk/customers", viewport={"width": 320, "height": 700})
    page = person.page
    person.check()
    page.goto(f"{desk.served.url}/desk/customers/{customer_id}")
    person.check()
    page.locator("summary").first.click()
    person.check()
    assert page.evaluate("window.hit") is None
    assert page.locator("main script, main iframe, main [onclick]").count() == 0
    assert "U+202E" in page.get_by_role("heading", level=1).inner_text()
    assert "U+202E" in page.title()


def test_what_is_not_theirs_is_not_there(world: World) -> None:
    desk, steered = world
    desk.person(UserRole.ADMIN, "Bolt")
    with desk.database.reading() as tx:
        bolt = connections.organisation(tx, "Bolt")
    foreign, mine = add(steered, "Foreign", bolt), add(steered, "Mine")
    furnish(steered, mine)
    client = Client(desk.served)
    email = desk.person(UserRole.VIEWER)
    client.send("POST", "/desk/sign-in", csrf=client.csrf(), email=email, password=PASSWORD)
    other = add(steered, "Other")
    with desk.database.reading() as tx:
        (wallet,) = wallets.page(tx, steered.api.organisation_id, customer_id=mine, limit=2)
    for path in (
        f"/{foreign}",
        f"/{foreign}/history",
        f"/{new_id()}",
        "/nothing",
        f"/{other}/wallets/{wallet['id']}",
        f"/{mine}/wallets/{new_id()}",
    ):
        assert client.send("GET", f"/desk/customers{path}").status_code == 404, path
    for path in ("?after=x", f"/{mine}/history?after=x", f"/{mine}/wallets/{wallet['id']}?after=x"):
        assert client.send("GET", f"/desk/customers{path}").status_code in (400, 422), path
    source, early, late = new_id(), "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"
    for after in (f"{early}~{source}~1", f"{late}~{source}~1", f"2026-01-01T00:00:00Z~{source}~{'9' * 40}"):
        assert client.send("GET", f"/desk/customers/{mine}/history?after={after}").status_code == 400, after
    assert "Foreign" not in client.send("GET", "/desk/customers?q=Foreign").text.partition("<tbody>")[2]


def test_the_number_of_statements_is_that_of_the_parts(world: World) -> None:
    desk, steered = world
    few, many = add(steered, "Few"), add(steered, "Many")
    furnish(steered, few)
    furnish(steered, many, 9)
    client = Client(desk.served)
    email = desk.person(UserRole.VIEWER)
    client.send("POST", "/desk/sign-in", csrf=client.csrf(), email=email, password=PASSWORD)
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(desk.database.engine, "before_cursor_execute", note)
    counts = []
    for path in (few, many):
        sent.clear()
        assert client.send("GET", f"/desk/customers/{path}").status_code == 200
        counts.append(len([each for each in sent if each.lstrip().startswith("SELECT")]))
    assert counts[0] == counts[1] <= 24
    sent.clear()
    assert client.send("GET", "/desk/customers").status_code == 200
    assert not any("count(" in each for each in sent)
    event.remove(desk.database.engine, "before_cursor_execute", note)
