"""What a CRM refused is held as long as all of it stands, and nothing beside it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sync.core.actions import Conflict, ConflictKind, RecordPlan, UpdateCrm
from sync.core.match import CustomerView, LinkState, LinkView, RemoteView, Standing, key_pair, key_there
from sync.core.plan import plan_record
from sync.core.policy import Policy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = Policy(fields=("customer_name", "email", "phone_number"))
BLANK = {"customer_name": "Anna", "email": None, "phone_number": None}


def planned(local: dict[str, Any], *rows: Conflict, theirs: str | None = "k") -> RecordPlan:
    """The plan of a linked record on which nothing changed, while ours did as `local` says."""
    remote = RemoteView(ref="r1", external_id=theirs, fields=BLANK)
    link = LinkView(
        id="l1",
        customer_id="c1",
        ref="r1",
        state=LinkState.ACTIVE,
        baseline={path: (value, value) for path, value in BLANK.items()},
        accepted_key=key_pair("k", "z"),
    )
    customer = CustomerView(id="c1", external_id="k", version=1, fields={**BLANK, **local}, updated_at=NOW)
    return plan_record(Standing(remote=remote, link=link, customer=customer), rows, POLICY)


def refused(**local: Any) -> Conflict:
    return Conflict(kind=ConflictKind.PUSH_REJECTED, subject="ref:r1", local=local)


def sent(plan: RecordPlan) -> tuple[dict[str, Any], str | None]:
    """What goes to the CRM: the fields, and the external id."""
    updates = [each for each in plan.actions if isinstance(each, UpdateCrm)]
    if not updates:
        return {}, None
    (update,) = updates
    return {path: change.after for path, change in update.changes.items()}, update.external_id


def test_a_refused_value_waits_until_it_changes() -> None:
    row = refused(email="long@x.example")
    plan = planned({"email": "long@x.example"}, row, refused(customer_name="Zoe"))
    assert plan.actions == ()
    assert plan.conflicts == (replace(row, remote={"email": None}),)
    assert sent(planned({"email": "short@x.example"}, row)) == ({"email": "short@x.example"}, None)


def test_the_row_shows_what_the_crm_has_by_now() -> None:
    row = replace(refused(email="long@x.example"), remote={"email": "before@x.example"})
    assert planned({"email": "long@x.example"}, row).conflicts[0].remote == {"email": None}


def test_what_was_refused_as_a_whole_is_held_while_all_of_it_stands() -> None:
    row = refused(email="a@x.example", phone_number="1")
    held = planned({"email": "a@x.example", "phone_number": "1", "customer_name": "Bea"}, row)
    assert sent(held) == ({"customer_name": "Bea"}, None)
    assert [each.local for each in held.conflicts] == [row.local]
    corrected = planned({"email": "a@x.example", "phone_number": "2"}, row)
    assert sent(corrected) == ({"email": "a@x.example", "phone_number": "2"}, None)
    assert corrected.conflicts == ()


def test_a_refused_external_id_is_held_alone() -> None:
    row = refused(external_id="k")
    plan = planned({"email": "a@x.example"}, row, theirs="z")
    assert sent(plan) == ({"email": "a@x.example"}, None)
    assert plan.conflicts == (replace(row, remote={"external_id": "z"}),)
    assert sent(planned({}, refused(external_id="other"), theirs="z")) == ({}, "k")
    assert sent(planned({}, refused(external_id="k"))) == ({}, None)


def test_a_row_that_says_nothing_of_values_holds_nothing() -> None:
    assert sent(planned({"email": "a@x.example"}, refused())) == ({"email": "a@x.example"}, None)


def test_the_other_sides_external_id_is_read_from_the_pair() -> None:
    assert key_there(key_pair("k", "z")) == "z"
    assert key_there(key_pair("k", None)) is None
    assert key_there(None) is None
