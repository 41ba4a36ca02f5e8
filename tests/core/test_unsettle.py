"""Undo of decisions that are not about values: whole, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.records import JSON
from sync.core.done import Left, Side, Why
from sync.core.unsettle import Life, Present, Settled, Snapshot, UnsettlePlan, plan_unsettle

NOTHING: JSON = None


def link(state: str = "active", *, ref: str = "r1", customer: str = "c1", **more: JSON) -> dict[str, JSON]:
    return {"connection_id": "k1", "customer_id": customer, "ref": ref, "state": state, **more}


def settled(before: Snapshot | None, after: Snapshot | None, **more: Any) -> Settled:
    return Settled(links={"l1": (before, after)}, customer_id="c1", **more)


LIVING, DELETED = Life(deleted=False, external_id="a1"), Life(deleted=True, external_id="a1")
MADE = settled(None, link(), life=(DELETED, LIVING))


def whys(plan: UnsettlePlan) -> list[Why]:
    assert plan.left
    return [each.why for each in plan.left]


def test_a_row_that_was_only_closed_is_open_again() -> None:
    plan = plan_unsettle(Settled(), Present())
    assert plan == UnsettlePlan(question=True)
    assert plan.moves


@pytest.mark.parametrize(
    ("now", "why"), [(Present(busy=True), Why.BUSY), (Present(stands=False), Why.DECIDED)]
)
def test_what_is_at_work_or_decided_anew_is_left(now: Present, why: Why) -> None:
    plan = plan_unsettle(Settled(), now)
    assert whys(plan) == [why]
    assert not plan.moves


@pytest.mark.parametrize("state", ["active", "held"])
def test_a_link_that_was_made_is_taken_away(state: str) -> None:
    plan = plan_unsettle(settled(None, link()), Present(links={"l1": link(state)}))
    assert plan == UnsettlePlan(links={"l1": None}, question=True)


def test_a_link_is_as_it_was_but_for_what_happened_beside() -> None:
    done = settled(link("active", baseline=NOTHING), link("detached", baseline={}))
    now = Present(links={"l1": link("detached", baseline={"x": 1}, accepted={"y": 2})})
    assert plan_unsettle(done, now).links == {"l1": link("active", baseline=None, accepted={"y": 2})}
    same = settled(link(accepted_key="1"), link(accepted_key="2"), key="K")
    now = Present(links={"l1": link("held", accepted_key="2")}, key="K")
    assert plan_unsettle(same, now).links == {"l1": link("held", accepted_key="1")}


def test_a_link_that_was_taken_away_is_put_back_unless_its_place_is_taken() -> None:
    done = settled(link("frozen", accepted=NOTHING), None)
    assert plan_unsettle(done, Present()).links == {"l1": link("frozen", accepted=None)}
    elsewhere = {**link(customer="c2", ref="r2"), "connection_id": "k2"}
    assert plan_unsettle(done, Present(others={"l2": elsewhere})).left == ()
    for other in (link(ref="r2"), link(customer="c2")):
        assert whys(plan_unsettle(done, Present(others={"l2": other}))) == [Why.MOVED]
    assert whys(plan_unsettle(done, Present(links={"l1": link()}))) == [Why.MOVED]


@pytest.mark.parametrize(
    ("present", "why"),
    [
        (None, Why.MOVED),
        (link(ref="r9"), Why.MOVED),
        (link("detached"), Why.MOVED),
        (link("frozen"), Why.GONE),
    ],
)
def test_a_link_that_has_moved_on_is_left(present: Snapshot | None, why: Why) -> None:
    now = Present(links={} if present is None else {"l1": present})
    assert whys(plan_unsettle(settled(None, link()), now)) == [why]


def test_a_deleted_customer_is_not_joined_again() -> None:
    done, now = settled(link(), link("detached")), Present(links={"l1": link("detached")})
    assert whys(plan_unsettle(done, replace(now, gone=frozenset({"c1"})))) == [Why.DELETED]
    stays = settled(link("detached", accepted=1), link("detached", accepted=2))
    now = Present(links={"l1": link("detached", accepted=2)}, gone=frozenset({"c1"}))
    assert plan_unsettle(stays, now).links == {"l1": link("detached", accepted=1)}


def test_a_record_with_another_key_would_be_joined_by_itself() -> None:
    now = Present(links={"l1": link()}, key="a1")
    plan = plan_unsettle(settled(None, link()), now)
    assert plan.links == {"l1": link("detached")}
    assert not plan.question
    assert plan.left == (Left(Side.CRM, "external_id", Why.KEYED),)
    ours = settled(link(accepted_key="1"), link(accepted_key="2"), key="z9")
    assert plan_unsettle(ours, now) == UnsettlePlan(left=plan.left)
    assert plan_unsettle(replace(ours, again=True), Present(links={"l1": link()}, key="a1")).question
    assert plan_unsettle(
        settled(link(), link("detached")), Present(links={"l1": link("detached")}, key="a1")
    ).question


def test_values_that_runs_moved_since_are_named() -> None:
    now = Present(links={"l1": link()}, synced=True)
    plan = plan_unsettle(settled(None, link()), now)
    assert (plan.links, plan.question) == ({"l1": None}, True)
    assert whys(plan) == [Why.SYNCED]
    assert plan_unsettle(MADE, replace(now, life=LIVING)).left == ()


def test_a_customer_that_was_made_is_deleted_with_its_other_links() -> None:
    others = {"l2": link(ref="r2"), "l3": link(ref="r3", customer="c3")}
    plan = plan_unsettle(MADE, Present(links={"l1": link()}, others=others, life=LIVING))
    assert plan.life == DELETED
    assert plan.links == {"l1": None, "l2": link("detached", ref="r2")}


@pytest.mark.parametrize(
    ("news", "whys_left"),
    [
        ({"moved": frozenset({"email", "address"})}, [Why.HERE, Why.HERE]),
        ({"billed": True}, [Why.BILLED]),
        ({"life": None}, [Why.DELETED]),
        ({"life": DELETED}, [Why.DELETED]),
        ({"life": Life(deleted=False, external_id="b1")}, [Why.HERE]),
    ],
)
def test_a_customer_that_has_lived_on_stays(news: dict[str, Any], whys_left: list[Why]) -> None:
    now = replace(Present(links={"l1": link()}, life=LIVING), **news)
    plan = plan_unsettle(MADE, now)
    assert whys(plan) == whys_left
    assert not plan.moves


@pytest.mark.parametrize(
    ("news", "left"),
    [
        ({}, []),
        ({"key_taken": True}, ["external_id"]),
        ({"email_taken": True}, ["email"]),
        ({"life": LIVING}, [""]),
    ],
)
def test_a_deleted_customer_comes_back_if_nothing_of_it_is_taken(
    news: dict[str, Any], left: list[str]
) -> None:
    done = settled(link("frozen"), link("detached"), life=(LIVING, DELETED))
    now = Present(links={"l1": link("detached")}, life=DELETED, gone=frozenset({"c1"}))
    plan = plan_unsettle(done, replace(now, **news))
    assert [each.path for each in plan.left] == left
    assert plan.life == (None if left else LIVING)
    assert plan.links == ({} if left else {"l1": link("frozen")})
