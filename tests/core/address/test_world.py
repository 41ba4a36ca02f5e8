"""The check against the generated pairs of 90 countries (`bench/address_pairs.py`)."""

from __future__ import annotations

from functools import cache

import pytest

from bench.address_pairs import Pair, pairs_of_world
from sync.core.address import Level, check

KEPT_OF_DIFFERENT = 3
"""One of so many pairs of different places is tried: there are four times as many of them."""


@cache
def _pairs() -> tuple[Pair, ...]:
    return tuple(
        pair for at, pair in enumerate(pairs_of_world()) if pair.is_same or at % KEPT_OF_DIFFERENT == 0
    )


@pytest.mark.parametrize(("level", "recall"), [(Level.NORMALISED, 0.98), (Level.TOLERANT, 0.995)])
def test_different_places_stay_apart_and_other_spellings_meet(level: Level, recall: float) -> None:
    pairs = [pair for pair in _pairs() if level in pair.levels]
    said = {pair.name: check(pair.left, pair.right, level=level).outcome.same for pair in pairs}
    assert [pair.name for pair in pairs if said[pair.name] and not pair.is_same] == []
    same = [pair for pair in pairs if pair.is_same]
    assert sum(said[pair.name] for pair in same) / len(same) >= recall


def test_the_pairs_cover_the_world() -> None:
    assert len({pair.country for pair in _pairs()}) >= 90
