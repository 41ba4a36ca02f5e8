from __future__ import annotations

from typing import Any

import pytest

from connectors.sandbox.faults import Fault, FaultRule, Faults


def drawn(seed: int, rules: list[FaultRule], kinds: list[str]) -> list[Fault | None]:
    faults = Faults(seed)
    faults.set(rules)
    return [rule.fault if (rule := faults.draw(kind)) else None for kind in kinds]


def test_the_same_seed_and_calls_draw_the_same_faults() -> None:
    rules = [FaultRule(fault=Fault.SERVER_ERROR, rate=0.3), FaultRule(fault=Fault.LOCK, rate=0.3)]
    kinds = ["query", "update"] * 200
    first = drawn(7, rules, kinds)
    assert first == drawn(7, rules, kinds)
    assert first != drawn(8, rules, kinds)
    assert 80 < first.count(Fault.SERVER_ERROR) < 160
    assert 50 < first.count(Fault.LOCK) < 120


def test_a_rule_strikes_its_kind_only_and_so_often_as_it_says() -> None:
    rules = [FaultRule(kind="query", fault=Fault.RATE_LIMIT, times=2)]
    assert drawn(1, rules, ["update", "query", "query", "query"]) == [
        None,
        Fault.RATE_LIMIT,
        Fault.RATE_LIMIT,
        None,
    ]


def test_partial_is_for_batches() -> None:
    faults = Faults(1)
    rule = FaultRule(fault=Fault.PARTIAL, share=0.25)
    faults.set([rule])
    assert faults.draw("query") is None
    assert faults.draw("collections", batch=True) is rule
    failing = faults.failing(rule, 200)
    assert len(failing) == 50
    assert failing <= set(range(200))
    assert faults.failing(rule, 1) == {0}


def test_what_was_injected_is_counted_and_stays_counted() -> None:
    faults = Faults(1)
    faults.set([FaultRule(fault=Fault.LOCK, times=3)])
    for kind in ["update", "update", "create", "create"]:
        faults.draw(kind)
    faults.clear()
    assert faults.draw("update") is None
    assert faults.counts() == {"create": {"lock": 1}, "update": {"lock": 2}}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"fault": "earthquake"},
        {"fault": "lock", "rate": 1.5},
        {"fault": "lock", "rate": "often"},
        {"fault": "lock", "times": -1},
        {"fault": "lock", "seconds": True},
        {"fault": "lock", "kind": 3},
        {"fault": "lock", "chance": 0.5},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        FaultRule.of(wrong)
