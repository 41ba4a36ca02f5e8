"""E-mail addresses are unique: swaps land together, and a chain that breaks at its end breaks whole."""

from __future__ import annotations

from typing import Any

from sync.core.actions import (
    AdjustLink,
    CreateCustomer,
    MakeLink,
    RecordPlan,
    UpdateCrm,
    UpdateCustomer,
)
from sync.core.diff import Change
from sync.core.match import LinkState
from sync.core.ownership import settle_emails
from tests.core.test_plan import kinds


def create(ref: str, email: str | None) -> RecordPlan:
    action = CreateCustomer(
        ref=ref, external_id=ref, fields={"email": email}, baseline={"email": (email, email)}
    )
    return RecordPlan(ref=ref, actions=(action,))


def update(ref: str, before: str | None, after: str | None, **more: Any) -> RecordPlan:
    change = UpdateCustomer(customer_id=f"c-{ref}", changes={"email": Change(before, after), **more})
    adjust = AdjustLink(link_id=f"l-{ref}", baseline={"email": (after, after)})
    return RecordPlan(ref=ref, customer_id=f"c-{ref}", actions=(adjust, change))


def test_two_that_swap_their_addresses_are_no_clash() -> None:
    plans = [update("a", "1@x.example", "2@x.example"), update("b", "2@x.example", "1@x.example")]
    assert settle_emails(plans, {"1@x.example": "c-a", "2@x.example": "c-b"}) == plans


def test_a_chain_that_breaks_at_its_end_breaks_whole() -> None:
    """a wants b's address, b wants c's, and c keeps its own."""
    plans = [update("a", "1@x.example", "2@x.example"), update("b", "2@x.example", "3@x.example")]
    settled = settle_emails(plans, {"2@x.example": "c-b", "3@x.example": "c-c"})
    assert [kinds(plan) for plan in settled] == [["email_taken"], ["email_taken"]]
    assert all(plan.actions == () for plan in settled)


def test_what_else_changes_goes_on() -> None:
    plan = update("a", None, "2@x.example", customer_name=Change("A", "B"))
    linked = RecordPlan(
        ref="r",
        customer_id="c",
        actions=(
            MakeLink(customer_id="c", ref="r", state=LinkState.ACTIVE, baseline={"email": ("", "")}),
            AdjustLink(link_id="l", state=LinkState.ACTIVE, baseline={"email": ("", "")}),
            UpdateCrm(customer_id="c", ref="r", changes={"phone_number": Change(None, "1")}),
            UpdateCustomer(customer_id="c", changes={"email": Change(None, "2@x.example")}),
        ),
    )
    first, second = settle_emails([plan, linked], {"2@x.example": "somebody"})
    assert [action.changes.keys() for action in first.actions if isinstance(action, UpdateCustomer)] == [
        {"customer_name"}
    ]
    assert [type(action) for action in second.actions] == [MakeLink, AdjustLink, UpdateCrm]
    assert second.conflicts[0].reasons[0]["customer"] == "somebody"


def test_two_new_customers_with_one_address() -> None:
    first, second = settle_emails([create("a", "x@x.example"), create("b", "X@x.example")], {})
    assert kinds(first) == []
    assert kinds(second) == ["email_taken"]
    assert second.conflicts[0].reasons[0]["customer"] is None


def test_nothing_to_settle() -> None:
    plans = [create("a", None), update("b", "x@x.example", None)]
    assert settle_emails(plans, {}) == plans
