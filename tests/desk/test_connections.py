"""Connections that are at work: looked at, run, paused, changed by those who may, and by nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from connectors.outbound import PRIVATE_ALLOWED
from sync.store import connections, runs
from sync.store.connections import ConnectionState, StoredConnection
from sync.store.session import Database
from sync.users import UserRole
from tasks import wiring
from tasks.jobs import drain
from tests.desk.conftest import Desk, desk_of
from tests.desk.stack import Stack, stack_of
from tests.web.conftest import serve

World = tuple[Desk, Stack]


@pytest.fixture
def world(postgresql: Database, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A site over an empty HubSpot, which is in sync with two customers."""
    monkeypatch.setenv(PRIVATE_ALLOWED, "1")
    for each in serve(postgresql, public_url=None):
        for desk in desk_of(each, browser):
            with stack_of(each, names=("hubspot",)) as stack:
                for key in ("A-1", "B-2"):
                    stack.create("hubspot", key, name=f"Customer {key}", phone="+1 212 555 0100")
                stack.sync()
                yield desk, stack


def one(desk: Desk, name: str = "hubspot") -> StoredConnection:
    with desk.database.reading() as tx:
        return connections.find(tx, desk.served.organisation_id, name)


def work(desk: Desk) -> None:
    drain(desk.served.services, lambda _event: None)


def last(desk: Desk) -> tuple[str, str]:
    with desk.database.reading() as tx:
        (found,) = runs.listing(tx, desk.served.organisation_id, limit=1)
    return str(found["kind"]), str(found["state"])


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_it_is_looked_at_run_compared_and_paused(world: World) -> None:
    desk, stack = world
    person = desk.signed_in(UserRole.ADMIN, "/desk/connections")
    page = person.page
    person.check()
    page.get_by_role("link", name="hubspot").click()
    page.get_by_role("heading", level=1, name="hubspot").wait_for()
    person.check()
    assert "At work" in page.locator("main").inner_text()
    place = page.url
    stack.create("hubspot", "C-3", name="Customer C-3")
    press(page, "Run now")
    page.wait_for_url("**/desk/runs/*")
    work(desk)
    assert last(desk) == ("sync", "done")
    assert "C-3" in stack.customers()
    for button, kind in (("Compare everything", "full"), ("Only plan", "plan")):
        page.goto(place)
        press(page, button)
        page.wait_for_url("**/desk/runs/*")
        work(desk)
        assert last(desk) == (kind, "done")
    assert one(desk).row["compared_at"] is not None
    page.goto(place)
    press(page, "Pause")
    page.get_by_text("Paused. What changes").wait_for()
    person.check()
    assert page.get_by_role("button", name="Run now").count() == 0
    press(page, "Resume")
    page.get_by_text("It goes on.").wait_for()
    person.open(f"/desk/connections/{one(desk).id}/remove")
    press(page, "Remove it")
    page.get_by_text("The connection is gone").wait_for()
    person.check()
    assert len(stack.customers()) == 3


def test_one_that_is_stopped_says_what_to_do(world: World) -> None:
    desk, _ = world
    place = f"/desk/connections/{one(desk).id}"
    person = desk.signed_in(UserRole.ADMIN, place)
    page = person.page

    def now_in(state: ConnectionState, reason: str) -> None:
        with desk.database.transaction() as tx:
            connections.set_state(tx, one(desk).id, state, reason)
        person.open(place)

    now_in(ConnectionState.AUTH_FAILED, "The token <b>is no good</b>")
    assert "The token <b>is no good</b>" in page.locator("main").inner_text()
    page.get_by_role("link", name="Give other credentials").click()
    page.get_by_role("heading", level=1, name="Other credentials").wait_for()
    now_in(ConnectionState.HALTED, "more than 20 % would change")
    assert page.get_by_role("button", name="Run now").count() == 0
    press(page, "Make the plan")
    page.wait_for_url("**/desk/runs/*")
    work(desk)
    assert last(desk) == ("sync", "needs_approval")
    person.open(place)
    assert page.get_by_role("button", name="Make the plan").count() == 0
    page.get_by_role("link", name="See the plan").click()
    press(page, "Approve this plan")
    page.get_by_text("A worker carries the plan out").wait_for()
    work(desk)
    assert one(desk).state is ConnectionState.ACTIVE


def test_a_changed_rule_and_map_wait_for_a_resync(world: World) -> None:
    desk, stack = world
    person = desk.signed_in(UserRole.ADMIN, f"/desk/connections/{one(desk).id}/rules")
    page = person.page
    page.get_by_label("Phone", exact=True).select_option("always_crm")
    press(page, "Save")
    page.get_by_text("The rules are saved.").wait_for()
    person.check()
    assert one(desk).settings.rules["phone_number"].direction.value == "crm_to_local"
    person.open(f"/desk/connections/{one(desk).id}/map")
    page.get_by_label("Phone", exact=True).fill("")
    press(page, "Save")
    page.get_by_text("The map is saved.").wait_for()
    assert (one(desk).settings.rules, "phone_number" in one(desk).settings.paths) == ({}, False)
    press(page, "Plan the resync")
    page.wait_for_url("**/desk/runs/*")
    work(desk)
    assert last(desk) == ("resync", "done")
    assert len(stack.customers()) == 2


def test_a_changed_scope_is_a_plan_to_approve(world: World) -> None:
    desk, stack = world
    person = desk.signed_in(UserRole.ADMIN, f"/desk/connections/{one(desk).id}/scope")
    page = person.page
    page.get_by_label("Field").first.select_option("external_id")
    page.get_by_label("How").first.select_option("in")
    page.get_by_label("Values").first.fill("A-1\nZ-9")
    press(page, "Save")
    page.get_by_text("The scope is saved.").wait_for()
    person.check()
    stack.edit("hubspot", stack.refs("hubspot")["B-2"], name="Moved B-2")
    if one(desk).state.value == "needs_approval" and page.get_by_role("button", name="Make the plan").count():
        press(page, "Make the plan")
    work(desk)
    person.open(f"/desk/connections/{one(desk).id}")
    page.get_by_role("link", name="See the plan").click()
    press(page, "Approve this plan")
    page.get_by_text("A worker carries the plan out").wait_for()
    work(desk)
    assert one(desk).state.value == "active"
    assert stack.customers()["B-2"].value("customer_name") == "Customer B-2", "it is out of scope"
    person.open(f"/desk/connections/{one(desk).id}/scope")
    assert page.get_by_label("Values").first.input_value() == "A-1\nZ-9"
    press(page, "Save")
    page.get_by_text("Nothing was changed").wait_for()


def test_credentials_are_rotated_and_never_shown(world: World) -> None:
    desk, _ = world
    connection = one(desk)
    token = known(desk, connection)["token"]
    person = desk.signed_in(UserRole.ADMIN, f"/desk/connections/{connection.id}/credentials")
    person.expected.append("422")
    page = person.page
    person.check()
    box = page.get_by_label("Private app or service key token")
    assert (box.input_value(), box.get_attribute("type"), box.get_attribute("autocomplete")) == (
        "",
        "password",
        "off",
    )
    press(page, "Test and put in force")
    page.get_by_text("Nothing was given").wait_for()
    before = known(desk, connection)
    box.fill("another-token-canary")
    page.get_by_label("Secret of its webhooks").fill("webhook-canary")
    press(page, "Test and put in force")
    page.get_by_text("Nothing was changed.").wait_for()
    person.check()
    assert "canary" not in page.content()
    assert known(desk, connection) == before, "what is in force stays until others are let in"
    box.fill("another-token-canary")
    page.get_by_label("Secret of its webhooks").fill("webhook-canary")
    page.get_by_label("Keep them even if").check()
    press(page, "Test and put in force")
    page.get_by_role("heading", name="What hubspot can do").wait_for()
    person.check()
    assert "canary" not in page.content()
    assert known(desk, connection)["token"] == "another-token-canary"
    page.get_by_role("link", name="Give other credentials").click()
    page.get_by_label("Private app or service key token").fill(token)
    press(page, "Test and put in force")
    page.get_by_role("heading", name="It can", exact=True).wait_for()
    person.check()
    shown = page.locator("main").inner_text()
    assert "Send webhooks: edits arrive within seconds" in shown
    assert token not in page.content()
    moved = f"/desk/connections/{connection.id}/credentials"
    person.open(moved)
    page.get_by_label("Address of the CRM").fill("http://127.0.0.1:9")
    press(page, "Test and put in force")
    page.get_by_text("the old ones are for the old place").wait_for()
    assert one(desk).row["url"] == connection.row["url"]


def known(desk: Desk, connection: StoredConnection) -> dict[str, str]:
    ids = {"organisation_id": connection.organisation_id, "connection_id": connection.id}
    with desk.database.reading() as tx:
        sealed = connections.load(tx, connection.id).row["credentials"]
    return dict(wiring.open_seal(desk.served.settings).open(sealed, **ids))


def test_whoever_is_late_sees_the_fresh_settings(world: World) -> None:
    desk, _ = world
    place = f"/desk/connections/{one(desk).id}"
    person = desk.signed_in(UserRole.ADMIN, f"{place}/rules")
    person.expected.append("409")
    page, other = person.page, person.context.new_page()
    for path in ("map", "policies", "schedule", "scope", "rules"):
        page.goto(f"{desk.served.url}{place}/{path}")
        other.goto(f"{desk.served.url}{place}/rules")
        chosen = "ignore" if "email" not in one(desk).settings.rules else "review"
        other.get_by_label("E-mail", exact=True).select_option(chosen)
        press(other, "Save")
        other.get_by_text("The rules are saved.").wait_for()
        before = one(desk).settings
        change(page, path)
        press(page, "Save")
        page.get_by_role("alert").wait_for()
        assert "meanwhile" in page.get_by_role("alert").inner_text(), path
        assert one(desk).settings == before
    person.check()


def change(page: Page, path: str) -> None:
    if path == "map":
        page.get_by_label("City").first.fill("domain")
    elif path == "policies":
        page.get_by_label("Only what is written exactly alike").check()
    elif path == "schedule":
        page.get_by_label("Calls to the CRM a day").fill("500")
    elif path == "scope":
        page.get_by_label("Field").first.select_option("external_id")
        page.get_by_label("How").first.select_option("present")
    else:
        page.get_by_label("Name", exact=True).select_option("always_crm")
