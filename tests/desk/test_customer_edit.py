"""A customer is added and edited in a browser, and the CRMs change accordingly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from sync.store.customers import StoredCustomer
from sync.store.query import rows
from sync.store.session import Database
from sync.store.worktables import audit
from sync.users import UserRole
from tests.desk.browser import Person
from tests.desk.conftest import Desk, desk_of
from tests.desk.stack import Stack, stack_of
from tests.web.conftest import serve

World = tuple[Desk, Stack]
REFUSED = "the server responded with a status of 4"


@pytest.fixture
def world(postgresql: Database, browser: Browser) -> Iterator[World]:
    """A site over both sandboxes, which are empty, and people who may sign in."""
    for served in serve(postgresql, public_url=None):
        for desk in desk_of(served, browser):
            with stack_of(served) as stack:
                yield desk, stack


@pytest.fixture
def alone(postgresql: Database, browser: Browser) -> Iterator[World]:
    """A site without a CRM."""
    for served in serve(postgresql, public_url=None):
        for desk in desk_of(served, browser):
            yield desk, Stack(served)


def editor(desk: Desk, path: str, role: UserRole = UserRole.REVIEWER, **options: Any) -> Person:
    person = desk.signed_in(role, path, **options)
    person.expected.append(REFUSED)
    person.page.locator("#form").wait_for()
    return person


def save(page: Page, name: str = "Save") -> None:
    page.locator(".ways").get_by_role("button", name=name, exact=True).click()


def only(stack: Stack) -> StoredCustomer:
    (found,) = stack.customers().values()
    return found


def why(page: Page, slot: str) -> str:
    return page.locator(f"#why-{slot}").inner_text()


def test_an_edit_in_the_page_changes_the_crms(world: World) -> None:
    desk, stack = world
    customer_id = stack.add("ACME-42", customer_name="Acme", phone_number="+1 212 555 0100")
    for _ in range(2):
        stack.sync()
    person = editor(desk, f"/desk/customers/{customer_id}/edit")
    page, woken = person.page, len(stack.served.wakes)
    person.check()
    page.get_by_label("Name required").fill("Acme Limited")
    page.locator("#address-in").select_option(label="Germany")
    page.locator("#address-line1").fill("Hauptstr. 5")
    page.locator("#address-city").fill("Berlin")
    page.get_by_label("Postal code").first.fill("10115")
    save(page)
    page.get_by_text("Saved. CRMs").wait_for()
    person.check()
    assert len(stack.served.wakes) > woken
    assert "Our changes wait to be written" in page.locator("section[aria-labelledby=links]").inner_text()
    with stack.served.database.reading() as tx:
        mine = select(audit).where(audit.c.subject == customer_id, audit.c.action == "customer.changed")
        (noted,) = rows(tx, mine)
    assert noted["actor"] == f"user:{desk_email(UserRole.REVIEWER)}"
    assert set(noted["details"]["fields"]) == {"customer_name", "address"}
    for product in ("Salesforce", "HubSpot"):
        place = page.get_by_role("link", name=f"Open it in {product}").get_attribute("href") or ""
        assert stack.ref(product.lower(), customer_id)[:15] in place
    stack.sync()
    for name in ("salesforce", "hubspot"):
        record = stack.record(name, stack.ref(name, customer_id))
        assert (record["name"], record["city"], record["country"]) == ("Acme Limited", "Berlin", "Germany")
        assert record["street"] == "Hauptstr. 5"


def desk_email(role: UserRole) -> str:
    return f"{role.value}@default.example"


def test_a_new_customer_is_made_in_the_crms_and_once(world: World) -> None:
    desk, stack = world
    for name in stack.urls:
        stack.sync(name)
    person = editor(desk, "/desk/customers/new")
    page = person.page
    person.check()
    page.get_by_label("Name required").fill("Bolt AG")
    page.get_by_label("Customer number").fill("B-1")
    page.get_by_label("E-mail").fill("billing@bolt.example")
    page.get_by_label("Jurisdiction and kind").fill("eu vat")
    page.locator("#tax-0").fill("DE136695976")
    page.keyboard.press("Tab")
    page.get_by_text("Fits the rules of European Union (VAT).").wait_for()
    page.get_by_role("button", name="Add a tax number").click()
    page.locator("#tax-1-kind").fill("IND GST")
    page.locator("#tax-1").fill("27AAPFU0939F1ZV")
    page.get_by_label("Is charged automatically").uncheck()
    page.get_by_label("Custom data").fill('{"exempt_tax": true}')
    page.get_by_label("Tags").fill('{"tier": "gold"}')
    form = page.locator("#form").evaluate("form => new URLSearchParams(new FormData(form)).toString()")
    save(page, "Add")
    page.get_by_text("Added.").wait_for()
    assert re.search(r"/desk/customers/[0-9a-f]{32}\?said=added", page.url)
    made = only(stack)
    assert made.tax == {"tax_info.EU.VAT": "DE136695976", "tax_info.IND.GST": "27AAPFU0939F1ZV"}
    assert made.value("custom_data.exempt_tax") is True
    assert made.value("custom_attributes.tier") == "gold"
    assert (made.row["auto_charge_enabled"], made.row["communications_enabled"]) == (False, True)
    stack.sync()
    for name in ("salesforce", "hubspot"):
        assert stack.record(name, stack.ref(name, made.id))["name"] == "Bolt AG"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    asked = """({form, headers}) =>
        fetch('/desk/customers/new', {method: 'POST', body: form, headers}).then(answer => answer.url)"""
    assert page.evaluate(asked, {"form": form, "headers": headers}) == page.url, "the same form again"
    other = form.replace("Bolt", "Other").replace("B-1", "B-2").replace("billing", "other")
    assert page.evaluate(asked, {"form": other, "headers": headers}).endswith("/new")
    assert only(stack).id == made.id


def test_a_new_customer_is_joined_with_the_record_that_it_comes_from(world: World) -> None:
    desk, stack = world
    ref = stack.create("hubspot", "B-1", name="Bolt")
    person = editor(desk, "/desk/customers/new")
    page = person.page
    page.get_by_label("Name required").fill("Bolt")
    page.get_by_label("Customer number").first.fill("B-1")
    page.get_by_label("Record’s id there").fill("no such id")
    save(page, "Add")
    page.get_by_role("alert").wait_for()
    assert "Say the connection, too." in why(page, "connector")
    page.get_by_label("Connection").select_option("hubspot")
    page.get_by_label("Record’s id there").fill(ref)
    save(page, "Add")
    page.get_by_text("Added.").wait_for()
    assert stack.ref("hubspot", only(stack).id) == ref


def test_whoever_only_reads_finds_no_form(alone: World) -> None:
    desk, stack = alone
    customer_id = stack.add("A")
    person = desk.signed_in(UserRole.VIEWER, f"/desk/customers/{customer_id}")
    person.page.get_by_role("heading", level=1).wait_for()
    assert person.page.get_by_role("link", name="Edit").count() == 0
    person.expected.append(REFUSED)
    for path in ("new", f"{customer_id}/edit"):
        person.page.goto(f"{desk.served.url}/desk/customers/{path}")
        assert "reviewer" in person.page.locator("main").inner_text()
