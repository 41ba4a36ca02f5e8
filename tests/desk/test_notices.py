"""Administrators say who is told of what, try it, and see what became of it; nobody else does."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from standardwebhooks import Webhook

from sync import deliver
from sync.users import UserRole
from tests.desk.conftest import Desk
from tests.hooks.conftest import receiver
from tests.hooks.receiver import Receiver
from tests.world import World

__all__ = ["receiver"]


def test_a_channel_is_added_tried_paused_and_removed(desk: Desk, receiver: Receiver) -> None:
    person = desk.signed_in(path="/desk/notices", viewport={"width": 320, "height": 900})
    page = person.page
    person.check()
    page.get_by_text("Add a channel").click()
    page.get_by_label("How to call it").fill("billing")
    page.get_by_label("Where it leads").fill("file:///etc/passwd")
    page.get_by_role("button", name="Add the channel").click()
    expect(page.get_by_role("alert")).to_be_visible()
    person.expected.append("422")
    person.check()
    expect(page.get_by_label("How to call it")).to_have_value("billing")
    expect(page.get_by_label("Where it leads")).to_have_value("")
    page.get_by_label("Where it leads").fill(receiver.url.replace("http", "json") + "/t0ken")
    page.get_by_label("New questions").select_option("daily")
    page.get_by_label("Quiet hours").fill("18:00-07:00")
    page.get_by_role("button", name="Add the channel").click()
    expect(page.get_by_role("status")).to_contain_text("It is added")
    expect(page.locator(".cards")).to_contain_text("every day at 08:00")
    assert "t0ken" not in page.content()
    page.get_by_role("button", name="Test billing").click()
    expect(page.get_by_role("status")).to_contain_text("was taken")
    assert [each.path for each in receiver.take()] == ["/t0ken"]
    page.get_by_role("button", name="Pause billing").click()
    expect(page.locator(".cards")).to_contain_text("Paused")
    person.check()
    page.get_by_text("Remove billing").click()
    page.get_by_role("button", name="Remove it for good billing").click()
    expect(page.locator("main")).to_contain_text("Nobody is told yet")


def test_a_webhook_shows_its_secret_once_and_its_deliveries(desk: Desk, receiver: Receiver) -> None:
    person = desk.signed_in(path="/desk/notices")
    page = person.page
    page.get_by_text("Add a webhook").click()
    page.get_by_label("Address of the program").fill(receiver.url + "/told")
    page.get_by_role("button", name="Add the webhook").click()
    secret = page.locator(".said code").inner_text()
    assert secret.startswith("whsec_")
    person.check()
    page.get_by_role("button", name="Test http").click()
    expect(page.get_by_role("status")).to_contain_text("was taken")
    assert secret not in page.content()
    (found,) = receiver.take()
    Webhook(secret).verify(found.body, dict(found.headers))
    world = World(desk.database)
    world.add("A-1")
    receiver.answers.append((500, {}))
    deliver.deliver(desk.served.site.outgoing)
    person.open("/desk/notices")
    expect(page.locator(".cards")).to_contain_text("it answered 500")
    page.get_by_role("link", name="Last deliveries").click()
    person.check()
    expect(page.locator("table")).to_contain_text("customer.updated")
    expect(page.locator("table")).to_contain_text("Waits")


@pytest.mark.parametrize("role", [UserRole.VIEWER, UserRole.REVIEWER])
def test_it_is_for_administrators(desk: Desk, role: UserRole) -> None:
    person = desk.signed_in(role)
    expect(person.page.get_by_role("link", name="Notices")).to_have_count(0)
    answer = person.page.goto(f"{desk.served.url}/desk/notices")
    assert answer is not None
    assert answer.status == 403
