"""A CRM is connected by the pages alone, from nothing to an approved first plan, on both sandboxes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import text

from cli import sandboxes
from connectors.outbound import PRIVATE_ALLOWED
from connectors.sandbox.server import SandboxServer
from sync.store import connections
from sync.store.connections import StoredConnection
from sync.store.session import Database
from sync.users import UserRole
from tasks.jobs import drain
from tests.desk.conftest import Desk, desk_of
from tests.desk.stack import NAMES, Stack
from tests.web.conftest import serve

SECRETS = {"salesforce": "client_secret", "hubspot": "token"}
FIELDS = {
    "salesforce": {"Consumer key": "client_id", "Consumer secret": "client_secret"},
    "hubspot": {"Private app or service key token": "token"},
}
"""What the form asks for, and which credential of the sandbox it is."""
ADDRESSES = {
    "salesforce": ("BillingCity", "Billing_Email__c"),
    "hubspot": ("city", "billing_email"),
}


@dataclass
class Bench:
    """A site that nothing is connected to, and two CRMs with some records."""

    desk: Desk
    stack: Stack
    credentials: dict[str, dict[str, str]]

    def connection(self, name: str) -> StoredConnection:
        with self.desk.database.reading() as tx:
            return connections.find(tx, self.stack.served.organisation_id, name)

    def none(self) -> bool:
        with self.desk.database.reading() as tx:
            return connections.listing(tx, self.stack.served.organisation_id) == []

    def work(self) -> None:
        drain(self.stack.served.services, lambda _event: None)


@pytest.fixture
def bench(postgresql: Database, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Two empty sandboxes, which the pages may be led to."""
    monkeypatch.setenv(PRIVATE_ALLOWED, "1")
    for served in serve(postgresql, public_url=None):
        for desk in desk_of(served, browser):
            with ExitStack() as ending:
                stack, credentials = Stack(served), {}
                for name in NAMES:
                    sandbox = sandboxes.build(name, seed=1, empty=True)
                    ending.callback(sandbox.close)
                    server = SandboxServer(sandbox.app).start()
                    ending.callback(server.stop)
                    stack.urls[name], credentials[name] = server.url, sandbox.credentials
                yield Bench(desk, stack, credentials)


def people(bench: Bench, name: str) -> None:
    """Two customers of the CRM, one with a hostile name."""
    good = {"street": "1 Main Street", "city": "Austin", "postal": "73301", "country": "US"}
    bench.stack.create(name, "A-1", name="Acme", email="ap@acme.example", **good)
    bench.stack.create(name, "B-2", name="Bolt \u202egnp", email="b@bolt.example", **good)


def fill(bench: Bench, page: Page, name: str, **other: str) -> None:
    """The first step's form."""
    page.get_by_label("Address of the CRM").fill(bench.stack.urls[name])
    for label, credential in FIELDS[name].items():
        shown = page.get_by_label(label).locator("visible=true").first
        shown.fill(other.get(credential, bench.credentials[name][credential]))
    page.get_by_role("button", name="Connect and test").click()


@pytest.mark.parametrize("name", NAMES)
def test_a_crm_is_connected_to_an_approved_first_plan(
    bench: Bench, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    people(bench, name)
    city, email = ADDRESSES[name]
    person = bench.desk.signed_in(UserRole.ADMIN, "/desk/connections")
    page, pages = person.page, []

    def at(heading: str) -> None:
        page.get_by_role("heading", level=1, name=heading).wait_for()
        person.check()
        pages.append(page.content())

    at("Connections")
    page.get_by_role("link", name="Connect a CRM").click()
    at("Which CRM?")
    page.locator("main ul.cards").get_by_role("link", name=name).click()
    at("Connect ")
    fill(bench, page, name)
    at("What ")
    assert "2 records of" in page.locator("main").inner_text()
    page.get_by_role("link", name="Go on to the map").click()
    at("Map of ")
    shown = page.locator("main").inner_text()
    assert "ap@acme.example" in shown
    assert "Bolt U+202Egnp" in shown
    box = page.get_by_label("E-mail", exact=True)
    box.fill(city)
    box.press("Tab")
    page.get_by_text("2 of 2 do not fit: is not a valid e-mail address").wait_for()
    person.check()
    box.fill(email)
    box.press("Tab")
    page.get_by_text("2 of 2 do not fit").wait_for(state="detached")
    page.get_by_role("button", name="Save and go on").click()
    at("Rules of ")
    page.get_by_label("Phone", exact=True).select_option("always_crm")
    page.get_by_role("button", name="Save and go on").click()
    at("Addresses and first matches of ")
    page.get_by_label("Let it through if one side alone").check()
    page.get_by_role("button", name="Save and go on").click()
    at("Scope of ")
    page.get_by_label("Field").first.select_option("external_id")
    page.get_by_label("How").first.select_option("starts")
    page.get_by_label("Values").first.fill("A-")
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("heading", name="1 of the first 2 records in scope").wait_for()
    at("Scope of ")
    page.get_by_role("button", name="Save and go on").click()
    at("Schedule of ")
    page.get_by_label("Look for changes: every how many").fill("5")
    page.get_by_label("Look for changes: unit").select_option("60")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    with page.expect_navigation():  # the heading of the step holds the name, too
        page.get_by_role("button", name="Save and go on").click()
    at(name)
    shown = page.locator("main").inner_text()
    assert "every 5 minutes" in shown
    assert "Customer number begins with A-" in shown
    assert "From the CRM to here only" in shown
    assert "Let it through if one side alone" in shown
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_text("Waits for a worker").wait_for()
    bench.work()
    page.get_by_role("button", name="Approve this plan").click()
    page.get_by_text("A worker carries the plan out").wait_for()
    bench.work()
    kept = bench.connection(name)
    assert (kept.state.value, kept.row["first_sync"]) == ("active", "done")
    assert list(bench.stack.customers()) == ["A-1"]
    person.open(f"/desk/connections/{kept.id}")
    at(name)
    assert "At work" in page.locator("main").inner_text()
    told_nowhere(bench, name, "\n".join([*pages, caplog.text]))


def told_nowhere(bench: Bench, name: str, told: str) -> None:
    """No page, log or audit, and no table in clear, holds the secret."""
    secret = bench.credentials[name][SECRETS[name]]
    assert secret not in told
    with bench.desk.database.reading() as tx:
        tables = tx.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"))
        names = set(tables.scalars())
        assert {"audit", "connections", "runs"} <= names
        for table in names:
            rows = tx.execute(text(f"SELECT CAST(t AS text) FROM {table} t")).scalars()  # noqa: S608
            assert not any(secret in row for row in rows), table


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_credential_is_told_and_nothing_is_kept(bench: Bench, name: str) -> None:
    person = bench.desk.signed_in(UserRole.ADMIN, f"/desk/connections/new/{name}")
    person.expected.append("422")
    page = person.page
    fill(bench, page, name, **{SECRETS[name]: "a-wrong-secret-canary"})
    page.get_by_role("alert").wait_for()
    person.check()
    assert "Nothing was kept" in page.locator("main").inner_text()
    assert "canary" not in page.content()
    assert page.get_by_label("Address of the CRM").input_value() == bench.stack.urls[name]
    assert bench.none()
    page.get_by_label("Address of the CRM").fill("http://127.0.0.1:9")
    page.get_by_label(next(iter(FIELDS[name]))).locator("visible=true").first.fill("x")
    page.get_by_role("button", name="Connect and test").click()
    page.get_by_role("alert").wait_for()
    assert bench.none()
    fill(bench, page, name)
    page.get_by_role("heading", name="What ").wait_for()
    assert not bench.none()


def test_without_javascript_on_a_narrow_screen(bench: Bench) -> None:
    people(bench, "hubspot")
    narrow = {"width": 320, "height": 700}
    person = bench.desk.signed_in(
        UserRole.ADMIN, "/desk/connections/new/hubspot", java_script_enabled=False, viewport=narrow
    )
    page = person.page
    fill(bench, page, "hubspot")
    page.get_by_role("link", name="Go on to the map").click()
    page.get_by_label("City").first.fill("no_such_field")
    page.get_by_role("button", name="Show values").click()
    assert "has no field no_such_field" in page.locator("main").inner_text()
    page.get_by_label("City").first.fill("not a name")
    page.get_by_role("button", name="Save and go on").click()
    assert "is no name of a CRM field" in page.locator("main").inner_text()
    page.get_by_label("City").first.fill("city")
    page.get_by_label("Our field, further line 1").fill("custom_data.site")
    page.get_by_label("Field of the CRM, further line 1").fill("domain")
    page.get_by_role("button", name="Save and go on").click()
    for heading in ("Rules of", "Addresses", "Scope of", "Schedule of"):
        page.get_by_role("heading", level=1, name=heading).wait_for()
        page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("button", name="Make the plan").click()
    bench.work()
    page.reload()
    page.get_by_role("button", name="Approve this plan").click()
    bench.work()
    kept = bench.connection("hubspot")
    assert kept.row["first_sync"] == "done"
    assert ("custom_data.site", "domain") in [(line.field, line.crm) for line in kept.settings.map]


def test_by_keyboard_alone(bench: Bench) -> None:
    person = bench.desk.signed_in(UserRole.ADMIN, "/desk/connections/new")
    page = person.page

    def tab_to(reached: str) -> None:
        for _ in range(150):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches({reached!r})"):
                return
        raise AssertionError(reached)

    tab_to("a[href$='/new/salesforce']")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Connect Salesforce").wait_for()
    tab_to("#url")
    page.keyboard.type(bench.stack.urls["salesforce"])
    tab_to("input[type=radio]")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.value") == "JWT"
    page.keyboard.press("ArrowUp")
    for name in ("client_id", "client_secret"):
        tab_to(f"input[name$=':{name}']")
        page.keyboard.type(bench.credentials["salesforce"][name])
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="What ").wait_for()
    tab_to("a[href$='/map']")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Map of").wait_for()
    tab_to("form.settings button")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Rules of").wait_for()
    tab_to("summary")
    page.keyboard.press("Enter")
    tab_to("select[name='blanks:customer_name']")
    page.keyboard.press("ArrowDown")
    assert page.locator("select[name='preset:customer_name']").input_value() == "custom"
    tab_to("form.settings button")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Addresses").wait_for()
    rule = bench.connection("salesforce").settings.rules["customer_name"]
    assert rule.blanks.value == "propagate"
