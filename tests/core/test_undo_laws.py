"""The laws of an undo: back and forth over whatever a run may have done."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.records import Fields
from sync.core import normalise
from sync.core.diff import Baseline, changed, changeset
from sync.core.done import Done, Now
from sync.core.landing import Purpose, after_receipt, agreed_after, merged
from sync.core.policy import Policy
from sync.core.reconcile import Sides, reconcile, regions_of
from sync.core.undo import UndoPlan, plan_undo
from tests.core.strategies import FIELDS, policies, sides, values

MANY = settings(max_examples=1_000)


@st.composite
def runs(draw: st.DrawFn) -> tuple[Sides, Sides, Done, Policy]:
    """A record before and after a run that had nothing left to ask or to hold, and what the run did."""
    seen, policy = draw(sides()), draw(policies)
    result = reconcile(seen, policy)
    done = Done(local=changeset(seen.local, result.to_local), crm=changeset(seen.remote, result.to_remote))
    landed = after_receipt(result.to_remote, result.to_remote)
    after = replace(
        seen,
        local={**seen.local, **result.to_local},
        remote={**seen.remote, **result.to_remote},
        baseline=merged(seen.baseline, {**result.baseline, **landed}),
        accepted={},
    )
    return seen, after, done, policy


def at(seen: Sides) -> Now:
    return Now(local=seen.local, remote=seen.remote, baseline=seen.baseline or {})


def carried(seen: Sides, plan: UndoPlan) -> Sides:
    """Both sides once an undo has landed."""
    known: Baseline = merged(seen.baseline, plan.baseline)
    sent = {path: change.after for path, change in plan.to_remote.items()}
    news = agreed_after(Purpose.UNDO, known, after_receipt(sent, sent))
    return replace(
        seen,
        local={**seen.local, **{path: change.after for path, change in plan.to_local.items()}},
        remote={**seen.remote, **sent},
        baseline=merged(known, news),
    )


def inverse(plan: UndoPlan) -> Done:
    return Done(local=plan.to_local, crm=plan.to_remote)


def alike(one: Fields, other: Fields) -> bool:
    regions = regions_of(one, other)
    return all(
        normalise.identical(path, one[path], other[path])
        or normalise.same(path, one[path], other[path], regions)
        for path in one
    )


@MANY
@given(runs())
def test_an_undo_gives_what_was_before_and_is_quiet(made: tuple[Sides, Sides, Done, Policy]) -> None:
    before, after, done, policy = made
    if reconcile(after, policy).held or set(done.local) & set(done.crm):
        return
    plan = plan_undo(done, at(after), policy)
    assert plan.left == ()
    undone = carried(after, plan)
    assert alike(undone.local, before.local)
    assert alike(undone.remote, before.remote)
    again = plan_undo(done, at(undone), policy)
    assert not again.moves
    result = reconcile(undone, policy)
    touched = set(plan.to_local) | set(plan.to_remote)
    assert not touched & (set(result.to_local) | set(result.to_remote) | set(result.conflicts))


@MANY
@given(runs())
def test_the_undo_of_an_undo_gives_what_the_run_made(made: tuple[Sides, Sides, Done, Policy]) -> None:
    _, after, done, policy = made
    plan = plan_undo(done, at(after), policy)
    undone = carried(after, plan)
    back = plan_undo(inverse(plan), at(undone), policy)
    assert back.left == ()
    restored = carried(undone, back)
    assert alike(restored.local, after.local)
    assert alike(restored.remote, after.remote)


@MANY
@given(runs(), st.data())
def test_a_field_that_someone_changed_since_is_never_touched_and_named(
    made: tuple[Sides, Sides, Done, Policy], data: st.DataObject
) -> None:
    _, after, done, policy = made
    written = sorted((*done.local, *done.crm))
    if not written:
        return
    path = data.draw(st.sampled_from(written))
    here, value = data.draw(st.booleans()), data.draw(values(path))
    mine = done.local if path in done.local else done.crm
    side, form = (after.local, 0) if here else (after.remote, 1)
    regions = regions_of(after.local, after.remote)
    wrote_here = mine is done.local
    same = normalise.same(path, value, side[path], regions) or not changed(
        path, side[path], value, regions[form]
    )
    back = here == wrote_here and not changed(path, mine[path].before, value)
    if same or back:
        return
    edited = replace(
        after,
        local={**after.local, path: value} if here else after.local,
        remote=after.remote if here else {**after.remote, path: value},
    )
    plan = plan_undo(done, at(edited), policy)
    assert path not in plan.to_local
    assert path not in plan.to_remote
    assert path in {each.path for each in plan.left}
    assert set(FIELDS) >= set(plan.to_local)
