"""The check against tables of addresses from all over the world (`cases/*.json`)."""

from __future__ import annotations

from typing import Any

import pytest

from sync.core.address import check
from tests.core.address.support import address, cases


def _name(case: dict[str, Any]) -> str:
    return f"{case['country']}: {case['about']}"


@pytest.mark.parametrize("case", cases(), ids=_name)
def test_the_verdict_is_as_expected(case: dict[str, Any]) -> None:
    local, remote = address(case["local"]), address(case["remote"])
    verdict = check(local, remote, level=case.get("level", "normalised"))
    assert verdict.outcome == case["expect"], [
        (reason.component, reason.verdict, reason.local_normal, reason.remote_normal)
        for reason in verdict.reasons
    ]
    if "richer" in case:
        assert verdict.richer == case["richer"]
    assert check(remote, local, level=case.get("level", "normalised")).outcome == case["expect"]


@pytest.mark.parametrize("case", cases(), ids=_name)
def test_what_differs_is_named_with_both_values(case: dict[str, Any]) -> None:
    verdict = check(address(case["local"]), address(case["remote"]), level=case.get("level", "normalised"))
    different = [reason for reason in verdict.reasons if reason.verdict == "different"]
    assert bool(different) == (case["expect"] == "mismatch")
    assert all(reason.why and (reason.local or reason.remote) for reason in different)


def test_the_tables_cover_the_world() -> None:
    assert len({case["country"] for case in cases()}) >= 40
