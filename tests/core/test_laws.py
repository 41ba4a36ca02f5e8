"""The laws of reconciling: whatever two records look like, these hold."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.records import Fields, FieldValue
from sync.core import normalise
from sync.core.address import Outcome, check
from sync.core.decide import Decision
from sync.core.diff import as_address, changed
from sync.core.landing import after_receipt, merged
from sync.core.policy import Direction, Policy
from sync.core.reconcile import Reconciled, Sides, accepted_pair, reconcile, regions_of
from tests.core.strategies import FIELDS, policies, sides, values

MANY = settings(max_examples=1_500)
MIRROR = {Decision.TAKE_CRM: Decision.PUSH_LOCAL, Decision.PUSH_LOCAL: Decision.TAKE_CRM}


def mirrored(seen: Sides) -> Sides:
    accepted = {path: ":".join(reversed(pair.split(":"))) for path, pair in seen.accepted.items()}
    return replace(
        seen,
        local=seen.remote,
        remote=seen.local,
        baseline=None
        if seen.baseline is None
        else {path: (theirs, ours) for path, (ours, theirs) in seen.baseline.items()},
        local_at=seen.remote_at,
        remote_at=seen.local_at,
        accepted=accepted,
    )


def mirrored_policy(policy: Policy) -> Policy:
    first = {"prefer_crm": "prefer_local", "prefer_local": "prefer_crm"}
    kind = type(policy.first_link)
    return replace(
        policy,
        rules={path: rule.mirrored() for path, rule in policy.rules.items()},
        first_link=kind(first.get(policy.first_link, policy.first_link)),
    )


def applied(seen: Sides, result: Reconciled) -> Sides:
    """Both sides once everything has landed."""
    news = {**result.baseline, **after_receipt(result.to_remote, result.to_remote)}
    baseline = seen.baseline if result.held and seen.baseline is None else merged(seen.baseline, news)
    return replace(
        seen,
        local={**seen.local, **result.to_local},
        remote={**seen.remote, **result.to_remote},
        baseline=baseline,
        accepted={p: pair for p, pair in seen.accepted.items() if p not in result.forget_accepted},
    )


@MANY
@given(sides(), policies)
def test_swapping_the_sides_swaps_the_decisions(seen: Sides, policy: Policy) -> None:
    one = reconcile(seen, policy)
    other = reconcile(mirrored(seen), mirrored_policy(policy))
    assert one.held == other.held
    assert one.conflicts.keys() == other.conflicts.keys()
    for path, ruling in one.rulings.items():
        assert other.rulings[path].decision == MIRROR.get(ruling.decision, ruling.decision)
        assert other.rulings[path].overwrites == ruling.overwrites


@MANY
@given(sides(), policies)
def test_what_has_been_applied_stays_as_it_is(seen: Sides, policy: Policy) -> None:
    first = reconcile(seen, policy)
    again = reconcile(applied(seen, first), policy)
    assert again.held == first.held
    assert again.to_local == {}
    assert again.to_remote == {}
    assert again.conflicts.keys() <= first.conflicts.keys()


@MANY
@given(sides(), policies)
def test_equal_records_never_conflict(seen: Sides, policy: Policy) -> None:
    same = replace(seen, remote=seen.local)
    result = reconcile(same, policy)
    if seen.baseline is not None and normalise.blank(seen.local["address"]):
        return  # an address blanked on both sides is still news for a person, if it was there before
    assert not result.held
    assert not result.conflicts
    assert result.to_local == {}
    assert result.to_remote == {}


@MANY
@given(sides(), policies)
def test_no_value_vanishes_unseen(seen: Sides, policy: Policy) -> None:
    """A value that an edit brought lands on the other side, loses to a rule, or waits with both kept."""
    result = reconcile(seen, policy)
    regions = regions_of(seen.local, seen.remote)
    for path, ruling in result.rulings.items():
        loser: tuple[Fields, int] | None = None
        if ruling.decision is Decision.TAKE_CRM:
            loser = (seen.local, 0)
        elif ruling.decision is Decision.PUSH_LOCAL:
            loser = (seen.remote, 1)
        if loser is None or ruling.overwrites:
            continue
        value = loser[0][path]
        if normalise.blank(value):
            continue
        pair = None if seen.baseline is None else seen.baseline.get(path)
        kept = pair is not None and not changed(path, pair[loser[1]], value, regions[loser[1]])
        assert kept or _says_no_more(path, seen) or path in ("address", "ship_to_address")


def _says_no_more(path: str, seen: Sides) -> bool:
    return normalise.same(path, seen.local[path], seen.remote[path], regions_of(seen.local, seen.remote))


@MANY
@given(sides(), policies)
def test_without_a_baseline_nothing_is_erased(seen: Sides, policy: Policy) -> None:
    result = reconcile(replace(seen, baseline=None), policy)
    for moved, before in ((result.to_local, seen.local), (result.to_remote, seen.remote)):
        for path, value in moved.items():
            assert not normalise.blank(value) or normalise.blank(before[path])


@MANY
@given(sides(), policies)
def test_addresses_that_are_different_places_never_move_unasked(seen: Sides, policy: Policy) -> None:
    result = reconcile(seen, policy)
    verdict = check(as_address(seen.local["address"]), as_address(seen.remote["address"]))
    moved = "address" in result.to_local or "address" in result.to_remote
    asked = seen.accepted.get("address") == accepted_pair(seen.local["address"], seen.remote["address"])
    one_sided = policy.address_policy.value == "three_way"
    if verdict.outcome is Outcome.MISMATCH and moved:
        assert asked or one_sided or _nothing_new(seen)


def _nothing_new(seen: Sides) -> bool:
    pair = None if seen.baseline is None else seen.baseline.get("address")
    return pair is not None and not (
        changed("address", pair[0], seen.local["address"])
        or changed("address", pair[1], seen.remote["address"])
    )


@MANY
@given(sides(), policies, st.data())
def test_a_decision_ends_the_conflict_for_good(seen: Sides, policy: Policy, data: st.DataObject) -> None:
    result = reconcile(seen, policy)
    if not result.conflicts:
        return
    chosen: dict[str, FieldValue] = {
        path: data.draw(st.sampled_from([seen.local[path], seen.remote[path]]) | values(path), label=path)
        for path in result.conflicts
    }
    decided = replace(
        seen,
        local={**seen.local, **chosen},
        baseline=merged(seen.baseline, {path: (seen.remote[path], seen.remote[path]) for path in chosen}),
        written_back={},
    )
    places = {p: accepted_pair(chosen[p], seen.remote[p]) for p in chosen if p.endswith("address")}
    decided = replace(decided, accepted=places)
    after = reconcile(decided, policy)
    assert not after.held
    assert not set(after.conflicts) & set(chosen)
    final = reconcile(applied(decided, after), policy)
    assert not final.held
    assert not set(final.conflicts) & set(chosen)


@MANY
@given(sides(), policies)
def test_ignored_fields_are_left_alone(seen: Sides, policy: Policy) -> None:
    result = reconcile(seen, policy)
    for path in FIELDS:
        if policy.rule(path).direction is Direction.IGNORE:
            assert path not in result.to_local
            assert path not in result.to_remote
            assert path not in result.baseline


@MANY
@given(sides(), policies)
def test_paused_fields_wait(seen: Sides, policy: Policy) -> None:
    paused = frozenset({"email", "ship_to_address"})
    result = reconcile(replace(seen, paused=paused), policy)
    assert not paused & (set(result.to_local) | set(result.to_remote) | set(result.conflicts))
