"""The rules of an undo: cases of what goes back, and of what is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sync.core.diff import Change
from sync.core.done import Done, Kept, Left, Now, Side, Why, fold
from sync.core.landing import Purpose, agreed_after
from sync.core.match import LinkState
from sync.core.policy import Direction, Policy, Rule
from sync.core.reopen import Decided, ReopenPlan, plan_reopen, plan_rest, without_email
from sync.core.undo import UndoPlan, hold_taken_emails, plan_undo

POLICY = Policy(fields=("customer_name", "email", "business_entity_id"))
NAME = "customer_name"


def now(ours: Any = "New", theirs: Any = "New", **more: Any) -> Now:
    """A record after a run that made it `New` on one side."""
    given_pair = more.pop("pair", ("New", "New"))
    body: dict[str, Any] = {"baseline": {NAME: given_pair} if given_pair else {}, **more}
    return Now(local={NAME: ours}, remote=None if theirs is None else {NAME: theirs}, **body)


WROTE_HERE = Done(local={NAME: Change("Old", "New")})
WROTE_THERE = Done(crm={NAME: Change("Old", "New")})


@pytest.mark.parametrize(
    ("done", "at", "why"),
    [
        (WROTE_HERE, now(), None),
        (WROTE_HERE, now(theirs=None), None),
        (WROTE_HERE, now(pair=None), None),
        (WROTE_HERE, now("Old", "Else"), None),
        (WROTE_HERE, now("Else"), Why.HERE),
        (WROTE_HERE, now(theirs="Else"), Why.THERE),
        (WROTE_HERE, now(deleted=True), Why.DELETED),
        (WROTE_HERE, now(waiting=frozenset({NAME})), Why.WAITING),
        (WROTE_THERE, now(), None),
        (WROTE_THERE, now("Else", "Old"), None),
        (WROTE_THERE, now(theirs="Else"), Why.THERE),
        (WROTE_THERE, now(pair=("New", "Newer")), Why.THERE),
        (WROTE_THERE, now("Else"), Why.HERE),
        (WROTE_THERE, now(theirs=None), Why.GONE),
        (WROTE_THERE, now(same_record=False), Why.MOVED),
        (WROTE_THERE, now(pair=None), Why.MOVED),
        (WROTE_THERE, now(deleted=True), Why.DELETED),
        (WROTE_THERE, now(waiting=frozenset({NAME})), Why.WAITING),
    ],
)
def test_a_field_goes_back_unless_it_was_changed_since(done: Done, at: Now, why: Why | None) -> None:
    plan = plan_undo(done, at, POLICY)
    assert [each.why for each in plan.left] == ([why] if why else [])
    if why is not None:
        assert not plan.moves


def test_the_pair_of_what_is_restored_here_is_what_both_have_then() -> None:
    assert plan_undo(WROTE_HERE, now(), POLICY).baseline == {NAME: ("Old", "New")}
    unread = now(theirs=None, pair=("New", "NEW"))
    assert plan_undo(WROTE_HERE, unread, POLICY).baseline == {NAME: ("Old", "NEW")}
    assert plan_undo(WROTE_HERE, now(theirs=None, pair=None), POLICY).baseline == {}
    assert plan_undo(WROTE_THERE, now(), POLICY).baseline == {}


def test_rules_of_today_say_what_may_be_written() -> None:
    one_way = Policy(fields=(NAME,), rules={NAME: Rule(direction=Direction.CRM_TO_LOCAL)})
    for policy in (one_way, Policy(fields=("email",))):
        assert plan_undo(WROTE_THERE, now(), policy).left == (Left(Side.CRM, NAME, Why.RULES),)
        assert plan_undo(WROTE_HERE, now(), policy).to_local == {NAME: Change("New", "Old")}


def test_what_never_changes_is_left_alone() -> None:
    entity = "business_entity_id"
    at = Now(local={entity: "e1"}, remote={entity: "e1"}, baseline={entity: ("e1", "e1")})
    assert plan_undo(Done(local={entity: Change(None, "e1")}), at, POLICY).left == (
        Left(Side.LOCAL, entity, Why.FIXED),
    )
    keyed = fold([Kept(action="update_crm", changes={"external_id": Change(None, "k")})])
    assert plan_undo(keyed, now(), POLICY).left == (Left(Side.CRM, "external_id", Why.FIXED),)


@pytest.mark.parametrize(
    ("action", "at", "does", "whys"),
    [
        ("create_customer", now(), "delete", []),
        ("restore_customer", now(), "delete", []),
        ("create_customer", now(deleted=True), "", []),
        ("create_customer", now(moved=frozenset({NAME})), "", [Why.HERE]),
        ("create_customer", now(billed=True), "", [Why.BILLED]),
        ("delete_customer", now(deleted=True), "restore", []),
        ("delete_customer", now(), "", []),
        ("delete_customer", now(deleted=True, key_taken=True), "", [Why.TAKEN]),
        ("make_link", now(), "detach", []),
        ("attach_link", now(state=LinkState.HELD), "detach", []),
        ("make_link", now(state=LinkState.DETACHED), "", []),
        ("make_link", now(state=LinkState.FROZEN), "", [Why.GONE]),
        ("make_link", now(same_record=False), "", [Why.MOVED]),
        ("detach_link", now(state=LinkState.DETACHED), "attach", []),
        ("detach_link", now(), "", []),
        ("detach_link", now(state=None), "", [Why.MOVED]),
        ("detach_link", now(same_record=False), "", [Why.MOVED]),
        ("detach_link", now(deleted=True), "", [Why.DELETED]),
        ("create_crm", now(), "", [Why.MADE_THERE]),
        ("create_customer", now(busy=True), "", [Why.BUSY]),
    ],
)
def test_customers_and_links_go_back(action: str, at: Now, does: str, whys: list[Why]) -> None:
    plan = plan_undo(fold([Kept(action=action)]), at, POLICY)
    done = {name for name in ("delete", "restore", "detach", "attach") if getattr(plan, name)}
    assert done == ({does} if does else set())
    assert [each.why for each in plan.left] == whys
    assert plan.moves == bool(does)


def test_changes_of_one_record_are_taken_together() -> None:
    done = fold(
        [
            Kept(action="make_link"),
            Kept(action="update_customer", changes={NAME: Change("a", "b")}),
            Kept(action="update_customer", changes={NAME: Change("b", "c")}),
            Kept(action="update_crm", changes={"email": Change("x", "y")}),
        ]
    )
    assert done == Done(local={NAME: Change("a", "c")}, crm={"email": Change("x", "y")}, linked=True)


def test_a_new_customer_is_deleted_whole() -> None:
    done = Done(created=True, local={NAME: Change("Old", "New")}, linked=True)
    assert plan_undo(done, now(), POLICY) == UndoPlan(delete=True)


def email(before: str, after: str) -> UndoPlan:
    return UndoPlan(to_local={"email": Change(before, after)}, baseline={"email": (after, before)})


def test_an_address_is_given_to_one_customer_only() -> None:
    swap = {"a": email("y@x", "z@x"), "b": email("z@x", "y@x"), "c": UndoPlan(delete=True)}
    owners = {"y@x": "a", "z@x": "b"}
    assert hold_taken_emails(swap, {}, owners) == swap
    held = hold_taken_emails({"a": email("y@x", "z@x")}, {}, owners)["a"]
    assert held == UndoPlan(left=(Left(Side.LOCAL, "email", Why.TAKEN),))
    # One that must stay takes its address from whoever counted on it.
    chain = hold_taken_emails({"a": email("y@x", "z@x"), "d": email("w@x", "Y@x")}, {}, owners)
    assert not any(plan.to_local for plan in chain.values())
    back = UndoPlan(restore=True)
    assert hold_taken_emails({"e": back}, {"e": "y@x"}, owners)["e"] == UndoPlan(
        left=(Left(Side.LOCAL, "email", Why.TAKEN),)
    )
    assert hold_taken_emails({"e": back, "a": email("y@x", "")}, {"e": "y@x"}, owners)["e"] == back


DECIDED = Decided(local={NAME: Change("Ours", "New")}, theirs={NAME: "Theirs"})


@pytest.mark.parametrize(
    ("decided", "at", "stands", "why"),
    [
        (DECIDED, now(), True, None),
        (DECIDED, now(theirs="Theirs"), True, None),
        (DECIDED, now("Ours", "Theirs"), True, None),
        (DECIDED, now("Else"), True, Why.HERE),
        (DECIDED, now(theirs="Else"), True, Why.THERE),
        (DECIDED, now(theirs=None), True, Why.GONE),
        (DECIDED, now(deleted=True), True, Why.DELETED),
        (DECIDED, now(same_record=False), True, Why.MOVED),
        (DECIDED, now(busy=True), True, Why.BUSY),
        (DECIDED, now(), False, Why.DECIDED),
        (replace(DECIDED, again=True), now(theirs="Theirs"), True, None),
        (replace(DECIDED, again=True), now(theirs="New"), True, Why.THERE),
    ],
)
def test_a_decision_goes_back_unless_it_was_overtaken(
    decided: Decided, at: Now, stands: bool, why: Why | None
) -> None:
    plan = plan_reopen(decided, at, POLICY, stands=stands)
    assert [each.why for each in plan.left] == ([why] if why else [])
    assert plan.whole == (why is None)
    assert plan.paths == (frozenset() if why else {NAME})
    if why is None:
        assert at.remote is not None
        after = {**at.local, **{path: each.after for path, each in plan.to_local.items()}}
        there = {**at.remote, **{path: each.after for path, each in plan.to_remote.items()}}
        assert (after, there) == ({NAME: "Ours"}, {NAME: "Theirs"})


@pytest.mark.parametrize(
    ("at", "sent", "why"),
    [
        (now("Ours"), True, None),
        (now("Ours", "Theirs"), False, None),
        (now("New"), False, None),
        (now("Ours", "Else"), False, Why.THERE),
        (now("Ours", busy=True), False, Why.BUSY),
    ],
)
def test_what_the_crm_did_not_take_of_an_undo_is_sent_again(at: Now, *, sent: bool, why: Why | None) -> None:
    plan = plan_rest(DECIDED, at, POLICY, unsent={NAME})
    assert plan.to_remote == ({NAME: Change("New", "Theirs")} if sent else {})
    assert (plan.to_local, plan.paths) == ({}, frozenset()), "ours went back before"
    assert [each.why for each in plan.left] == ([why] if why else [])
    assert plan_rest(DECIDED, now("Ours"), POLICY, unsent=()).to_remote == {}


def test_a_decision_is_not_taken_back_where_the_rules_forbid_the_write() -> None:
    assert plan_reopen(DECIDED, now(), Policy(fields=()), stands=True).left == (
        Left(Side.CRM, NAME, Why.RULES),
    )


def test_what_landed_moves_the_pair_as_its_purpose_says() -> None:
    known, pairs = {"a": (1, 1)}, {"a": (2, 2), "b": (3, 3)}
    assert agreed_after(Purpose.UPDATE, known, pairs) == pairs
    assert agreed_after(Purpose.UNDO, known, pairs) == {"a": (1, 2), "b": (3, 3)}
    assert agreed_after(Purpose.REOPEN, known, pairs) == {}


def test_a_reopened_address_that_is_taken_is_left_alone_on_both_sides() -> None:
    moves = {NAME: Change("a", "b"), "email": Change("x@x", "y@x")}
    plan = ReopenPlan(to_local=moves, to_remote=moves, paths=frozenset(moves))
    name = {NAME: moves[NAME]}
    assert without_email(plan) == ReopenPlan(
        to_local=name, to_remote=name, paths=frozenset(name), left=(Left(Side.LOCAL, "email", Why.TAKEN),)
    )
