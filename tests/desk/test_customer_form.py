"""The form of a customer: what it tells, what it keeps, and who can fill it."""

from __future__ import annotations

from playwright.sync_api import expect
from sqlalchemy import delete, update

from sync import entities
from sync.entities import EntityInput
from sync.store.schema import customers as table
from sync.store.usertables import web_sessions
from sync.users import UserRole
from tests.desk.conftest import PASSWORD
from tests.desk.test_customer_edit import World, alone, editor, only, save, why

__all__ = ["alone"]


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_written(alone: World) -> None:
    desk, stack = alone
    stack.add("TAKEN", email="taken@acme.example")
    customer_id = stack.add("ACME-42", customer_name="Acme")
    person = editor(desk, f"/desk/customers/{customer_id}/edit", viewport={"width": 320, "height": 700})
    page = person.page
    page.get_by_label("Name required").fill(" ")
    page.get_by_label("Customer number").first.fill("TAKEN")
    page.get_by_label("E-mail").fill("taken@acme.example")
    page.locator("#address-line1").fill("x" * 501)
    page.get_by_label("Jurisdiction and kind").fill("VAT")
    page.locator("#tax-0").fill("1")
    page.get_by_label("Parent customer").fill("nobody")
    page.get_by_label("Custom data").fill('{"a": 1,\n "b": tru}')
    page.get_by_label("Tags").fill('{"a": 1,\n "a": 2}')
    save(page)
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert page.evaluate("document.activeElement.id") == "said"
    told = alert.inner_text()
    for text in (
        "Name: Is required.",
        "Customer number: Belongs to another customer",
        "E-mail: Belongs to another customer",
        "Billing address: Street: Is 501 characters long",
        "Tax number: The kind is a jurisdiction and a code",
        "Parent customer: There is no customer of this number.",
        "Custom data: Line 2, column 7",
        "Tags: Line 2, column 2: a key stands twice",
    ):
        assert text in told, (text, told)
    person.check()
    assert page.locator("[aria-invalid=true]").count() == 8
    assert page.get_by_label("Custom data").input_value() == '{"a": 1,\n "b": tru}'
    page.get_by_role("link", name="Custom data").click()
    assert page.evaluate("document.activeElement.id") == "custom_data"
    assert stack.customers()["ACME-42"].row["version"] == 1


def test_the_form_follows_the_country_and_tells_while_somebody_types(alone: World) -> None:
    desk, stack = alone
    stack.add("TAKEN", email="taken@acme.example")
    person = editor(desk, "/desk/customers/new")
    page = person.page
    page.get_by_label("E-mail").fill("taken@acme.example")
    page.keyboard.press("Tab")
    page.locator("#why-email .bad").wait_for()
    assert page.locator("#email").get_attribute("aria-invalid") == "true"
    page.get_by_label("E-mail").fill("free@acme.example")
    page.keyboard.press("Tab")
    page.locator("#why-email .bad").wait_for(state="detached")
    assert page.locator("#email").get_attribute("aria-invalid") is None
    page.locator("#address-in").focus()
    page.keyboard.type("United St")
    page.keyboard.press("Tab")
    page.keyboard.type("1 Main Street")
    page.locator("#label-address-zipCode", has_text="ZIP code").wait_for()
    assert page.locator("#address-line1").input_value() == "1 Main Street"
    assert page.evaluate("document.activeElement.id") == "address-line1"
    assert "required" in page.locator("#label-address-state").inner_text()
    page.locator("#address-state").select_option(label="Illinois (IL)")
    page.locator("#address-zipCode").fill("10115")
    page.keyboard.press("Tab")
    page.locator("#why-address-zipCode .waiting").wait_for()
    assert "not of the region" in why(page, "address-zipCode")
    assert why(page, "address-city") == "", "what was not reached yet is not missing"
    page.locator("#address-zipCode").fill("62701")
    page.locator("#address-city").fill("Springfield")
    page.keyboard.press("Tab")
    page.get_by_text("Fits the rules of its country.").wait_for()
    assert why(page, "address-zipCode") == ""
    page.locator("#address-in").select_option("JP")
    page.locator("#label-address-state", has_text="Prefecture").wait_for()
    assert page.locator("#address-state").input_value() == "IL", "what was chosen is not lost"
    page.locator("#why-address-state .waiting").wait_for()
    page.locator("#address-state").select_option(label="Tokyo (東京都)")
    page.get_by_label("Jurisdiction and kind").fill("EU VAT")
    page.locator("#tax-0").fill("DE1")
    page.keyboard.press("Tab")
    page.locator("#why-tax-0 .waiting").wait_for()
    person.check()


def test_a_doubt_is_told_once_and_is_the_persons_to_decide(alone: World) -> None:
    desk, stack = alone
    customer_id = stack.add("A", customer_name="Acme")
    page = editor(desk, f"/desk/customers/{customer_id}/edit").page
    page.get_by_label("Jurisdiction and kind").fill("EU VAT")
    page.locator("#tax-0").fill("DE1")
    save(page)
    page.get_by_text("Nothing was saved yet.").wait_for()
    assert stack.customers()["A"].tax == {}
    page.locator("#tax-0").fill("DE2")
    save(page, "Save as it is")
    page.get_by_text("Nothing was saved yet.").wait_for()
    assert page.locator("#tax-0").input_value() == "DE2"
    assert stack.customers()["A"].tax == {}, "another value than the one that was seen"
    save(page, "Save as it is")
    page.get_by_text("Saved. CRMs").wait_for()
    assert stack.customers()["A"].tax == {"tax_info.EU.VAT": "DE2"}
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Phone").fill("+1-555-0100")
    save(page)
    page.get_by_text("Saved. CRMs").wait_for()
    assert stack.customers()["A"].row["phone_number"] == "+1-555-0100", "what stood there is not asked about"


def test_whoever_is_slower_sees_the_fresh_values(alone: World) -> None:
    desk, stack = alone
    customer_id = stack.add("A", customer_name="Acme", phone_number="+1-555-0100")
    person = editor(desk, f"/desk/customers/{customer_id}/edit")
    page = person.page
    page.get_by_label("Name required").fill("Mine")
    stack.change("A", "customer_name=Theirs", "phone_number=+1-555-0199")
    save(page)
    page.get_by_text("Somebody was faster").wait_for()
    person.check()
    assert page.get_by_label("Name required").input_value() == "Theirs"
    assert "You had typed: Mine" in why(page, "customer_name")
    assert page.get_by_label("Phone").input_value() == "+1-555-0199"
    assert why(page, "phone_number") == "", "what was not touched is not told"
    assert stack.customers()["A"].row["customer_name"] == "Theirs"
    page.get_by_label("Name required").fill("Both")
    save(page)
    page.get_by_text("Saved. CRMs").wait_for()
    kept = stack.customers()["A"].row
    assert (kept["customer_name"], kept["phone_number"]) == ("Both", "+1-555-0199")


def test_nothing_changes_that_nobody_typed(alone: World) -> None:
    desk, stack = alone
    customer_id = stack.add(
        "A",
        customer_name="x" * 130,
        address={"line1": "Suite 5\n1 Main Street", "state": "illinois", "country": "usa", "city": "X"},
        ship_to_address={"country": "Freedonia", "country_code": "ZZ", "state": "Somewhere"},
        tax_info=[{"country_code": "CH", "tax_code": "UID", "tax_id": "CHE-1"}],
        custom_data={"b": [1.5, None, "é"], "a": {"deep": "\n x"}},
    )
    with stack.served.database.transaction() as tx:
        odd = {"email": "no address at all", "parent_customer_id": "of another system"}
        tx.execute(update(table).where(table.c.id == customer_id).values(**odd))
    before = stack.customers()["A"]
    page = editor(desk, f"/desk/customers/{customer_id}/edit").page
    save(page)
    page.get_by_text("Saved. CRMs").wait_for()
    assert stack.customers()["A"] == before
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Phone").fill("+1-555-0100")
    page.locator("#address-in").select_option("CA")
    page.locator("#address-state").select_option(label="Ontario (ON)")
    page.locator("#ship_to_address-in").select_option("FR")
    page.get_by_label("Custom data").fill('{"b": [1.5, null, "é"]}')
    page.get_by_role("button", name="Remove tax number 1").click()
    expect(page.get_by_label("Jurisdiction and kind")).to_have_value("")
    save(page)
    save(page, "Save as it is")
    page.get_by_text("Saved. CRMs").wait_for()
    after = stack.customers()["A"]
    canadian = {"city": "X", "state": "ON", "country": "Canada", "country_code": "CA"}
    assert after.row["address"] == {"line1": "Suite 5\n1 Main Street", **canadian}
    assert after.row["ship_to_address"] == {"state": "Somewhere", "country": "France", "country_code": "FR"}
    assert (after.row["custom_data"], after.tax) == ({"b": [1.5, None, "é"]}, {})
    assert after.row["email"] == "no address at all"


def test_the_form_works_without_javascript(alone: World) -> None:
    desk, stack = alone
    parent = stack.add("PARENT", customer_name="Above")
    database, mine = stack.served.database, stack.served.organisation_id
    entity = entities.create(database, mine, EntityInput(name="Ours GmbH"), actor="test")
    page = editor(desk, "/desk/customers/new", java_script_enabled=False).page
    page.get_by_label("Name required").fill("Bolt")
    page.get_by_label("Customer number").first.fill("B")
    page.get_by_role("button", name="Add a tax number").click()
    assert page.get_by_label("Name required").input_value() == "Bolt"
    page.locator("#tax-0-kind").fill("SG VAT")
    page.locator("#tax-0").fill("00192200M")
    page.get_by_role("button", name="Remove tax number 2").click()
    page.locator("#address-in").select_option("US")
    page.locator("#address-city").fill("Springfield")
    page.get_by_label("Parent customer").fill("PARENT")
    page.get_by_label("Our legal entity").select_option("Ours GmbH")
    page.get_by_label("Name required").press("Enter")
    page.get_by_text("Nothing was saved yet.").wait_for()
    assert "Is missing" in why(page, "address-state")
    page.locator("#address-state").select_option("IL")
    page.locator("#address-zipCode").fill("62701")
    page.locator("#address-line1").fill("1 Main Street")
    save(page, "Check again")
    page.get_by_text("Added.").wait_for()
    made = stack.customers()["B"]
    assert made.row["address"]["country"] == "United States"
    assert (made.row["parent_customer_id"], made.row["business_entity_id"]) == (parent, entity["id"])
    page.get_by_role("link", name="Edit").click()
    assert page.get_by_label("Parent customer").input_value() == "PARENT"
    assert "Ours GmbH" in page.locator("#at-business_entity_id").inner_text()
    assert page.locator("select#business_entity_id").count() == 0


def test_the_form_is_filled_by_keyboard_alone(alone: World) -> None:
    desk, stack = alone
    person = desk.signed_in(UserRole.REVIEWER, "/desk/customers", viewport={"width": 320, "height": 700})
    page = person.page
    page.get_by_role("link", name="Add a customer").press("Enter")
    page.locator("#customer_name").wait_for()
    for _ in range(40):
        if page.evaluate("document.activeElement.id") == "customer_name":
            break
        page.keyboard.press("Tab")
    seen = []
    page.keyboard.type("Bolt")
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id"))
        if seen[-1] == "save":
            break
    assert seen[:3] == ["external_id", "email", "phone_number"]
    wanted = {"address-in", "address-zipCode", "ship_to_address-city", "tax-0", "custom_data", "reference_id"}
    assert wanted <= set(seen)
    page.keyboard.press("Enter")
    page.get_by_text("Added.").wait_for()
    assert only(stack).row["customer_name"] == "Bolt"


def test_a_number_becomes_a_truth_value(alone: World) -> None:
    desk, stack = alone
    customer_id = stack.add("ACME-42", customer_name="Acme", custom_data={"n": 1, "z": [0]})
    page = editor(desk, f"/desk/customers/{customer_id}/edit").page
    page.get_by_label("Custom data").fill('{"n": true, "z": [false]}')
    save(page)
    page.wait_for_url("**?said=saved")
    kept = stack.customers()["ACME-42"].row["custom_data"]
    assert kept["n"] is True
    assert kept["z"][0] is False


def test_what_was_typed_outlives_the_session(alone: World) -> None:
    desk, stack = alone
    customer_id = stack.add("ACME-42", customer_name="Acme")
    person = editor(desk, f"/desk/customers/{customer_id}/edit", viewport={"width": 320, "height": 700})
    page, told = person.page, person.page.locator("#signed-out")
    with desk.database.transaction() as tx:
        tx.execute(delete(web_sessions))
    page.get_by_label("Name required").fill("Typed before")
    page.get_by_label("E-mail").fill("typed@acme.example")
    page.keyboard.press("Tab")
    expect(told).to_be_visible()
    person.check()
    save(page)
    expect(told).to_be_visible()
    assert "/edit" in page.url
    other = person.context.new_page()
    other.goto(f"{desk.served.url}/desk/sign-in")
    other.get_by_label("E-mail address").fill(f"{UserRole.REVIEWER.value}@default.example")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    other.get_by_role("heading", level=1).wait_for()
    assert page.get_by_label("Name required").input_value() == "Typed before"
    save(page)
    page.wait_for_url("**?said=saved")
    person.check()
    row = stack.customers()["ACME-42"].row
    assert (row["customer_name"], row["email"]) == ("Typed before", "typed@acme.example")
