"""Contacts, wallets and the end of a customer, in a browser."""

from __future__ import annotations

from typing import Any

from sync import contacts, contracts, wallets
from sync.contract_input import ContractInput
from sync.store import customers
from sync.store.query import Row
from sync.users import UserRole
from tests.desk.browser import Person
from tests.desk.conftest import Desk
from tests.desk.stack import Stack
from tests.desk.test_customer_edit import REFUSED, World, alone, why, world

__all__ = ["alone", "world"]


def at(desk: Desk, customer_id: str, **options: Any) -> Person:
    """A reviewer at a customer's page."""
    person = desk.signed_in(UserRole.REVIEWER, f"/desk/customers/{customer_id}", **options)
    person.expected.append(REFUSED)
    person.page.get_by_role("link", name="Add a wallet").wait_for()
    return person


def people(stack: Stack, customer_id: str) -> list[Row]:
    with stack.served.database.reading() as tx:
        return contacts.page(tx, stack.served.organisation_id, customer_id=customer_id, limit=9)


def purses(stack: Stack, customer_id: str) -> list[Row]:
    with stack.served.database.reading() as tx:
        return wallets.page(tx, stack.served.organisation_id, customer_id=customer_id, limit=9)


def test_contacts_are_added_edited_and_removed(alone: World) -> None:
    desk, stack = alone
    customer_id = stack.add("A", customer_name="Acme")
    person = at(desk, customer_id, viewport={"width": 320, "height": 700})
    page = person.page
    page.get_by_role("link", name="Add a contact").click()
    page.get_by_label("First name").fill("Ada")
    person.check()
    page.get_by_role("button", name="Add").click()
    page.get_by_role("alert").wait_for()
    assert "Is required" in why(page, "email")
    person.check()
    page.get_by_label("E-mail").fill("ada@acme.example")
    page.get_by_label("Gets invoices").check()
    page.get_by_role("button", name="Add").click()
    page.get_by_text("The contact is added.").wait_for()
    (row,) = people(stack, customer_id)
    assert (row["email"], row["first_name"], row["send_invoice"], row["send_contract"]) == (
        *("ada@acme.example", "Ada"),
        *(True, False),
    )
    page.get_by_role("link", name="ada@acme.example").click()
    page.get_by_label("First name").fill("Augusta Ada")
    page.get_by_label("Gets invoices").uncheck()
    contacts.change(
        stack.served.database,
        stack.served.organisation_id,
        row["id"],
        contacts.ContactChange(last_name="Byron"),
        actor="test",
    )
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Somebody was faster").wait_for()
    assert page.get_by_label("Last name").input_value() == "Byron"
    assert page.get_by_label("First name").input_value() == "Ada"
    assert "Your form said: Augusta Ada." in why(page, "first_name")
    assert "Your form said: no." in why(page, "send_invoice")
    assert why(page, "email") == ""
    person.check()
    assert people(stack, customer_id)[0]["send_invoice"] is True
    page.get_by_label("First name").fill("")
    page.get_by_label("Gets contracts").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The contact is saved.").wait_for()
    (row,) = people(stack, customer_id)
    assert (row["first_name"], row["last_name"], row["send_contract"]) == (None, "Byron", True)
    page.get_by_role("link", name="ada@acme.example").click()
    page.get_by_role("button", name="Remove the contact").click()
    page.get_by_text("The contact is removed.").wait_for()
    assert people(stack, customer_id) == []
    history = page.locator("section[aria-labelledby=history]").inner_text()
    assert "Customer added" in history


def test_a_wallet_is_made_added_to_and_deducted_from_exactly(alone: World) -> None:
    desk, stack = alone
    customer_id = stack.add("A", customer_name="Acme")
    person = at(desk, customer_id, java_script_enabled=False)
    page = person.page
    page.get_by_role("link", name="Add a wallet").click()
    page.get_by_role("button", name="Add").click()
    assert "no currency code" in why(page, "currency")
    page.get_by_label("Currency").select_option("EUR")
    page.get_by_role("button", name="Add").click()
    page.get_by_text("The wallet is made").wait_for()
    page.get_by_role("link", name="Add a wallet").click()
    page.get_by_label("Currency").select_option("EUR")
    page.get_by_role("button", name="Add").click()
    assert "has a wallet in EUR" in why(page, "currency")
    page.goto(f"{desk.served.url}/desk/customers/{customer_id}")

    def enter(amount: str, reason: str, way: str) -> None:
        page.get_by_role("link", name="Add or deduct").click()
        page.get_by_label("Amount in EUR").fill(amount)
        page.get_by_label("Reason").fill(reason)
        page.get_by_role("button", name=way, exact=True).click()

    enter("0.1", "Top-up", "Add")
    page.get_by_text("The credit is added.").wait_for()
    enter("0.2", "Top-up", "Add")
    page.get_by_role("heading", name="0.3 EUR").wait_for()
    enter("0.300000001", "Too much", "Deduct")
    assert "Is more than the balance of 0.3" in why(page, "amount")
    assert page.get_by_label("Reason").input_value() == "Too much"
    page.get_by_label("Amount in EUR").fill("1,5")
    page.get_by_label("Reason").fill("")
    page.get_by_role("button", name="Deduct", exact=True).click()
    assert "plain decimal number" in why(page, "amount")
    assert why(page, "reason") != ""
    page.get_by_label("The balance may be below zero").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The wallet is saved.").wait_for()
    enter("1", "Correction", "Deduct")
    page.get_by_role("heading", name="-0.7 EUR").wait_for()
    assert "Correction" in page.locator("section[aria-labelledby=wallets]").inner_text()
    page.get_by_role("link", name="Add or deduct").click()
    page.get_by_label("The balance may be below zero").uncheck()
    page.get_by_role("button", name="Save").click()
    assert "The balance is -0.7" in why(page, "may_be_negative")
    (purse,) = purses(stack, customer_id)
    mine = stack.served.organisation_id
    wallets.add(
        stack.served.database,
        mine,
        purse["id"],
        wallets.EntryInput.model_validate({"amount": "5", "reason": "Elsewhere"}),
        actor="api:billing",
    )
    page.get_by_label("Amount in EUR").fill("9")
    page.get_by_label("Reason").fill("Late")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("Somebody was faster").wait_for()
    assert "4.3 EUR" in page.locator("main").inner_text()
    assert purses(stack, customer_id)[0]["balance"] == purse["balance"] + 5


def test_the_wallet_pages_are_in_order(alone: World) -> None:
    desk, stack = alone
    customer_id = stack.add("A", customer_name="Acme")
    person = at(desk, customer_id, viewport={"width": 320, "height": 700})
    page = person.page
    page.get_by_role("link", name="Add a wallet").press("Enter")
    page.get_by_label("Currency").wait_for()
    person.check()
    page.get_by_label("Currency").select_option("USD")
    page.get_by_role("button", name="Add").press("Enter")
    page.get_by_role("link", name="Add or deduct").press("Enter")
    page.get_by_label("Amount in USD").wait_for()
    person.check()
    page.get_by_label("Amount in USD").press("Enter")
    page.get_by_role("alert").wait_for()
    person.check()
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"


def test_a_customer_is_deleted_here_and_stays_in_the_crms(world: World) -> None:
    desk, stack = world
    customer_id = stack.add("A", customer_name="Acme")
    for _ in range(2):
        stack.sync()
    refs = {name: stack.ref(name, customer_id) for name in stack.urls}
    database, mine = stack.served.database, stack.served.organisation_id
    body = {
        "customer_id": customer_id,
        "name": "Platform",
        "status": "active",
        "currency": "EUR",
        "start_date": "2026-01-01T00:00:00Z",
        "phases": [{"name": "Paid", "start_date": "2026-01-01T00:00:00Z"}],
    }
    contract = contracts.add(database, mine, ContractInput.model_validate(body), actor="test")
    person = at(desk, customer_id)
    page = person.page
    page.get_by_role("link", name="Delete …").click()
    page.get_by_text("It cannot be deleted now: 1 contract that is active").wait_for()
    person.check()
    assert page.get_by_role("button", name="Delete the customer here").count() == 0
    contracts.delete(database, mine, contract, actor="test", version=None)
    page.reload()
    told = page.locator("main").inner_text()
    for name in refs.values():
        assert f"the record {name} stays as it is" in told
    stack.change("A", "customer_name=Acme again")
    page.get_by_role("button", name="Delete the customer here").click()
    page.get_by_text("Nothing was deleted; look again.").wait_for()
    person.check()
    page.get_by_role("button", name="Delete the customer here").click()
    page.get_by_text("The customer is deleted here.").wait_for()
    person.check()
    assert stack.customers() == {}
    stack.sync()
    for name, ref in refs.items():
        assert stack.record(name, ref)["name"] == "Acme"
    assert stack.customers() == {}
    with database.reading() as tx:
        found = customers.one(tx, mine, customer_id)
    assert found is not None
    assert found.row["deleted_at"] is not None


def test_what_belongs_to_another_customer_is_not_there(alone: World) -> None:
    desk, stack = alone
    one, other = stack.add("A"), stack.add("B")
    database, mine = stack.served.database, stack.served.organisation_id
    contact = contacts.create(
        database, mine, contacts.ContactInput(customer_id=one, email="ada@acme.example"), actor="test"
    )
    wallet = wallets.create(
        database, mine, wallets.WalletInput(customer_id=one, currency="EUR"), actor="test"
    )
    person = at(desk, other)
    for path in (f"contacts/{contact['id']}", f"wallets/{wallet['id']}/adjust"):
        answer = person.page.goto(f"{desk.served.url}/desk/customers/{other}/{path}")
        assert answer is not None
        assert answer.status == 404, path
