"""Each kind of question as it comes about in a CRM, decided in a browser; then the CRM is as was decided."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from sync import customers as local
from sync.store.session import Database
from sync.users import UserRole
from tests.desk.browser import Person
from tests.desk.conftest import desk_of
from tests.desk.stack import NAMES, Stack, stack_of
from tests.web.conftest import serve

HOME = {"street": "1 Main Street", "city": "Springfield", "postal": "62701", "country": "United States"}


@pytest.fixture(params=NAMES)
def at_work(
    postgresql: Database, browser: Browser, request: pytest.FixtureRequest
) -> Iterator[tuple[Person, Stack, str]]:
    """A reviewer, and a site over one sandbox, which is empty."""
    for served in serve(postgresql, public_url=None):
        for desk in desk_of(served, browser):
            with stack_of(served, names=(request.param,)) as stack:
                yield desk.signed_in(UserRole.REVIEWER, "/desk/conflicts"), stack, request.param


def only(person: Person, stack: Stack, kind: str) -> Page:
    """Open the one question that there is of a kind, and look it over."""
    (row,) = stack.questions(kind)
    return person.open(f"/desk/conflicts/{row.id}")


def decide(page: Page, button: str) -> None:
    page.get_by_role("button", name=button).first.click()
    page.locator(".toast").wait_for()


def test_different_addresses(at_work: tuple[Person, Stack, str]) -> None:
    person, stack, crm = at_work
    there = stack.create(crm, "A1", name="Acme", **HOME)
    address = {"line1": "2 Other Road", "city": "Chicago", "zipCode": "60601", "country": "United States"}
    stack.add("A1", customer_name="Acme", address=address)
    stack.sync()
    page = only(person, stack, "address_mismatch")
    assert "Different postal codes." in page.locator("main").inner_text()
    decide(page, "Keep ours")
    stack.sync()
    assert stack.record(crm, there)["postal"] == "60601"
    assert stack.questions() == []


def test_a_changed_number_and_an_email_of_two(at_work: tuple[Person, Stack, str]) -> None:
    person, stack, crm = at_work
    one = stack.create(crm, "N1", name="One", email="one@acme.example")
    two = stack.create(crm, "N2", name="Two", email="two@acme.example")
    stack.sync()
    stack.edit(crm, one, key="N1-NEW")
    stack.edit(crm, two, email="one@acme.example")
    stack.sync()
    decide(only(person, stack, "key_changed"), "Keep our number")
    page = only(person, stack, "email_taken")
    page.get_by_label("another").check()
    page.get_by_text("Type it").click()
    page.get_by_label("E-mail").last.fill("both@acme.example")
    decide(page, "Decide as chosen")
    stack.sync()
    stack.sync()
    assert stack.record(crm, one)["key"] == "N1"
    assert stack.record(crm, two)["email"] == "both@acme.example"
    assert stack.questions() == []


def test_records_that_are_gone(at_work: tuple[Person, Stack, str]) -> None:
    person, stack, crm = at_work
    refs = {key: stack.create(crm, key, name=f"Name {key}") for key in ("D1", "D2")}
    stack.sync()
    stack.control(crm, "delete", {"id": refs["D1"]})
    local.delete(stack.served.database, stack.served.organisation_id, "D2", actor="test")
    stack.edit(crm, refs["D2"], name="Edited since")
    stack.sync(full=True)
    decide(only(person, stack, "remote_deleted"), "Make it in")
    decide(only(person, stack, "delete_vs_edit"), "Bring it back here")
    stack.sync()
    stack.sync()
    assert stack.refs(crm)["D1"] != refs["D1"], "it was made again"
    assert stack.customers()["D2"].value("customer_name") == "Edited since"
    assert stack.questions() == []


def test_records_without_a_certain_pair(at_work: tuple[Person, Stack, str]) -> None:
    person, stack, crm = at_work
    lone = stack.create(crm, None, name="Same Name Ltd")
    new = stack.create(crm, None, name="Quite new")
    stack.add("", customer_name="Same Name Ltd")
    stack.create(crm, "case1", name="Case")
    stack.add("CASE1", customer_name="Case")
    stack.sync()
    rows = {str(each.row["ref"]): each for each in stack.questions("missing_external_id")}
    page = person.open("/desk/conflicts?kind=missing_external_id")
    page.get_by_label("all 2").check()
    page.get_by_role("button", name="Take theirs").click()
    assert "2 cannot be decided so" in page.locator("main").inner_text()
    assert page.get_by_role("button", name="Do it").count() == 0
    page = person.open(f"/desk/conflicts/{rows[lone].id}")
    decide(page, "It is this one")
    page = person.open(f"/desk/conflicts/{rows[new].id}")
    decide(page, "Make a new customer of it")
    decide(only(person, stack, "ambiguous_match"), "These belong together")
    stack.sync()
    stack.change(stack.customers()["Same Name Ltd"].id, "customer_name=Renamed here")
    stack.sync()
    assert stack.record(crm, lone)["name"] == "Renamed here"
    assert set(stack.customers()) == {"Renamed here", "Quite new", "CASE1"}
    assert stack.questions() == []


def test_merged_records(at_work: tuple[Person, Stack, str]) -> None:
    person, stack, crm = at_work
    refs = {key: stack.create(crm, key, name=f"Name {key}") for key in ("M1", "M2")}
    stack.sync()
    stack.control(crm, "merge", {"winner": refs["M1"], "losers": [refs["M2"]]})
    stack.sync(full=True)
    page = only(person, stack, "remote_merged")
    page.locator("li", has_text="Name M1").get_by_role("button").click()
    page.locator(".toast").wait_for()
    stack.sync()
    stack.change("M1", "customer_name=Lives on")
    stack.sync()
    left = stack.refs(crm)
    assert [stack.record(crm, each)["name"] for each in left.values()] == ["Lives on"]


def test_what_one_side_refuses(at_work: tuple[Person, Stack, str]) -> None:
    person, stack, crm = at_work
    if crm == "hubspot":  # which takes any text for an address
        ref = stack.create(crm, "R1", name="Fine", email="no address at all")
        stack.sync()
        page = only(person, stack, "invalid_record")
        assert "no address at all" in page.locator("main").inner_text()
        stack.edit(crm, ref, email="fine@acme.example")
        decide(page, "Try again")
        stack.sync()
        assert stack.customers()["R1"].value("email") == "fine@acme.example"
    else:  # whose addresses have an end
        ref = stack.create(crm, "R1", name="Refused")
        stack.sync()
        stack.change("R1", f"email={'l' * 60}@{'ong.' * 8}acme.example")
        stack.sync()
        page = only(person, stack, "push_rejected")
        decide(page, "Try again")
        stack.change("R1", "email=short@acme.example")
        stack.sync()
        assert stack.record(crm, ref)["email"] == "short@acme.example"
    assert stack.questions() == []


def test_what_never_changes(at_work: tuple[Person, Stack, str]) -> None:
    person, stack, crm = at_work
    first, other = "1" * 8 + "-1111-1111-1111-" + "1" * 12, "2" * 8 + "-2222-2222-2222-" + "2" * 12
    name = "Description" if crm == "salesforce" else "description"
    stack.map(crm, "business_entity_id", name)
    ref = stack.create(crm, "E1", name="Entity", **{name: first})
    stack.sync()
    stack.control(crm, "edit", {"id": ref, "fields": {name: other}})
    stack.sync()
    page = only(person, stack, "immutable_field")
    assert page.get_by_role("button", name="Take theirs").count() == 0
    decide(page, "Keep ours")
    stack.sync()
    assert stack.raw(crm, ref)[name] == first
    assert stack.questions() == []
