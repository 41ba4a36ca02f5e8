"""A short and seeded run of what `make fuzz` does at length."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.apikeys import HIGHEST_RATE
from tests.web.api.conftest import Api
from tests.web.api.fuzzing import Outcome, fuzz

SEED = 20_260_101


@pytest.mark.parametrize("phases", [("examples", "fuzzing", "stateful"), ("coverage",)])
def test_whatever_is_sent_the_answer_is_one_that_is_described(
    api_postgresql: Api, tmp_path: Path, phases: tuple[str, ...]
) -> None:
    api = api_postgresql.with_key(rate=HIGHEST_RATE)
    outcome = Outcome()
    fuzz(outcome, api.served.url, api.key, seed=SEED, most=5, folder=tmp_path, phases=phases)
    assert outcome.failures == []
    assert outcome.cases > 5 * outcome.operations
