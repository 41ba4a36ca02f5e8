"""What is offered in place of a record that went away, and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.core.actions import Conflict, ConflictKind
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


def test_nothing_is_offered_in_place_of_a_record_that_is_back_under_another_key() -> None:
    back = Conflict(kind=ConflictKind.KEY_CHANGED, subject="ref:r0", ref="r0")
    own = link(LinkState.FROZEN, "r0")
    standing = Standing(remote=remote(), customer=customer(), customer_link=own)
    assert kinds(plan_record(standing, (), POLICY)) == ["remote_deleted"]
    assert kinds(plan_record(standing, (back,), POLICY)) == ["ambiguous_match"]
