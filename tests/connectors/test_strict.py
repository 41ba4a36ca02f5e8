from __future__ import annotations

import json
import time

import pytest

from connectors.strict import UnreadableError, read_json


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 33 + b'"' + b'\\"' * 400_000,
        b"[" * 33 + b'"' + b"\\" * 800_001,
        b"[" * 33 + b'"' * 800_000,
        b'["' + b"[" * 800_000,
    ],
)
def test_a_text_that_does_not_end_is_refused_in_time_that_grows_with_its_length(raw: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(UnreadableError):
        read_json(raw)
    assert time.process_time() - begun < 1


def test_brackets_in_texts_are_not_counted_and_all_others_are() -> None:
    texts = ['"[[{', "\\", '\\"', "{}" * 40, "a\\\\"]
    value = [{"k": texts}] * 40
    assert read_json(json.dumps(value).encode()) == value
    with pytest.raises(UnreadableError, match="deep"):
        read_json(b'["\\\\", ' + b"[" * 32 + b"]" * 33)
