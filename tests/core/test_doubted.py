"""Of doubted fields nothing goes out, whatever the rules say; what the CRM has comes in as ever."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sync.core.actions import AdjustLink, UpdateCrm, UpdateCustomer
from sync.core.match import EVERY, CustomerView, LinkState, LinkView, RemoteView, Standing
from sync.core.plan import plan_record
from sync.core.policy import PRESETS, FirstLink, Policy

AT = datetime(2026, 1, 1, tzinfo=UTC)
FIELDS = ("email", "phone_number")


def standing(doubted: frozenset[str], *, linked: bool = True, restored: bool = False) -> Standing:
    """Ours: both changed since they were agreed on. The CRM's: as agreed on."""
    customer = CustomerView(
        id="c",
        external_id="k",
        version=2,
        fields={"email": "new@x.example", "phone_number": "+12125550199"},
        updated_at=AT,
    )
    agreed = {"email": "old@x.example", "phone_number": "+12125550100"}
    baseline = {path: (value, value) for path, value in agreed.items()}
    link = LinkView(
        id="l", customer_id="c", ref="r", state=LinkState.ACTIVE, baseline=baseline, doubted=doubted
    )
    remote = RemoteView(ref="r", external_id="k", fields=agreed)
    return Standing(remote=remote, customer=customer, link=link if linked else None, restored=restored)


def policy(preset: str | None = None) -> Policy:
    rules = dict.fromkeys(FIELDS, PRESETS[preset]) if preset else {}
    return Policy(fields=FIELDS, rules=rules, first_link=FirstLink.PREFER_LOCAL)


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("preset", [None, "always_local", "local_unless_blank", "review"])
def test_no_rule_lets_them_out(preset: str | None, linked: bool) -> None:
    made = plan_record(standing(frozenset({EVERY}), linked=linked, restored=True), (), policy(preset))
    assert not [each for each in made.actions if isinstance(each, UpdateCrm)]
    assert {row.field for row in made.conflicts} == set(FIELDS)
    assert made.doubts == frozenset({EVERY})


@pytest.mark.parametrize(
    ("doubted", "asked"),
    [
        ({EVERY}, {"email", "phone_number"}),
        ({EVERY, "email"}, {"phone_number"}),
        ({"email"}, {"email"}),
        ((), set()),
    ],
)
def test_each_field_is_doubted_by_itself(doubted: set[str], asked: set[str]) -> None:
    made = plan_record(standing(frozenset(doubted)), (), policy())
    written = {path for each in made.actions if isinstance(each, UpdateCrm) for path in each.changes}
    assert {row.field for row in made.conflicts} == asked
    assert made.doubts == frozenset(asked)
    assert all(row.reasons == ({"why": "restored"},) for row in made.conflicts)
    assert written == set(FIELDS) - asked


def test_the_crms_edits_come_in_and_settle_the_doubt() -> None:
    seen = standing(frozenset({EVERY}))
    assert seen.link is not None
    assert seen.customer is not None
    agreed = {path: (value, value) for path, value in seen.customer.fields.items()}
    link = LinkView(
        id="l", customer_id="c", ref="r", state=LinkState.ACTIVE, baseline=agreed, doubted=seen.link.doubted
    )
    made = plan_record(Standing(remote=seen.remote, customer=seen.customer, link=link), (), policy())
    assert {type(each) for each in made.actions} == {AdjustLink, UpdateCustomer}
    assert (made.conflicts, made.doubts) == ((), frozenset())
