"""Files are sent, read as a person says, planned, approved, carried out and undone in a browser."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from sync.store import imports
from sync.store.session import Database
from sync.users import UserRole
from tasks.jobs import drain
from tests.desk.browser import Person
from tests.desk.conftest import Desk, desk_of
from tests.desk.stack import Stack
from tests.web.conftest import serve

PLACE = {"line1": "1 High Street", "city": "Leeds", "zipCode": "LS1 4AP", "country_code": "GB"}
FILE = (
    "external_id,Company,E-mail,street,town,zip,country_code,Tier\n"
    "A,Aye,a@x.example,,,,,gold\n"
    "B,Bee,b@x.example,9 Low Road,York,YO1 7HH,GB,\n"
    "C,Sea,c@x.example,,,,,\n"
    "D,,nobody,,,,,\n"
)


@pytest.fixture
def desk(postgresql: Database, browser: Browser) -> Iterator[Desk]:
    for served in serve(postgresql, public_url=None):
        yield from desk_of(served, browser)


def work(desk: Desk) -> None:
    drain(desk.served.services, lambda _event: None)


def file(folder: Path, text: str | bytes, name: str = "customers.csv") -> Path:
    made = folder / name
    made.write_bytes(text.encode() if isinstance(text, str) else text)
    return made


def send(person: Person, path: Path) -> Page:
    """Send a file, and look over what is asked about it."""
    page = person.page
    page.goto(f"{person.url}/desk/imports")
    page.get_by_label("A CSV file of customers").set_input_files(path)
    page.get_by_role("button", name="Send the file").click()
    page.get_by_role("heading", name="How it is read").wait_for()
    person.check()
    return page


def facts(page: Page) -> dict[str, str]:
    """What the tabs say of how many rows become what."""
    links = page.get_by_role("navigation", name="Rows by what becomes of them").get_by_role("link").all()
    return {each.inner_text().rsplit(" ", 1)[0]: each.inner_text().rsplit(" ", 1)[1] for each in links}


def known(desk: Desk) -> dict[str, Any]:
    return Stack(desk.served).customers()


def test_a_file_is_sent_planned_approved_carried_out_and_undone(desk: Desk, tmp_path: Path) -> None:
    crms = Stack(desk.served)
    crms.add("A", customer_name="A")
    crms.add("B", customer_name="B", address=PLACE)
    person = desk.signed_in(UserRole.REVIEWER, "/desk/imports")
    person.check()
    page = send(person, file(tmp_path, FILE))
    assert page.get_by_label("Encoding").input_value() == "utf-8"
    assert page.get_by_label("Delimiter").input_value() == "comma"
    chosen = [each.input_value() for each in page.locator("table.columns select").all()]
    assert chosen == [
        *("external_id", "customer_name", "email", "line1", "city", "zipCode", "country_code"),
        "",
    ]
    page.get_by_label("Tier").select_option("custom_data.tier")
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_text("A worker takes it up").wait_for()
    person.check()
    work(desk)
    page.get_by_role("heading", name="What its rows would do").wait_for()
    person.check()
    assert facts(page) == {"Rejected": "1", "Questions": "1", "Changes": "1", "New customers": "1"}
    assert "is not a valid e-mail address" in page.locator(".past").inner_text()
    for name, held in (("Changes", "gold"), ("New customers", "Sea"), ("Questions", "9 Low Road")):
        page.get_by_role("link", name=name).click()
        page.wait_for_load_state()
        assert held in page.locator(".past").inner_text(), name
        person.check()
    assert known(desk).keys() == {"A", "B"}
    page.get_by_role("button", name="Approve this plan").click()
    page.get_by_text("A worker carries the plan out").wait_for()
    work(desk)
    page.get_by_role("heading", name="What became of its rows").wait_for()
    person.check()
    assert known(desk).keys() == {"A", "B", "C"}
    assert known(desk)["A"].row["custom_data"] == {"tier": "gold"}
    with page.expect_download() as download:
        page.get_by_role("link", name="The rows that are not taken").click()
    with download.value.path().open(newline="") as result:
        assert [row["import_result"] for row in csv.DictReader(result)] == ["conflict", "rejected"]

    page.get_by_role("link", name="Questions").click()
    page.get_by_role("link", name="The question").click()
    page.get_by_role("heading", name="B", exact=True).wait_for()
    person.check()
    page.get_by_role("link", name="customers.csv").click()
    page.get_by_role("heading", name="customers.csv").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("nothing is written").wait_for()
    work(desk)
    page.get_by_role("button", name="Put this back").wait_for()
    person.check()
    page.get_by_role("button", name="Put this back").click()
    work(desk)
    page.get_by_text("Done", exact=True).wait_for()
    assert known(desk).keys() == {"A", "B"}
    assert crms.questions() == []


def test_the_way_back_from_a_plan_leads_to_its_columns(desk: Desk, tmp_path: Path) -> None:
    person = desk.signed_in(UserRole.REVIEWER, "/desk/imports", viewport={"width": 320, "height": 800})
    page = send(person, file(tmp_path, FILE.replace(",", ";")))
    page.get_by_label("Tier").select_option("custom_data.tier")
    page.get_by_label("Company").select_option("")
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_text("A worker takes it up").wait_for()
    work(desk)
    page.get_by_role("heading", name="What its rows would do").wait_for()
    person.check()
    assert facts(page) == {"Rejected": "4"}
    page.get_by_role("button", name="Change the columns").click()
    page.get_by_role("heading", name="How it is read").wait_for()
    person.check()
    assert page.get_by_role("heading", name="What its rows would do").count() == 0
    assert page.get_by_label("Delimiter").input_value() == "semicolon"
    assert page.get_by_label("Tier").input_value() == "custom_data.tier", "what was said is kept"
    page.get_by_label("Company").select_option("customer_name")
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_text("A worker takes it up").wait_for()
    work(desk)
    page.get_by_role("button", name="Approve this plan").wait_for()
    assert facts(page) == {"Rejected": "1", "New customers": "3"}
    page.get_by_role("button", name="Approve this plan").click()
    page.get_by_text("A worker carries the plan out").wait_for()
    work(desk)
    page.get_by_role("heading", name="What became of its rows").wait_for()
    assert page.get_by_role("button", name="Change the columns").count() == 0
    assert known(desk)["A"].row["custom_data"] == {"tier": "gold"}


def test_what_is_not_recognised_is_asked_and_shown_as_it_is_said(desk: Desk, tmp_path: Path) -> None:
    text = "Zoë;Z1;Köln|Deutz\nAndré;Z2;Genève|Carouge\n".encode("cp1252")
    person = desk.signed_in(UserRole.REVIEWER, "/desk/imports", viewport={"width": 320, "height": 800})
    page = send(person, file(tmp_path, text))
    person.expected.append("422")
    said = " ".join(page.get_by_role("alert").all_inner_texts())
    assert "not UTF-8" in said
    assert "names no column" in said
    assert page.get_by_role("button", name="Make the plan").count() == 0
    page.get_by_label("Encoding").select_option("cp1252")
    page.get_by_text("Zoë").wait_for()
    page.get_by_label("Delimiter").select_option("semicolon")
    page.get_by_text("Köln|Deutz").wait_for()
    page.get_by_label("First row").select_option("no")
    page.get_by_role("button", name="Make the plan").wait_for()
    person.check()
    page.get_by_role("button", name="Make the plan").click()
    assert "No column is known" in page.get_by_role("alert").inner_text()
    page.get_by_label("#1").select_option("customer_name")
    page.get_by_label("#2").select_option("customer_name")
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_role("alert").get_by_text("would all be customer_name").wait_for()
    assert page.get_by_label("#1").input_value() == "customer_name"
    page.get_by_label("#2").select_option("external_id")
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_text("A worker takes it up").wait_for()
    work(desk)
    page.get_by_role("button", name="Approve this plan").wait_for()
    person.check()
    page.get_by_role("button", name="Approve this plan").click()
    work(desk)
    named = {key: each.row["customer_name"] for key, each in known(desk).items()}
    assert named == {"Z1": "Zoë", "Z2": "André"}


def test_all_of_it_works_without_javascript(desk: Desk, tmp_path: Path) -> None:
    person = desk.signed_in(UserRole.REVIEWER, "/desk/imports", java_script_enabled=False)
    page = person.page
    page.get_by_label("A CSV file of customers").set_input_files(file(tmp_path, FILE))
    page.get_by_role("button", name="Send the file").click()
    page.get_by_label("Delimiter").select_option("tab")
    page.get_by_role("button", name="Show it so").click()
    assert page.locator("table.columns tbody tr").count() == 1
    page.get_by_label("Delimiter").select_option("comma")
    page.get_by_role("button", name="Show it so").click()
    page.get_by_role("button", name="Make the plan").click()
    work(desk)
    page.reload()
    page.get_by_role("button", name="Cancel").click()
    assert "Cancelled" in page.get_by_role("status").inner_text()
    page.get_by_role("button", name="Go on where it was").click()
    page.get_by_role("button", name="Approve this plan").click()
    work(desk)
    assert known(desk).keys() == {"A", "B", "C"}


def test_a_file_is_dropped_and_one_that_cannot_be_read_is_told(desk: Desk, tmp_path: Path) -> None:
    person = desk.signed_in(UserRole.REVIEWER, "/desk/imports")
    page = person.page
    person.expected.append("422")
    drop = """(place, [name, text]) => {
      const carried = new DataTransfer();
      carried.items.add(new File([text], name, {type: "text/csv"}));
      for (const kind of ["dragenter", "dragover", "drop"])
        place.dispatchEvent(new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
    }"""
    page.locator(".drop-place").evaluate(drop, ["empty.csv", "\n\n"])
    page.get_by_text("has no rows").wait_for()
    person.check()
    page.locator(".drop-place").evaluate(drop, ["dropped.csv", FILE])
    page.get_by_role("heading", name="dropped.csv").wait_for()
    with desk.database.reading() as tx:
        assert [row["file_name"] for _, row in imports.listing(tx, desk.served.organisation_id)] == [
            "dropped.csv"
        ]


def test_one_that_was_cut_off_goes_on(desk: Desk, tmp_path: Path) -> None:
    person = desk.signed_in(UserRole.REVIEWER, "/desk/imports")
    page = send(person, file(tmp_path, FILE))
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_text("A worker takes it up").wait_for()
    work(desk)
    page.get_by_role("button", name="Approve this plan").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Go on where it was").click()
    page.get_by_text("It goes on where it was").wait_for()
    work(desk)
    page.get_by_role("heading", name="What became of its rows").wait_for()
    assert known(desk).keys() == {"A", "B", "C"}
