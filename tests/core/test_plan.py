"""Plans of whole records and pages, and the law that planning twice plans nothing new."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.records import Address, Fields
from sync.core import normalise
from sync.core.actions import (
    AdjustLink,
    Conflict,
    ConflictKind,
    MakeLink,
    RecordPlan,
    UpdateCrm,
    UpdateCustomer,
    subject_of,
)
from sync.core.departed import Departure, plan_departed
from sync.core.landing import after_receipt, after_unknown, means, merged
from sync.core.match import CustomerView, LinkState, LinkView, RemoteView, Standing, key_pair
from sync.core.plan import plan_invalid, plan_record
from sync.core.policy import Blanks, OnMissingExternalId, Policy, Rule
from tests.core.strategies import FIELDS, policies, sides

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = Policy(fields=("customer_name", "email"))


def remote(key: str | None = "k", **fields: Any) -> RemoteView:
    return RemoteView(ref="r1", external_id=key, fields={"customer_name": "Anna", "email": None, **fields})


def customer(key: str | None = "k", *, deleted: bool = False, **fields: Any) -> CustomerView:
    values = {"customer_name": "Anna", "email": None, **fields}
    return CustomerView(id="c1", external_id=key, version=1, fields=values, updated_at=NOW, deleted=deleted)


def link(state: LinkState = LinkState.ACTIVE, ref: str = "r1", **more: Any) -> LinkView:
    baseline = {"customer_name": ("Anna", "Anna"), "email": (None, None)}
    return LinkView(id="l1", customer_id="c1", ref=ref, state=state, **{"baseline": baseline, **more})


def kinds(plan: RecordPlan) -> list[str]:
    return [row.kind.value for row in plan.conflicts]


def test_a_changed_key_that_a_person_decided_is_pushed() -> None:
    decided = link(accepted_key=key_pair("k", "other"))
    plan = plan_record(Standing(remote=remote("other"), link=decided, customer=customer()), (), POLICY)
    (action,) = plan.actions
    assert isinstance(action, UpdateCrm)
    assert action.external_id == "k"


def test_a_customer_that_lost_its_key_is_asked_about() -> None:
    plan = plan_record(Standing(remote=remote(), link=link(), customer=customer(None)), (), POLICY)
    assert kinds(plan) == ["key_changed"]


def test_a_detached_record_is_let_be() -> None:
    plan = plan_record(
        Standing(remote=remote(email="x@example.com"), link=link(LinkState.DETACHED), customer=customer()),
        (),
        POLICY,
    )
    assert (plan.actions, plan.conflicts) == ((), ())


def test_a_deleted_customer_and_an_untouched_record_rest() -> None:
    gone = customer(deleted=True)
    plan = plan_record(Standing(remote=remote(), link=link(LinkState.DETACHED), customer=gone), (), POLICY)
    assert plan == RecordPlan(ref="r1", subjects=("ref:r1",))


def test_a_record_with_the_key_of_a_deleted_customer_is_asked_about() -> None:
    plan = plan_record(Standing(remote=remote(), customer=customer(deleted=True)), (), POLICY)
    assert kinds(plan) == ["delete_vs_edit"]


def test_a_record_with_the_key_of_a_customer_linked_elsewhere_is_a_doubt() -> None:
    standing = Standing(remote=remote(), customer=customer(), customer_link=link(ref="r0"))
    plan = plan_record(standing, (), POLICY)
    assert kinds(plan) == ["ambiguous_match"]
    assert plan.conflicts[0].reasons[0]["refs"] == ["r0", "r1"]


ADOPTS = replace(POLICY, on_missing_external_id=OnMissingExternalId.ADOPT_REF)


def test_adopting_a_ref_that_is_somebody_elses_key() -> None:
    taken = Standing(remote=remote(None), customer=customer("r1"), customer_link=link(ref="r0"))
    assert kinds(plan_record(taken, (), ADOPTS)) == ["missing_external_id"]


def test_adopting_a_ref_that_is_the_key_of_an_unlinked_customer() -> None:
    plan = plan_record(Standing(remote=remote(None), customer=customer("r1")), (), ADOPTS)
    assert [type(action) for action in plan.actions] == [MakeLink, UpdateCrm]


def test_adopting_a_record_that_cannot_be_taken() -> None:
    plan = plan_record(Standing(remote=remote(None, customer_name=None)), (), ADOPTS)
    assert kinds(plan) == ["invalid_record"]


def test_a_merge_that_waits_for_a_person_keeps_the_winner_still() -> None:
    row = Conflict(kind=ConflictKind.REMOTE_MERGED, subject="ref:r1")
    standing = Standing(remote=remote(), link=link(LinkState.FROZEN), customer=customer())
    assert plan_record(standing, (row,), POLICY).conflicts == (row,)
    assert plan_record(standing, (), POLICY).actions == (AdjustLink(link_id="l1", state=LinkState.ACTIVE),)


def test_an_invalid_value_quarantines_a_linked_record() -> None:
    standing = Standing(remote=remote(email="nonsense"), link=link(), customer=customer())
    plan = plan_record(standing, (), POLICY)
    assert kinds(plan) == ["invalid_record"]
    assert plan.actions == ()
    assert kinds(plan_invalid("r1", "email", "is bad")) == ["invalid_record"]


def test_a_name_is_never_blanked() -> None:
    policy = replace(POLICY, rules={"customer_name": Rule(blanks=Blanks.PROPAGATE)})
    standing = Standing(remote=remote(customer_name=None), link=link(), customer=customer())
    plan = plan_record(standing, (), policy)
    assert plan.actions == ()
    assert plan.kept == {"customer_name": "blank_kept"}


def test_an_overwritten_value_of_a_field_that_is_not_mapped_any_more() -> None:
    row = Conflict(kind=ConflictKind.FIELD_CONFLICT, subject="ref:r1", field="phone_number", sticky=True)
    plan = plan_record(Standing(remote=remote(), link=link(), customer=customer()), (row,), POLICY)
    assert plan.conflicts == ()


def test_an_overwritten_value_that_a_side_took_up_is_settled() -> None:
    row = Conflict(
        kind=ConflictKind.FIELD_CONFLICT,
        subject="ref:r1",
        field="email",
        local={"email": "ours@x.example"},
        remote={"email": "theirs@x.example"},
        sticky=True,
    )
    waiting = link(
        baseline={"customer_name": ("Anna", "Anna"), "email": ("ours@x.example", "ours@x.example")}
    )
    ours = customer(email="ours@x.example")
    still = plan_record(
        Standing(remote=remote(email="ours@x.example"), link=waiting, customer=ours), (row,), POLICY
    )
    assert still.conflicts == (replace(row, landed={"email": "ours@x.example"}),)
    taken = plan_record(
        Standing(remote=remote(email="theirs@x.example"), link=waiting, customer=ours), (row,), POLICY
    )
    assert taken.conflicts == ()
    assert isinstance(taken.actions[-1], UpdateCustomer)


def test_an_overwritten_value_waits_whatever_else_is_wrong_with_its_record() -> None:
    row = Conflict(
        kind=ConflictKind.FIELD_CONFLICT,
        subject="ref:r1",
        field="email",
        remote={"email": "theirs@x.example"},
        sticky=True,
    )
    other = Address(line1="12 Main Street", city="Springfield")
    moved = customer(address=Address(line1="99 Oak Avenue", city="Springfield"))
    policy = replace(POLICY, fields=(*POLICY.fields, "address"))
    held = plan_record(Standing(remote=remote(address=other), link=link(), customer=moved), (row,), policy)
    assert [each.kind for each in held.conflicts] == [ConflictKind.ADDRESS_MISMATCH, row.kind]
    unreadable = plan_invalid("r1", "email", "is no text", (row,))
    assert [each.kind for each in unreadable.conflicts] == [ConflictKind.INVALID_RECORD, row.kind]
    bad = plan_record(
        Standing(remote=remote(customer_name="x" * 10_000), link=link(), customer=customer()), (row,), POLICY
    )
    assert [each.kind for each in bad.conflicts] == [ConflictKind.INVALID_RECORD, row.kind]
    other_key = Standing(remote=replace(remote(), external_id="Z9"), link=link(), customer=customer())
    assert [each.kind for each in plan_record(other_key, (row,), POLICY).conflicts] == [
        ConflictKind.KEY_CHANGED,
        row.kind,
    ]


@pytest.mark.parametrize("merged_into", [None, "r1", "r9"])
def test_records_that_leave_without_a_trace(merged_into: str | None) -> None:
    assert plan_departed(Departure(ref="r1", merged_into=merged_into), ()).actions == ()
    detached = Departure(
        ref="r1", link=link(LinkState.DETACHED), customer=customer(), merged_into=merged_into
    )
    assert plan_departed(detached, ()).conflicts == ()


def test_a_frozen_record_that_turns_out_merged_goes_on_under_the_winner() -> None:
    gone = Departure(ref="r1", link=link(LinkState.FROZEN), customer=customer(), merged_into="r2")
    assert plan_departed(gone, ()).actions == (AdjustLink(link_id="l1", ref="r2", state=LinkState.ACTIVE),)


def test_a_record_that_stays_deleted_writes_nothing_more() -> None:
    gone = Departure(ref="r1", link=link(LinkState.FROZEN), customer=customer())
    first = plan_departed(gone, ())
    assert first.actions == ()
    assert plan_departed(gone, first.conflicts).conflicts == first.conflicts


def test_what_the_crm_stored() -> None:
    home = Address(line1="12 Main Street", line2="Suite 5", city="Springfield", country="US")
    poorer = Address(line1="12 Main Street", city="Springfield", country="US")
    assert means("address", home, replace(home, line1="12 Main St"))
    assert means("address", home, poorer)
    assert not means("address", poorer, home)
    assert not means("address", home, replace(home, line1="13 Main Street"))
    sent: Fields = {"email": "a@x.example", "customer_name": "Anna"}
    assert after_receipt(sent, None)["email"] == ("a@x.example", "a@x.example")
    stored: Fields = {"email": "A@x.example", "customer_name": "Somebody else"}
    assert after_receipt(sent, stored) == {
        "email": ("a@x.example", "A@x.example"),
        "customer_name": ("Anna", "Anna"),
    }
    assert after_unknown(sent, stored) == {"email": ("a@x.example", "A@x.example")}


@settings(max_examples=600)
@given(sides(), policies, st.booleans())
def test_planning_twice_plans_nothing_new(seen: Any, policy: Policy, linked: bool) -> None:
    ours = CustomerView(id="c1", external_id="k", version=1, fields=seen.local, updated_at=NOW)
    if normalise.blank(ours.fields["customer_name"]):
        ours = replace(ours, fields={**ours.fields, "customer_name": "Anna"})
    theirs = RemoteView(ref="r1", external_id="k", fields=seen.remote)
    view = LinkView(
        id="l1",
        customer_id="c1",
        ref="r1",
        state=LinkState.ACTIVE,
        baseline=seen.baseline,
        accepted=seen.accepted,
    )
    standing = Standing(remote=theirs, link=view if linked else None, customer=ours)
    first = plan_record(standing, (), policy)
    after = _carried_out(standing, first)
    second = plan_record(after, first.conflicts, policy)
    assert [action for action in second.actions if not isinstance(action, AdjustLink)] == []
    third = plan_record(_carried_out(after, second), second.conflicts, policy)
    assert third.actions == ()
    assert third.conflicts == second.conflicts


def _carried_out(standing: Standing, plan: RecordPlan) -> Standing:
    """The standing once the plan has landed on both sides."""
    ours, theirs, view = standing.customer, standing.remote, standing.link
    assert ours is not None
    for action in plan.actions:
        if isinstance(action, MakeLink):
            view = LinkView(id="l1", customer_id="c1", ref="r1", state=action.state, baseline=action.baseline)
        elif isinstance(action, AdjustLink) and view is not None:
            view = replace(
                view,
                state=action.state or view.state,
                baseline=merged(view.baseline, action.baseline),
                accepted={p: pair for p, pair in view.accepted.items() if p not in action.forget_accepted},
            )
        elif isinstance(action, UpdateCustomer):
            ours = replace(ours, fields={**ours.fields, **{p: c.after for p, c in action.changes.items()}})
        elif isinstance(action, UpdateCrm) and view is not None:
            sent = {path: change.after for path, change in action.changes.items()}
            theirs = replace(theirs, fields={**theirs.fields, **sent})
            view = replace(view, baseline=merged(view.baseline, after_receipt(sent, sent)))
    return Standing(remote=theirs, link=view, customer=ours)


def test_subjects() -> None:
    assert subject_of("r1") == "ref:r1"
    assert set(FIELDS) >= {"email", "address"}
