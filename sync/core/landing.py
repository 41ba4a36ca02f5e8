"""What a write left behind: which values count as agreed once it is known what the CRM has.

A baseline moves only to what has landed. The CRM's own spelling of our value is adopted as its form; a
value of another meaning is somebody's edit, and stays news.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from connectors.records import ADDRESS_FIELDS, Fields, FieldValue
from sync.core import normalise
from sync.core.address import Outcome, check
from sync.core.diff import Baseline, as_address


class Purpose(StrEnum):
    """What a write is for, and thereby what its landing means to the baseline. Kinds of intents."""

    UPDATE = "update"  # our value is to stand on both sides
    UNDO = "undo"  # the CRM gets its own old value back, ours stays
    REOPEN = "reopen"  # as undo, and the question is open again: the baseline stays as it is


def means(path: str, sent: FieldValue, stored: FieldValue) -> bool:
    """Whether the CRM's stored form stands for what was sent.

    An address may come back poorer (a CRM with two lines keeps less), never with something added.
    """
    if path in ADDRESS_FIELDS:
        verdict = check(as_address(sent), as_address(stored))
        if verdict.outcome is Outcome.PARTIAL:
            return verdict.richer == "local"
        return verdict.outcome in (Outcome.MATCH, Outcome.EQUIVALENT)
    return normalise.same(path, sent, stored)


def after_receipt(sent: Fields, stored: Fields | None) -> Baseline:
    """The pairs agreed after a write that is known to have landed.

    Where the record read back holds another meaning, someone wrote after us: the CRM's form is then what
    we sent, so that the next look sees that edit as a change of the CRM.
    """
    if stored is None:
        return {path: (value, value) for path, value in sent.items()}
    return {
        path: (value, stored[path] if path in stored and means(path, value, stored[path]) else value)
        for path, value in sent.items()
    }


def after_unknown(sent: Fields, stored: Fields) -> Baseline:
    """The pairs agreed after a write of unknown outcome, judged by the record as it is now.

    A field that does not hold what was sent keeps its old pair: either nothing landed, or somebody has
    written since, and both cases are told apart by the ordinary comparison.
    """
    return {
        path: (value, stored[path])
        for path, value in sent.items()
        if path in stored and means(path, value, stored[path])
    }


def merged(baseline: Baseline | None, news: Baseline) -> Mapping[str, tuple[FieldValue, FieldValue]]:
    """The baseline with its new pairs."""
    return {**(baseline or {}), **news}


def agreed_after(purpose: Purpose, known: Baseline, pairs: Baseline) -> Baseline:
    """The new pairs of a write that landed, as its purpose says."""
    if purpose is Purpose.UPDATE:
        return pairs
    if purpose is Purpose.REOPEN:
        return {}
    return {path: (known.get(path, pair)[0], pair[1]) for path, pair in pairs.items()}
