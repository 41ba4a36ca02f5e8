"""What is offered in place of a record that went away, and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.core.actions import AdjustLink, Conflict, ConflictKind
from sync.core.departed import Departure, plan_departed
from sync.core.match import LinkState, Standing
from sync.core.plan import plan_record
from tests.core.test_plan import POLICY, customer, kinds, link, remote


@pytest.mark.parametrize("merged", [False, True])
def test_an_offer_stands_for_as_long_as_its_record_does(*, merged: bool) -> None:
    offer = Conflict(
        kind=ConflictKind.REMOTE_DELETED, subject="ref:r1", ref="r1", reasons=({"relink_to": "r3"},)
    )
    about = Conflict(kind=ConflictKind.REMOTE_MERGED, subject="ref:r1", ref="r1")
    gone = Departure(ref="r1", link=link(LinkState.FROZEN), customer=customer(), heirs=frozenset({"r3"}))
    rows = (offer, about) if merged else (offer,)
    assert offer in plan_departed(gone, rows).conflicts
    assert offer not in plan_departed(replace(gone, heirs=frozenset()), rows).conflicts


def test_a_record_that_is_back_under_another_key_is_there() -> None:
    back = Standing(remote=remote("k9"), link=link(LinkState.FROZEN), customer=customer())
    plan = plan_record(back, (), POLICY)
    assert kinds(plan) == ["key_changed"]
    assert plan.actions == (AdjustLink(link_id="l1", state=LinkState.ACTIVE),)


@pytest.mark.parametrize(
    ("state", "asked"), [(LinkState.FROZEN, "remote_deleted"), (LinkState.ACTIVE, "ambiguous_match")]
)
def test_nothing_is_offered_in_place_of_a_record_that_is_there(state: LinkState, asked: str) -> None:
    standing = Standing(remote=remote(), customer=customer(), customer_link=link(state, "r0"))
    assert kinds(plan_record(standing, (), POLICY)) == [asked]


@pytest.mark.parametrize("present", [True, False])
def test_whose_a_merged_record_is_stays_open_when_one_customer_is_deleted(*, present: bool) -> None:
    about = Conflict(kind=ConflictKind.REMOTE_MERGED, subject="ref:r1", ref="r1")
    beside = Conflict(kind=ConflictKind.REMOTE_MERGED, subject="ref:r2", ref="r2")
    mine, whose = link(LinkState.DETACHED), customer(deleted=True)
    if present:
        standing = Standing(remote=remote(email="x@example.com"), link=mine, customer=whose)
        assert plan_record(standing, (about,), POLICY).conflicts == (about,)
        assert kinds(plan_record(standing, (), POLICY)) == ["delete_vs_edit"]
    else:
        gone = Departure(ref="r1", link=mine, customer=whose)
        assert plan_departed(gone, (about, beside)).conflicts == (about,)
