"""What a person types or presses at a question decides what was meant, and no more."""

from __future__ import annotations

from sqlalchemy import update

from sync.store.schema import conflicts
from sync.users import UserRole
from tests.desk.conftest import Desk
from tests.desk.stack import Stack
from tests.desk.test_conflicts import clash, listening, value, world

__all__ = ["world"]


def test_enter_decides_on_what_was_typed(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    clash(stack, "A")
    (row,) = stack.questions()
    person = desk.signed_in(UserRole.REVIEWER, f"/desk/conflicts/{row.id}")
    page = person.page
    listening(page)
    page.keyboard.press("e")
    page.keyboard.press("Control+A")
    page.keyboard.type("Typed")
    page.keyboard.press("Enter")
    page.locator(".toast", has_text="Decided.").wait_for()
    assert value(stack, "A") == "Typed"


def test_a_key_that_is_held_decides_one_question(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    clash(stack, "A", "B")
    person = desk.signed_in(UserRole.REVIEWER, "/desk/conflicts")
    page = person.page
    listening(page)
    page.keyboard.press("j")
    first, second = page.locator("[data-row]").all_inner_texts()
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name=first).wait_for()
    listening(page)
    page.keyboard.down("t")
    page.get_by_role("heading", level=1, name=second).wait_for()
    listening(page)
    page.keyboard.down("t")
    page.keyboard.up("t")
    assert [each.row["local"]["customer_name"] for each in stack.questions()] == [second]
    page.keyboard.press("t")
    page.get_by_text("Nothing waits for a decision.").wait_for()
    assert not stack.questions()


def test_a_text_of_several_lines_keeps_them(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    clash(stack, "A")
    (row,) = stack.questions()
    lines = {"customer_name": "Acme\nof Springfield"}
    with stack.served.database.transaction() as tx:
        tx.execute(update(conflicts).where(conflicts.c.id == row.id).values(local=lines))
    person = desk.signed_in(UserRole.REVIEWER, f"/desk/conflicts/{row.id}")
    page = person.page
    listening(page)
    page.keyboard.press("e")
    assert page.get_by_role("textbox", name="Name").input_value() == lines["customer_name"]
    person.check()
    page.get_by_label("show first what it would write").check()
    page.get_by_role("button", name="Decide as chosen").click()
    page.get_by_role("heading", name="What this would write").wait_for()
    assert page.get_by_role("textbox", name="Name").input_value() == lines["customer_name"]
