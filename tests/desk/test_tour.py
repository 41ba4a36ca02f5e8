"""The tour of the demonstration: there from the start, true, and gone for whoever closes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from cli.context import Context
from cli.output import Output
from cli.tour import people_at_work
from sync.store.session import Database
from tests.desk.conftest import Desk, desk_of
from tests.desk.stack import Stack, stack_of
from tests.web.conftest import serve


@pytest.fixture
def shown(sqlite: Database, browser: Browser) -> Iterator[tuple[Desk, Stack]]:
    """A demonstration, after people were at work."""
    for served in serve(sqlite, public_url=None, tour=True):
        with stack_of(served, empty=False) as crms:
            for names in (("salesforce", "hubspot"), ("salesforce",)):
                crms.sync(*names)
            context = Context(served.services, served.organisation_id, Output(as_json=True))
            people_at_work(context, crms.urls)
            crms.sync()
            for desk in desk_of(served, browser):
                yield desk, crms


def test_each_step_leads_to_what_it_says_and_closing_it_is_for_good(shown: tuple[Desk, Stack]) -> None:
    desk, _ = shown
    person = desk.signed_in()
    page = person.page
    person.check()
    tour = page.get_by_role("region", name="A minute to look around")
    steps = {each.inner_text(): each.get_attribute("href") for each in tour.get_by_role("link").all()}
    assert list(steps) == [
        "Decide on an address",
        "Say whose record it is",
        "Decide many at once",
        "Watch an edit arrive",
        "Put a run back",
    ]
    headings = []
    for place in steps.values():
        person.open(str(place))
        headings.append(page.locator("main").inner_text())
    assert "Different addresses" in headings[0]
    assert "No customer number" in headings[1]
    assert "Changed on both sides" in headings[2]
    person.open(str(steps["Decide on an address"]))
    page.keyboard.press("t")
    expect(page.get_by_role("status")).to_contain_text("Decided.")
    page.keyboard.press("u")
    page.get_by_text("It is being undone.").wait_for()
    person.open("/desk")
    page.get_by_role("button", name="Close the tour").click()
    link = page.get_by_role("link", name="Show the one-minute tour again")
    link.wait_for()
    expect(tour).to_have_count(0)
    person.open("/desk")
    expect(tour).to_have_count(0)
    link.click()
    expect(tour).to_be_visible()


def test_there_is_none_where_people_work(desk: Desk) -> None:
    page = desk.signed_in().page
    assert "minute" not in page.content()
