"""What a person has typed or chosen is kept: when the session has ended, and when the form comes back."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect
from sqlalchemy import delete

from sync import wallets
from sync.store.usertables import web_sessions
from sync.users import UserRole
from tests.desk.browser import Person
from tests.desk.conftest import PASSWORD, Desk
from tests.desk.stack import Stack
from tests.desk.test_conflicts import clash, value, world
from tests.desk.test_imports import file, send

__all__ = ["world"]


def sign_in_elsewhere(desk: Desk, person: Person, role: UserRole) -> None:
    """Sign in again in another tab, and come back."""
    other = person.context.new_page()
    other.goto(f"{desk.served.url}/desk/sign-in")
    other.get_by_label("E-mail address").fill(f"{role.value}@default.example")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    other.wait_for_url("**/desk")
    other.close()


def end_sessions(desk: Desk) -> None:
    with desk.database.transaction() as tx:
        tx.execute(delete(web_sessions))


def test_what_was_typed_outlives_the_session_in_every_form(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    clash(stack, "A")
    (row,) = stack.questions()
    customer_id = str(row.row["customer_id"])
    wallet = wallets.create(
        desk.database,
        stack.served.organisation_id,
        wallets.WalletInput(customer_id=customer_id, currency="EUR"),
        actor="test",
    )
    person = desk.signed_in(UserRole.ADMIN)
    page, own = person.page, f"/desk/customers/{customer_id}"
    told = page.locator("#signed-out")
    for path, label, text, button, then in (
        (f"{own}/contacts/new", "E-mail", "a@acme.example", "Add", "The contact is added."),
        (f"{own}/wallets/{wallet['id']}/adjust", "Reason", "top-up", "Add", "The credit is added."),
        (f"/desk/conflicts/{row.id}", "Note", "Asked them", "Add the note", "The note is kept."),
    ):
        person.open(path)
        if label == "Reason":
            page.get_by_label("Amount").fill("12.50")
        page.get_by_label(label).fill(text)
        end_sessions(desk)
        page.get_by_role("button", name=button, exact=True).click()
        expect(told).to_be_visible()
        assert page.get_by_label(label).input_value() == text
        sign_in_elsewhere(desk, person, UserRole.ADMIN)
        page.get_by_role("button", name=button, exact=True).click()
        page.get_by_text(then).wait_for()
    page.get_by_label("another").check()
    page.get_by_text("Type it").click()
    page.get_by_role("textbox", name="Name").fill("Typed")
    end_sessions(desk)
    page.keyboard.press("Enter")
    expect(told).to_be_visible()
    person.check()
    sign_in_elsewhere(desk, person, UserRole.ADMIN)
    page.get_by_role("button", name="Decide as chosen").click()
    page.locator(".toast", has_text="Decided.").wait_for()
    assert value(stack, "A") == "Typed"
    for name in ("map", "rules", "policies", "scope", "schedule", "credentials"):
        page.goto(f"{desk.served.url}/desk/connections/{row.row['connection_id']}/{name}")
        assert page.locator("form.settings[data-keeps]").count() == 1, name
    page.goto(f"{desk.served.url}/desk/notices")
    assert page.locator("form.settings[data-keeps]").count() == 2


def test_a_number_that_is_no_customers_is_shown_to_be_corrected(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    stack.create("salesforce", None, name="Keyless Ltd")
    stack.sync("salesforce")
    (row,) = stack.questions("missing_external_id")
    page = desk.signed_in(UserRole.REVIEWER, f"/desk/conflicts/{row.id}").page
    page.get_by_label("Customer number").fill("ACME-24")
    page.get_by_role("button", name="Join to this customer").click()
    assert "no customer of this number" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Customer number").input_value() == "ACME-24"


def test_what_columns_are_is_kept_when_the_file_is_read_otherwise(desk: Desk, tmp_path: Path) -> None:
    text = "customer_name,Straße,Firm\nZoë,Hauptstraße 1,A-1\n".encode("cp1252")
    page = send(desk.signed_in(UserRole.REVIEWER, "/desk/imports"), file(tmp_path, text))
    page.get_by_label("Encoding").select_option("cp1252")
    page.get_by_text("Zoë").wait_for()
    recognised = page.get_by_label("Straße").input_value()
    page.get_by_label("Firm").select_option("external_id")
    with page.expect_navigation():
        page.get_by_label("Encoding").select_option("cp1250")
    assert page.get_by_label("Encoding").input_value() == "cp1250"
    assert page.get_by_label("Firm").input_value() == "external_id"
    assert page.get_by_label("Straße").input_value() == recognised
    with page.expect_navigation():
        page.get_by_label("Delimiter").select_option("tab")
    assert page.locator("table.columns tbody tr").count() == 1
