"""The examples of docs/address-check.md hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connectors.records import Address
from sync.core.address import Outcome, check

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "address-check.md").read_text("utf-8")
ONE, APART = (TEXT.partition(head)[2].partition("\n\n")[0] for head in ("| seen as one |", "| told apart |"))
ROW = re.compile(r"^\| (`[^|]+`) \| ([A-Z]{2}) \|$", re.MULTILINE)


def _rows(table: str) -> list[tuple[str, list[str]]]:
    return [(country, re.findall("`([^`]+)`", cell)) for cell, country in ROW.findall(table)]


def _outcomes(country: str, lines: list[str]) -> set[Outcome]:
    first, *others = (Address(line1=line, city="Xtown", country=country) for line in lines)
    return {check(first, other).outcome for other in others}


@pytest.mark.parametrize(("country", "lines"), _rows(ONE))
def test_what_is_said_to_be_one_is_one(country: str, lines: list[str]) -> None:
    assert _outcomes(country, lines) == {Outcome.EQUIVALENT}


@pytest.mark.parametrize(("country", "lines"), _rows(APART))
def test_what_is_said_to_be_apart_is_apart(country: str, lines: list[str]) -> None:
    assert _outcomes(country, lines) == {Outcome.MISMATCH}


def test_there_are_examples() -> None:
    assert len(_rows(ONE)) > 10
    assert len(_rows(APART)) > 5
