"""What pages make of text: differences marked character by character, nothing hidden, nothing that runs."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from connectors.records import ADDRESS_PARTS, Address
from connectors.registry import plugin
from sync.core.actions import Conflict, ConflictKind
from web.pages import question, words
from web.pages.differing import MOST, marked
from web.pages.ways import EFFECTS


def plain(text: Markup) -> str:
    """What a person reads, marks taken away."""
    return html.unescape(re.sub("</?mark>", "", text))


@pytest.mark.parametrize(
    ("ours", "theirs", "left", "right"),
    [
        ("12 Main St", "14 Main St", "<mark>12</mark> Main St", "<mark>14</mark> Main St"),
        ("Acme", "Acme Ltd", "Acme", "Acme<mark> Ltd</mark>"),
        ("<b>a", "<b>c", "&lt;b&gt;<mark>a</mark>", "&lt;b&gt;<mark>c</mark>"),
        ("Recife", "Belo Horizonte", "<mark>Recife</mark>", "<mark>Belo Horizonte</mark>"),
        ("same", "same", "same", "same"),
        ("", "new", "", "<mark>new</mark>"),
        ("xaby", "zabw", "<mark>xaby</mark>", "<mark>zabw</mark>"),
    ],
)
def test_differences_are_marked(ours: str, theirs: str, left: str, right: str) -> None:
    assert marked(ours, theirs) == (left, right)


@given(st.text(alphabet="ab <&\n", max_size=40), st.text(alphabet="ab <&\n", max_size=40))
def test_marks_add_and_lose_nothing(ours: str, theirs: str) -> None:
    left, right = marked(ours, theirs)
    assert (plain(left), plain(right)) == (ours, theirs)
    assert ("<mark>" in left + right) == (ours != theirs)


@pytest.mark.parametrize("unit", ["word ", "x"])
def test_long_texts_are_compared_too(unit: str) -> None:
    ours = unit * (8 * MOST // len(unit))
    theirs = ours.replace(unit, "other ", 3)[:-1]
    left, right = marked(ours, theirs)
    assert (plain(left), plain(right)) == (ours, theirs)
    assert "<mark>" in right


def test_nothing_is_hidden_and_nothing_runs() -> None:
    assert words.seen("<i>") == "<bdi>&lt;i&gt;</bdi>"
    assert "U+202E" in words.seen("a\u202eb")
    assert "U+00A0" in words.seen("a\u00a0b")
    assert words.seen("a\tb\nc\u200dd") == "<bdi>a\tb\nc\u200dd</bdi>"


def test_times_are_told_in_words() -> None:
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    told = [words.ago(at - timedelta(seconds=each), at) for each in (1, 30, 60, 7_200, 86_400 * 40)]
    assert told == [
        "just now",
        "less than a minute ago",
        "1 minute ago",
        "2 hours ago",
        "1 month ago",
    ]
    assert (words.ago(None, at), words.until(None, at), words.until(at, at)) == (
        "never",
        "not planned",
        "now",
    )
    assert words.until(at + timedelta(days=3), at) == "in 3 days"
    assert words.moment(at) == "01 Jan 2026, 12:00 UTC"


def test_every_kind_and_field_has_a_name() -> None:
    assert set(words.KINDS) == set(question.ASKS) == set(EFFECTS) == set(ConflictKind)
    assert words.field("tax_info.EU.VAT") == "Tax number EU VAT"
    assert words.field("custom_data.tier") == "tier"


def test_an_address_is_shown_part_by_part_and_anything_else_whole() -> None:
    ours, theirs = Address(line1="1 Main Street", city="Springfield"), Address(line1="1 Main St")
    row = Conflict(
        kind=ConflictKind.ADDRESS_MISMATCH,
        subject="ref:1",
        local={"address": ours, "custom_data.tier": {"a": 1}, "communications_enabled": True},
        remote={"address": theirs, "custom_data.tier": 3, "communications_enabled": False},
        reasons=(
            {"why": "w", "customers": ["b", "a"], "refs": ["r"], "relink_to": "x"},
            {"customers": ["a"]},
        ),
    )
    fields = {each.path: each for each in question.fields(row)}
    assert [line.label for line in fields["address"].lines] == ["Street", "City"]
    assert [name for name, _, _ in fields["address"].edits] == [f"address.{part}" for part in ADDRESS_PARTS]
    assert fields["custom_data.tier"].edits == [] == fields["communications_enabled"].edits
    assert question.named(row, "customers") == ["b", "a"]
    assert question.offered(row) == "x"
    assert 50 < (question.similarity(row) or 0) < 100


def test_records_are_found_in_their_crms() -> None:
    salesforce, hubspot = plugin("salesforce").page, plugin("hubspot").page
    assert salesforce is not None
    assert hubspot is not None
    url = "https://acme.my.salesforce.com"
    assert salesforce(url, None, "001x/y") == f"{url}/lightning/r/Account/001x%2Fy/view"
    assert hubspot("x", "42", "7") == "https://app.hubspot.com/contacts/42/record/0-2/7"
    assert hubspot("x", None, "7") is None
