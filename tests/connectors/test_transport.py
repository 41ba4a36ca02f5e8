"""How patiently a call is repeated."""

from __future__ import annotations

import time

import pytest

from connectors.errors import Unavailable
from connectors.transport import Retries


def calls_until_given_up(retries: Retries, seconds: float) -> int:
    made: list[None] = []

    def fail() -> None:
        made.append(None)
        time.sleep(seconds)
        raise Unavailable("It hangs.")

    with pytest.raises(Unavailable):
        retries.run(fail, repeatable=True)
    return len(made)


def test_no_further_call_begins_once_patience_is_over() -> None:
    quick = Retries(first_wait=0.0, patience=0.05, sleep=lambda _seconds: None)
    assert calls_until_given_up(quick, 0.06) == 1
    assert calls_until_given_up(quick, 0.0) == quick.attempts


def test_a_wait_that_would_outlast_patience_is_not_begun() -> None:
    slept: list[float] = []
    retries = Retries(first_wait=60.0, longest_wait=1_000.0, patience=5.0, sleep=slept.append)
    assert calls_until_given_up(retries, 0.0) == 1
    assert slept == []


def test_patience_is_without_end_unless_it_is_named() -> None:
    assert Retries.of(None).patience == float("inf")
    assert Retries.of(3.0).patience == 3.0
