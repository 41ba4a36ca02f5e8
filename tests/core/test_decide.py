"""The decision table, case by case."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.records import ADDRESS_FIELDS, Address, FieldValue
from sync.core.address import check
from sync.core.decide import Comparison, decide
from sync.core.diff import as_address
from sync.core.policy import PRESETS, Blanks, Direction, FirstLink, OnBothChanged, OnPartial, Rule

CASES = json.loads((Path(__file__).parent / "cases" / "decide.json").read_text(encoding="utf-8"))
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def value(raw: Any) -> FieldValue:
    return Address(**raw) if isinstance(raw, dict) else raw


def moment(number: int | None) -> datetime | None:
    return None if number is None else EPOCH + timedelta(hours=number)


def rule_of(raw: dict[str, str]) -> Rule:
    kinds = {
        "direction": Direction,
        "on_both_changed": OnBothChanged,
        "blanks": Blanks,
        "first_link": FirstLink,
    }
    return Rule(**{name: kinds[name](text) for name, text in raw.items()})  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_the_table(case: dict[str, Any]) -> None:
    path = case.get("path", "customer_name")
    local, remote = value(case["local"]), value(case["crm"])
    base = case.get("base")
    verdict = check(as_address(local), as_address(remote)) if path in ADDRESS_FIELDS else None
    ruling = decide(
        Comparison(
            path=path,
            local=local,
            remote=remote,
            baseline=None if base is None else (value(base[0]), value(base[1])),
            regions=("US", "US"),
            local_at=moment(case.get("local_at")),
            remote_at=moment(case.get("crm_at")),
            outcome=verdict.outcome if verdict else None,
            richer=verdict.richer if verdict else None,
            on_partial=OnPartial(case.get("on_partial", "keep")),
        ),
        rule_of(case.get("rule", {})),
        FirstLink(case.get("first_link", "review")),
    )
    assert ruling.decision == case["expect"]
    assert ruling.overwrites == case.get("overwrites", False)


def test_presets_are_what_their_names_say() -> None:
    assert PRESETS["always_crm"].inbound
    assert not PRESETS["always_crm"].outbound
    assert PRESETS["always_local"].outbound
    assert not PRESETS["always_local"].inbound
    assert PRESETS["review"] == Rule()
    assert not PRESETS["ignore"].inbound
    assert PRESETS["crm_unless_blank"].mirrored() == PRESETS["local_unless_blank"]
