"""Runs are read, approved, cancelled and undone in a browser, by those who may."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Browser

from sync.clock import new_id
from sync.store import connections, runs
from sync.store.connections import ConnectionState
from sync.store.session import Database
from sync.users import UserRole
from tasks.jobs import drain
from tests.desk.conftest import PASSWORD, Desk, desk_of
from tests.desk.test_forms import Client
from tests.web.api.steered import Steered, steer

World = tuple[Desk, Steered]


@pytest.fixture
def world(postgresql: Database, browser: Browser) -> Iterator[World]:
    """A site with a CRM that was never synced, and people who may sign in."""
    for steered in steer(postgresql):
        with steered.api.database.transaction() as tx:
            connections.set_state(tx, steered.connection().id, ConnectionState.NEW)
        for desk in desk_of(steered.api.served, browser):
            yield desk, steered


def work(desk: Desk) -> None:
    drain(desk.served.services, lambda _event: None)


def plan(desk: Desk, steered: Steered) -> str:
    """A first sync that waits for an approval; its run."""
    steered.pair("a", name="Acme \u202egnp.exe", email="acme@acme.example")
    made = steered.api.post("/runs", {"connection": "crm"}, status=202)
    work(desk)
    return str(made["id"]).replace("-", "")


def test_a_plan_is_read_approved_and_its_effects_undone(world: World) -> None:
    desk, steered = world
    plan(desk, steered)
    person = desk.signed_in(UserRole.REVIEWER, "/desk/runs?state=needs_approval")
    page = person.page
    person.check()
    page.locator("tbody th a").click()
    page.get_by_role("heading", name="Plan", exact=True).wait_for()
    person.check()
    shown = page.locator("section[aria-labelledby=plan]").inner_text()
    assert "Customer made here" in shown
    assert "Acme U+202Egnp.exe" in shown
    page.get_by_role("button", name="Approve this plan").click()
    assert "Approved" in page.get_by_role("status").inner_text()
    assert page.get_by_role("button", name="Approve this plan").count() == 0
    work(desk)
    assert steered.value("a", "email") == "acme@acme.example"
    page.goto(f"{desk.served.url}/desk/runs")
    page.locator("tbody tr", has_text="Done").first.locator("th a").click()
    page.get_by_role("heading", name="What it did").wait_for()
    person.check()
    assert "Customer made here" in page.locator("section[aria-labelledby=changed]").inner_text()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("nothing is written").wait_for()
    person.check()
    work(desk)
    page.get_by_role("button", name="Put this back").wait_for()
    assert len(steered.api.get("/customers")["data"]) == 1, "a preview writes nothing"
    assert "Deleted here" in page.locator("section[aria-labelledby=plan]").inner_text()
    person.check()
    page.get_by_role("button", name="Put this back").click()
    page.get_by_text("A worker puts it back.").wait_for()
    work(desk)
    assert steered.api.get("/customers")["data"] == []


def test_whoever_is_late_is_told_and_a_plan_is_cancelled(world: World) -> None:
    desk, steered = world
    run_id = plan(desk, steered)
    narrow = {"width": 320, "height": 700}
    person = desk.signed_in(
        UserRole.REVIEWER, f"/desk/runs/{run_id}", java_script_enabled=False, viewport=narrow
    )
    page = person.page
    steered.api.post(f"/runs/{run_id}/approve", {}, status=202)
    page.get_by_role("button", name="Approve this plan").click()
    assert "approved already" in page.get_by_role("alert").inner_text()
    page.get_by_role("button", name="Cancel").click()
    assert "Cancelled" in page.get_by_role("status").inner_text()
    assert steered.api.get(f"/runs/{run_id}")["state"] == "cancelled"
    assert page.get_by_role("button", name="Cancel").count() == 0


def test_a_viewer_sees_and_what_is_not_theirs_is_not_there(world: World) -> None:
    desk, steered = world
    run_id = plan(desk, steered)
    client = Client(desk.served)
    email = desk.person(UserRole.VIEWER)
    client.send("POST", "/desk/sign-in", csrf=client.csrf(), email=email, password=PASSWORD)
    page = client.send("GET", f"/desk/runs/{run_id}")
    assert page.status_code == 200
    assert "Approve this plan" not in page.text
    token = client.csrf("/desk")
    for way in ("approve", "cancel", "undo", "again"):
        assert client.send("POST", f"/desk/runs/{run_id}/{way}", csrf=token).status_code == 403, way
    desk.person(UserRole.ADMIN, "Bolt")
    other = Client(desk.served)
    other.send("POST", "/desk/sign-in", csrf=other.csrf(), email="admin@Bolt.example", password=PASSWORD)
    token = other.csrf("/desk")
    assert other.send("GET", f"/desk/runs/{run_id}").status_code == 404
    for way in ("approve", "cancel", "undo", "again"):
        assert other.send("POST", f"/desk/runs/{run_id}/{way}", csrf=token).status_code == 404, way
    for path, status in ((f"/{new_id()}", 404), ("/x", 404), ("?after=x", 400), ("?state=x", 400)):
        assert other.send("GET", f"/desk/runs{path}").status_code == status, path
    assert other.send("GET", f"/desk/runs?connection={new_id()}").status_code == 200


def test_what_went_wrong_is_grouped_by_cause_and_tried_again(world: World) -> None:
    desk, steered = world
    crm = steered.crms["crm"]
    refs = [steered.pair(f"a{n}", email=f"a{n}@x.example")["crm"] for n in range(3)]
    with steered.api.database.transaction() as tx:
        connections.set_state(tx, steered.connection().id, ConnectionState.ACTIVE)
    steered.settle()
    crm.lengths = {"phone": 8}
    for n, number in enumerate(("+1 212 555 0100", "+1 212 555 0101", "+1 2125")):
        path = f"/customers/{steered.customer(f'a{n}')['id']}"
        steered.api.call("PATCH", path, {"phone_number": number})
    steered.sync()
    person = desk.signed_in(UserRole.REVIEWER, "/desk/runs", color_scheme="dark")
    page = person.page
    person.check()
    wrong = page.locator("section[aria-labelledby=wrong]")
    assert wrong.get_by_role("listitem").count() == 1
    assert "2 records wait" in wrong.inner_text()
    assert "then try again" in wrong.inner_text()
    page.locator("tbody th a").first.click()
    page.get_by_role("heading", name="What it could not take").wait_for()
    person.check()
    page.get_by_role("button", name="Try these again").click()
    assert "tried again" in page.get_by_role("status").inner_text()
    assert page.get_by_role("heading", name="What it could not take").count() == 0
    person.check()
    crm.lengths = {}
    work(desk)
    there = [crm.records[ref].values["phone"] for ref in refs]
    assert there == ["+1 212 555 0100", "+1 212 555 0101", "+1 2125"]
    page.goto(f"{desk.served.url}/desk/runs")
    assert page.get_by_role("heading", name="What goes wrong").count() == 0


def test_a_run_that_failed_is_asked_for_again(world: World) -> None:
    desk, steered = world
    run_id = plan(desk, steered)
    with steered.api.database.transaction() as tx:
        runs.finish(tx, run_id, "failed", reason="The CRM did not answer. Look whether it is up.")
    person = desk.signed_in(UserRole.REVIEWER, "/desk/runs")
    page = person.page
    assert "Look whether it is up" in page.locator("section[aria-labelledby=wrong]").inner_text()
    person.check()
    page.get_by_role("link", name="The latest of them").click()
    page.get_by_role("button", name="Run it again").click()
    page.get_by_text("A worker takes it up").wait_for()
    assert run_id not in page.url
    work(desk)
    page.get_by_role("button", name="Approve this plan").wait_for()
    with steered.api.database.reading() as tx:
        again = runs.find(tx, steered.api.organisation_id, page.url.rpartition("/")[2].partition("?")[0])
    assert (again["kind"], again["actor"]) == ("sync", "user:reviewer@default.example")
    page.go_back()
    client = Client(desk.served)
    client.sign_in(email="reviewer@default.example")
    answer = client.send("POST", f"/desk/runs/{again['id']}/again", csrf=client.csrf("/desk"))
    assert (answer.status_code, "did not fail" in answer.text) == (409, True)
    answer = client.send("POST", f"/desk/runs/{again['id']}/again", csrf=client.csrf("/desk"), records="1")
    assert (answer.status_code, "Nothing of it waits" in answer.text) == (409, True)


def test_a_run_is_asked_for_again_once_however_often_it_is_said(world: World) -> None:
    desk, steered = world
    run_id = plan(desk, steered)
    with steered.api.database.transaction() as tx:
        runs.finish(tx, run_id, "failed", reason="The CRM did not answer.")
    desk.person(UserRole.REVIEWER)
    client = Client(desk.served)
    client.sign_in(email="reviewer@default.example")
    token = client.csrf("/desk")

    def again(_: int) -> int:
        own = Client(desk.served)
        own.cookie = client.cookie
        status: int = own.send("POST", f"/desk/runs/{run_id}/again", csrf=token).status_code
        return status

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(again, range(8))) == [303, *[409] * 7]
    with steered.api.database.reading() as tx:
        assert len(runs.listing(tx, steered.api.organisation_id, state="queued")) == 1
    work(desk)
