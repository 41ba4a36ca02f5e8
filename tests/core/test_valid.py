"""Addresses that the rules of their country refuse: with `require_valid_address` they wait, alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.records import Address, FieldValue
from sync.core.actions import Conflict, ConflictKind, CreateCustomer, MakeLink, UpdateCrm, UpdateCustomer
from sync.core.diff import Baseline
from sync.core.match import CustomerView, LinkState, LinkView, RemoteView, Standing
from sync.core.plan import plan_record
from sync.core.policy import AddressPolicy, Direction, Policy, Rule
from sync.core.reconcile import accepted_pair
from sync.core.valid import question, refusals, withheld

POLICY = Policy(fields=("customer_name", "email", "address"), require_valid_address=True)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = Address(line1="1 Main Street", city="Springfield", state="IL", zipCode="62701", country="US")
SPELLED = replace(GOOD, line1="1 Main St", state="Illinois")
WRONG = replace(GOOD, state="Ontario")
OTHER = replace(GOOD, line1="1 Main St", state="Ontario")


def standing(
    ours: FieldValue, theirs: FieldValue, agreed: Baseline | None = None, *, linked: bool = True, **more: str
) -> Standing:
    """A record and its customer, which differ in address and e-mail."""
    fields = {"customer_name": "Anna", "email": "new@x.example", "address": theirs}
    known = {"customer_name": ("Anna", "Anna"), "email": (None, None), **(agreed or {})}
    link = LinkView(
        id="l1", customer_id="c1", ref="r1", state=LinkState.ACTIVE, baseline=known, accepted=more
    )
    values = {"customer_name": "Anna", "email": None, "address": ours}
    customer = CustomerView(id="c1", external_id="k", version=1, fields=values, updated_at=NOW)
    remote = RemoteView(ref="r1", external_id="k", fields=fields)
    return Standing(remote=remote, link=link if linked else None, customer=customer)


def only(found: tuple[Conflict, ...]) -> Conflict:
    (row,) = found
    assert (row.kind, row.subject, row.field) == (ConflictKind.ADDRESS_INVALID, "ref:r1", "address")
    return row


@pytest.mark.parametrize("linked", [True, False])
def test_what_the_crm_has_waits_and_the_other_fields_go_on(linked: bool) -> None:
    plan = plan_record(standing(None, WRONG, linked=linked), (), POLICY)
    row = only(plan.conflicts)
    assert (row.local, row.remote) == ({"address": None}, {"address": WRONG})
    assert row.reasons == ({"field": "state", "why": "is no region of US that is known here (the CRM's)"},)
    update = next(each for each in plan.actions if isinstance(each, UpdateCustomer))
    assert set(update.changes) == {"email"}
    made = next(each for each in plan.actions if not isinstance(each, UpdateCustomer | UpdateCrm))
    assert "address" not in getattr(made, "baseline", {}), "it is not agreed on"
    assert isinstance(made, MakeLink) is not linked


def test_what_we_have_waits_too() -> None:
    plan = plan_record(standing(WRONG, None, {"address": (None, None)}), (), POLICY)
    row = only(plan.conflicts)
    assert row.reasons[0]["why"] == "is no region of US that is known here (ours)"
    assert row.baseline == {"address": (None, None)}
    assert not [each for each in plan.actions if isinstance(each, UpdateCrm)]


def test_an_edit_of_one_side_waits_where_it_would_have_gone_through() -> None:
    agreed: Baseline = {"address": (GOOD, GOOD)}
    free = replace(POLICY, address_policy=AddressPolicy.THREE_WAY)
    only(plan_record(standing(GOOD, WRONG, agreed), (), free).conflicts)
    master = replace(free, rules={"address": Rule(direction=Direction.CRM_TO_LOCAL)})
    only(plan_record(standing(GOOD, WRONG, agreed), (), master).conflicts)
    assert plan_record(standing(GOOD, SPELLED, agreed), (), POLICY).conflicts == ()


def test_a_corrected_address_goes_and_its_question_closes() -> None:
    asked = plan_record(standing(None, WRONG), (), POLICY)
    plan = plan_record(standing(None, GOOD), asked.conflicts, POLICY)
    assert plan.conflicts == ()
    assert {"address", "email"} in [
        set(each.changes) for each in plan.actions if isinstance(each, UpdateCustomer)
    ]


def test_what_stands_on_both_sides_is_left_alone() -> None:
    agreed: Baseline = {"address": (WRONG, WRONG)}
    assert plan_record(standing(WRONG, WRONG, agreed), (), POLICY).conflicts == ()
    assert plan_record(standing(WRONG, WRONG), (), POLICY).conflicts == ()


def test_what_a_person_let_pass_goes() -> None:
    decided = standing(WRONG, None, {"address": (None, None)}, address=accepted_pair(WRONG, None))
    plan = plan_record(decided, (), POLICY)
    assert plan.conflicts == ()
    (update,) = (each for each in plan.actions if isinstance(each, UpdateCrm))
    assert update.changes["address"].after == WRONG


def test_another_place_is_asked_about_as_a_whole() -> None:
    plan = plan_record(standing(GOOD, replace(WRONG, zipCode="10001")), (), POLICY)
    assert [row.kind for row in plan.conflicts] == [ConflictKind.ADDRESS_MISMATCH]


def test_a_new_customer_is_made_without_it() -> None:
    fields = {"customer_name": "Anna", "email": None, "address": WRONG}
    new = Standing(remote=RemoteView(ref="r1", external_id="k", fields=fields))
    plan = plan_record(new, (), POLICY)
    (create,) = plan.actions
    assert isinstance(create, CreateCustomer)
    assert "address" not in create.fields
    assert "address" not in create.baseline
    assert only(plan.conflicts).customer_id is None
    free = plan_record(new, (), replace(POLICY, require_valid_address=False))
    assert free.conflicts == ()
    assert isinstance(free.actions[0], CreateCustomer)
    assert free.actions[0].fields["address"] == WRONG


def test_a_doubt_after_a_restore_outlives_the_question() -> None:
    seen = standing(None, WRONG)
    assert seen.link is not None
    doubtful = replace(seen, link=replace(seen.link, doubted=frozenset({"address", "email"})))
    assert plan_record(doubtful, (), POLICY).doubts == frozenset({"address"})


def test_only_addresses_that_are_known_to_be_wrong_are_held() -> None:
    assert refusals("address", WRONG, replace(POLICY, require_valid_address=False)) == ()
    assert refusals("customer_name", "Ontario", POLICY) == ()
    assert refusals("address", Address(line1="1 Main Street", country="Atlantis"), POLICY) == ()
    assert refusals("address", None, POLICY) == refusals("address", GOOD, POLICY) == ()
    assert withheld({"address": GOOD, "ship_to_address": WRONG}, POLICY) == {"ship_to_address"}
    both = question("address", ref="r1", customer_id="c1", local=WRONG, remote=OTHER, policy=POLICY)
    assert [str(each["why"]).partition(" (")[2] for each in both.reasons] == ["ours)", "the CRM's)"]
