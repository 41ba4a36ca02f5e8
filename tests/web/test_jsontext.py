"""JSON that people type is told where it is at fault."""

from __future__ import annotations

import time

import pytest

from connectors.records import JSON
from web.pages.jsontext import JsonFault, read_object


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ('{"a": 1,\n "b": tru}', 2, 7, "not JSON"),
        ('{"a": 1,\n\n  }', 3, 3, "not JSON"),
        ('{"a": 1\n', 2, 1, "not JSON"),
        ("\n  [1]", 2, 3, "an object"),
        ("7", 1, 1, "an object"),
        ('{"a": 1,\n "b": {"a": 1},\n "a": 2}', 3, 2, "stands twice"),
        ('{"a": [1,\n 12345678901234567890]}', 2, 2, "18 digits"),
        ('{"a": 1,\n "b": NaN}', 2, 7, "NaN"),
        ('{"a": 1e999}', 1, 7, "too large"),
        ('{"a":\n "x\\u0000"}', 2, 2, "NUL"),
        ('{"a":\n "\\ud800"}', 2, 2, "surrogate"),
        ('{"\\ud800": 1}', 1, 2, "surrogate"),
        ('{"a":' + "[" * 33 + "]" * 33 + "}", 1, 37, "deep"),
    ],
)
def test_a_fault_is_told_with_its_line_and_column(text: str, line: int, column: int, reason: str) -> None:
    with pytest.raises(JsonFault, match=reason) as caught:
        read_object(text)
    fault = caught.value.fault
    assert (fault.line, fault.column) == (line, column)
    assert text.split("\n")[line - 1][: column - 1].endswith(fault.before)


@pytest.mark.parametrize(
    ("text", "value"),
    [("", {}), (" \n", {}), ('{"a": {"a": [1, "x"]}, "b": null}', {"a": {"a": [1, "x"]}, "b": None})],
)
def test_what_is_good_is_read(text: str, value: JSON) -> None:
    assert read_object(text) == value


def test_a_text_that_does_not_end_takes_no_time() -> None:
    begun = time.process_time()
    for text in ('{"a": NaN, "' + '\\"' * 300_000, '{"a": NaN' + '"' * 300_001):
        with pytest.raises(JsonFault):
            read_object(text)
    assert time.process_time() - begun < 2
