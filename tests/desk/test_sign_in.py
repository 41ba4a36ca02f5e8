"""Signing in and out in a browser, by keyboard, without JavaScript, on a narrow screen."""

from __future__ import annotations

import pytest

from sync import users
from sync.users import UserRole
from tests.desk.conftest import PASSWORD, Desk


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_a_person_signs_in_sees_the_overview_and_signs_out(desk: Desk, javascript: bool) -> None:
    email = desk.person(UserRole.VIEWER)
    person = desk.visitor(java_script_enabled=javascript, viewport={"width": 320, "height": 700})
    page = person.page
    page.goto(f"{desk.served.url}/desk?x=1")
    assert page.url == f"{desk.served.url}/desk/sign-in"
    person.sign_in(email, "a wrong password")
    assert "wrong" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("E-mail address").input_value() == email
    person.expected.append("403")
    person.sign_in(email, PASSWORD)
    assert page.url == f"{desk.served.url}/desk"
    assert page.get_by_role("heading", level=1).inner_text() == "Nothing is connected yet"
    if javascript:
        person.check()
    (cookie,) = person.context.cookies()
    assert (cookie["name"], cookie["secure"], cookie["httpOnly"]) == ("__Host-concord", True, True)
    assert (cookie["sameSite"], cookie["path"], cookie["expires"]) == ("Lax", "/", -1)
    page.get_by_role("button", name="Sign out").click()
    assert "signed out" in page.get_by_role("status").inner_text()
    page.goto(f"{desk.served.url}/desk")
    assert page.url == f"{desk.served.url}/desk/sign-in"
    if javascript:
        person.check()


def test_the_keyboard_is_enough(desk: Desk) -> None:
    email = desk.person()
    person = desk.visitor()
    page = person.open("/desk/sign-in?next=/desk/nothing")
    for text in (email, "\t", PASSWORD, "\n"):
        if text == "\t":
            page.keyboard.press("Tab")
        elif text == "\n":
            page.keyboard.press("Enter")
        else:
            page.keyboard.type(text)
    page.get_by_role("heading", name="There is nothing here").wait_for()
    person.expected.append("404")
    person.check()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_person_chooses_among_their_organisations(desk: Desk) -> None:
    person = desk.signed_in()
    users.set_role(desk.database, "admin@default.example", UserRole.VIEWER, "Bolt", actor="test")
    page = person.open("/desk")
    page.get_by_label("Organisation").select_option("Bolt")
    page.wait_for_function("document.querySelector('#organisation').selectedOptions[0].text === 'Bolt'")
    page.reload()
    assert page.locator("#organisation option:checked").inner_text() == "Bolt"
    person.check()
