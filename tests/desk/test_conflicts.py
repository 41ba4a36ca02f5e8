"""Questions are found, understood and decided in a browser, and the CRMs change accordingly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select, update

from sync.store import customers as store
from sync.store.customers import StoredCustomer
from sync.store.query import Row, rows
from sync.store.schema import conflicts
from sync.store.schema import customers as table
from sync.store.session import Database
from sync.store.worktables import runs
from sync.users import UserRole
from tasks.jobs import drain
from tests.desk.conftest import Desk, desk_of
from tests.desk.stack import Stack, stack_of
from tests.web.conftest import serve


@pytest.fixture
def world(postgresql: Database, browser: Browser) -> Iterator[tuple[Desk, Stack]]:
    """A site over both sandboxes, which are empty, and people who may sign in."""
    for served in serve(postgresql, public_url=None):
        for desk in desk_of(served, browser):
            with stack_of(served) as stack:
                yield desk, stack


def clash(stack: Stack, *keys: str) -> None:
    """Customers that are in sync in both CRMs, with a name that was changed in Salesforce and here."""
    for key in keys:
        stack.add(key, phone_number="+1 212 555 0100")
    for _ in range(2):
        stack.sync()
    for key in keys:
        ids = {each.row["external_id"]: each.id for each in customers(stack)}
        stack.edit("salesforce", stack.ref("salesforce", ids[key]), name=f"Theirs {key}")
        stack.change(key, f"customer_name=Ours {key}")
    stack.sync("salesforce")
    assert {each.row["kind"] for each in stack.questions()} == {"field_conflict"}


def customers(stack: Stack) -> list[StoredCustomer]:
    with stack.served.database.reading() as tx:
        return store.load(tx, stack.served.organisation_id, table.c.id > "")


def listening(page: Page) -> None:
    """Wait until the page takes keys."""
    page.get_by_role("button", name="Keys").wait_for()


def value(stack: Stack, key: str, path: str = "customer_name") -> object:
    (found,) = (each for each in customers(stack) if each.row["external_id"] == key)
    return found.value(path)


def in_crm(stack: Stack, name: str, key: str) -> object:
    (found,) = (each for each in customers(stack) if each.row["external_id"] == key)
    return stack.record(name, stack.ref(name, found.id))["name"]


def test_theirs_is_taken_by_a_key_and_undone(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    clash(stack, "A", "B")
    person = desk.signed_in(UserRole.REVIEWER, "/desk/conflicts")
    page = person.page
    person.check()
    assert "2 questions" in page.get_by_role("status").first.inner_text()
    listening(page)
    page.keyboard.press("j")
    first, second = page.locator("[data-row]").all_inner_texts()
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name=first).wait_for()
    person.check()
    assert page.locator(".theirs mark").all_inner_texts() == ["Thei"], "what both have is not marked"
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    person.check()
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    page.get_by_role("heading", level=1, name=second).wait_for()
    key = first[-1]
    assert value(stack, key) == f"Theirs {key}"
    listening(page)
    page.keyboard.press("u")
    page.get_by_text("It is being undone.").wait_for()
    drain(stack.served.services, lambda _event: None)
    assert value(stack, key) == f"Ours {key}"


def test_a_customer_made_by_a_click_is_gone_by_another(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    stack.create("salesforce", None, name="Keyless Ltd")
    stack.sync("salesforce")
    (row,) = stack.questions("missing_external_id")
    person = desk.signed_in(UserRole.REVIEWER, f"/desk/conflicts/{row.id}")
    page = person.page
    page.get_by_role("button", name="Make a new customer of it").click()
    page.locator(".toast").get_by_role("button", name="Undo").click()
    page.get_by_text("It is being undone.").wait_for()
    person.check()
    drain(stack.served.services, lambda _event: None)
    assert stack.customers() == {}
    assert [each.id for each in stack.questions()] == [row.id]
    (run,) = (each for each in runs_of(stack) if each["kind"] == "undo")
    page = person.open(f"/desk/runs/{run['id']}")
    person.check()
    text = page.locator("main").inner_text()
    assert "Question asked again" in text
    assert "Deleted here" in text


def runs_of(stack: Stack) -> list[Row]:
    with stack.served.database.reading() as tx:
        return rows(tx, select(runs))


def test_ours_goes_to_the_crm_without_javascript_on_a_narrow_screen(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    clash(stack, "A")
    person = desk.signed_in(
        UserRole.REVIEWER,
        "/desk/conflicts",
        java_script_enabled=False,
        viewport={"width": 320, "height": 700},
    )
    page = person.page
    page.get_by_role("link", name="Ours A").click()
    page.get_by_role("button", name="Keep ours").click()
    assert "Decided" in page.get_by_role("status").first.inner_text()
    assert in_crm(stack, "salesforce", "A") == "Theirs A"
    stack.sync()
    assert in_crm(stack, "salesforce", "A") == in_crm(stack, "hubspot", "A") == "Ours A"


def test_another_value_is_typed_and_seen_before_it_is_written(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    clash(stack, "A")
    person = desk.signed_in(UserRole.REVIEWER, "/desk/conflicts")
    page = person.page
    page.get_by_role("link", name="Ours A").click()
    page.get_by_role("heading", name="Ours A").wait_for()
    listening(page)
    page.keyboard.press("e")
    page.keyboard.press("Control+A")
    page.keyboard.type("Both of us")
    page.get_by_label("show first what it would write").check()
    page.get_by_role("button", name="Decide as chosen").click()
    page.get_by_role("heading", name="What this would write").wait_for()
    assert "Theirs A → Both of us" in page.locator("main").inner_text()
    assert value(stack, "A") == "Ours A"
    person.check()
    page.get_by_role("button", name="Decide as chosen").click()
    page.locator(".toast", has_text="Decided.").wait_for()
    stack.sync()
    assert value(stack, "A") == in_crm(stack, "salesforce", "A") == "Both of us"


def test_whoever_is_late_sees_the_fresh_values_and_writes_nothing(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    clash(stack, "A")
    (row,) = stack.questions()
    person = desk.signed_in(UserRole.REVIEWER, f"/desk/conflicts/{row.id}")
    page = person.page
    page.get_by_role("heading", name="Ours A").wait_for()
    stack.edit("salesforce", str(row.row["ref"]), name="Newer theirs")
    stack.sync("salesforce")
    page.get_by_role("button", name="Take theirs").click()
    assert "fresh values" in page.get_by_role("alert").inner_text()
    assert page.locator(".theirs").last.inner_text().endswith("Newer theirs")
    assert value(stack, "A") == "Ours A"
    person.expected.append("409")
    person.check()
    page.get_by_role("button", name="Keep ours").click()
    page.locator(".toast", has_text="Decided.").wait_for()
    page.goto(f"{desk.served.url}/desk/conflicts/{row.id}")
    assert "decided, by reviewer@default.example" in page.get_by_role("status").first.inner_text()
    assert page.get_by_role("button", name="Keep ours").count() == 0


def test_many_are_decided_at_once_after_a_preview(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    clash(stack, "A", "B", "C")
    person = desk.signed_in(UserRole.REVIEWER, "/desk/conflicts")
    page = person.page
    for name in ("Ours A", "Ours B"):
        page.get_by_label(f"Choose {name}").check()
    page.get_by_role("button", name="Take theirs").click()
    page.get_by_role("heading", name="2 questions: take what the CRM has").wait_for()
    assert "Name: Theirs A → Ours A" not in page.get_by_role("table").inner_text()
    assert "Name: Ours A → Theirs A" in page.get_by_role("table").inner_text()
    person.check()
    assert value(stack, "A") == "Ours A", "a preview writes nothing"
    (moved,) = (each for each in stack.questions() if each.row["local"]["customer_name"] == "Ours A")
    stack.edit("salesforce", str(moved.row["ref"]), name="Newer theirs")
    stack.sync("salesforce")
    page.get_by_role("button", name="Do it").click()
    page.get_by_role("heading", name="1 question decided").wait_for()
    assert page.locator(f'a[href$="{moved.id}"]').count() == 1, "what moved is told"
    person.check()
    assert [value(stack, key) for key in "ABC"] == ["Ours A", "Theirs B", "Ours C"]
    page.goto(f"{desk.served.url}/desk/conflicts?kind=field_conflict")
    page.get_by_label("all 2").check()
    page.get_by_role("button", name="Keep ours").click()
    page.get_by_role("button", name="Do it").click()
    page.get_by_text("All of them are decided.").wait_for()
    stack.sync()
    assert [in_crm(stack, "salesforce", key) for key in "ABC"] == ["Ours A", "Theirs B", "Ours C"]


def test_the_list_is_filtered_as_it_is_typed(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    clash(stack, "A", "B", "C")
    person = desk.signed_in(UserRole.VIEWER, "/desk/conflicts")
    page = person.page
    assert page.get_by_role("button", name="Take theirs").count() == 0, "a viewer decides nothing"
    page.get_by_label("Text").fill("theirs b")
    page.get_by_text("1 question that fits").wait_for()
    assert page.url.endswith("q=theirs+b") or "q=theirs" in page.url
    assert page.locator("[data-row]").all_inner_texts() == ["Ours B"]
    person.check()
    page.get_by_label("Text").fill("nothing of this")
    page.get_by_text("No open question fits").wait_for()
    page.goto(f"{desk.served.url}/desk/conflicts?age=older")
    assert "0 questions" in page.get_by_role("status").first.inner_text()
    person.check()


def test_a_question_is_assigned_and_noted(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    clash(stack, "A")
    (row,) = stack.questions()
    person = desk.signed_in(UserRole.REVIEWER, f"/desk/conflicts/{row.id}")
    page = person.page
    page.get_by_label("Assigned to").select_option("reviewer@default.example")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("assigned to reviewer@default.example").wait_for()
    page.get_by_label("Note").fill("Asked\nthe customer <b>twice</b>")
    page.get_by_role("button", name="Add the note").click()
    page.get_by_text("the customer <b>twice</b>").wait_for()
    person.check()
    page.goto(f"{desk.served.url}/desk/conflicts?assignee=nobody")
    assert page.locator("[data-row]").count() == 0
    page.goto(f"{desk.served.url}/desk/conflicts?assignee=reviewer@default.example")
    assert page.locator("[data-row]").count() == 1


HOSTILE = (
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "\"'><svg/onload=window.hit=1>",
    "{{7*7}}${7*7}",
    "javascript:window.hit=1",
    "\u202egnp.exe\u2066\u200b",
    "</textarea><iframe src=//evil.example>",
)


def test_what_comes_from_a_crm_does_nothing_and_hides_nothing(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    keys = [f"H{number}" for number in range(len(HOSTILE))]
    clash(stack, *keys)
    rows = stack.questions()
    for row, text in zip(rows, HOSTILE, strict=True):
        stack.edit("salesforce", str(row.row["ref"]), name=text)
    stack.sync("salesforce")
    with stack.served.database.transaction() as tx:
        long = {"customer_name": "long " * 6_000, "phone_number": "x" * 30_000}
        tx.execute(update(conflicts).where(conflicts.c.id == rows[0].id).values(remote=long))
    person = desk.signed_in(UserRole.REVIEWER, "/desk/conflicts", viewport={"width": 320, "height": 700})
    page = person.page
    person.check()
    for row in rows:
        page.goto(f"{desk.served.url}/desk/conflicts/{row.id}")
        assert page.evaluate("window.hit") is None
        assert page.locator("iframe, main svg, main img, main script").count() == 0
    hidden = page.goto(f"{desk.served.url}/desk/conflicts/{rows[5].id}")
    assert hidden is not None
    assert page.locator("code.hidden").all_inner_texts() == ["U+202E", "U+2066", "U+200B"]
    person.check()
    page.goto(f"{desk.served.url}/desk/conflicts/{rows[0].id}")
    assert page.locator(".long").count() >= 2
    person.check()
