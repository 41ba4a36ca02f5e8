"""What counts for the brake, and when it trips."""

from __future__ import annotations

from sync.core.actions import Conflict, ConflictKind, RecordPlan, UpdateCrm, UpdateCustomer
from sync.core.diff import Change
from sync.core.safety import Limits, Load, load_of, lost, outgoing_load, trips


def test_the_brake() -> None:
    limits = Limits()
    assert trips(Load(50), 10, limits) is None
    assert "51 records" in str(trips(Load(51), 10, limits))
    assert trips(Load(200), 1000, limits) is None
    assert trips(Load(201), 1000, limits) is not None
    assert trips(Load(0, {"email": 20}), 100, limits) is None
    assert "email" in str(trips(Load(0, {"email": 21}), 100, limits))
    assert Load(1, {"a": 1}).plus(Load(2, {"a": 1, "b": 1})) == Load(3, {"a": 2, "b": 1})
    assert lost(0, 0, 0, limits) is None
    assert lost(0, 5, 5, limits) is not None
    assert lost(50, 5, 50, limits) is None
    assert lost(44, 6, 50, limits) is not None
    assert lost(1, 1, 2, limits) is None


def test_what_counts_for_the_brake() -> None:
    blanked = UpdateCustomer(customer_id="c", changes={"email": Change("a", None), "x": Change(None, None)})
    out = UpdateCrm(customer_id="c", ref="r", changes={"email": Change("a", "")})
    hold = Conflict(kind=ConflictKind.ADDRESS_MISMATCH, subject="ref:r")
    plan = RecordPlan(ref="r", actions=(blanked, out), conflicts=(hold,))
    assert load_of([plan]) == Load(1, {"email": 1})
    only_hold = RecordPlan(ref="r", actions=(out,), conflicts=(hold,))
    assert load_of([only_hold]) == Load(1)
    assert load_of([only_hold], known=frozenset({("ref:r", "address_mismatch")})) == Load(0)
    assert outgoing_load([out]) == Load(1, {"email": 1})
