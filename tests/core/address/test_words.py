"""Every word of every language file: a street keeps its identity under each spelling listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.records import Address
from sync.core.address import Outcome, check
from sync.core.address.lexicon import Kind, lexicon_for
from tests.core.address.support import DATA, language_files

LANGUAGES: dict[str, str] = json.loads((DATA / "settings.json").read_text("utf-8"))["languages"]
TYPE_FIRST = {
    "fr", "es", "ca", "gl", "pt", "it", "ro", "pl", "cs", "sk", "sl", "sh",
    "mk", "bg", "ru", "uk", "be", "kk", "el", "ar", "fa", "he", "id", "ms",
    "vi", "th", "tl", "sq", "mt",
}  # fmt: skip
COUNTRY: dict[str, str] = {
    "en": "GB",
    "ca": "ES",
    "eu": "ES",
    "gl": "ES",
    "ga": "IE",
    "cy": "GB",
    "ms": "MY",
    "sh": "HR",
}
NAME = "Brambor"
KNOWN = {
    # A word that means another thing in the country's first language.
    ("ca", "s"), ("ca", "bxs"), ("ca", "bx"), ("eu", "zk"),
    # After a British house number a lone letter is its suffix.
    ("en", "e"),
}  # fmt: skip


def _country(language: str) -> str:
    spoken = (code for code, names in LANGUAGES.items() if language in names.split() and code)
    return COUNTRY[language] if language in COUNTRY else next(spoken)


def _spellings(path: Path, *kinds: Kind) -> Iterator[tuple[str, str]]:
    tables = json.loads(path.read_text("utf-8"))
    for kind in kinds:
        for full, variants in tables.get(kind.value, {}).items():
            for variant in variants.split(","):
                if variant.strip() not in ("", "&") and (path.stem, variant.strip()) not in KNOWN:
                    yield full, variant.strip()


def _address(language: str, street: str, number: int = 15, inside: str = "") -> Address:
    country = _country(language)
    line = f"{street} {number}" if lexicon_for(country).number_last else f"{number} {street}"
    return Address(line1=line + inside, city="Xtown", country=country)


def _street(language: str, word: str, name: str = NAME) -> str:
    return f"{word} {name}" if language in TYPE_FIRST else f"{name} {word}"


def _first_type(path: Path) -> str:
    types: dict[str, str] = json.loads(path.read_text("utf-8"))["types"]
    return next(iter(types))


@pytest.mark.parametrize("path", language_files(), ids=lambda path: path.stem)
def test_a_street_is_itself_under_every_spelling_of_its_type(path: Path) -> None:
    language = path.stem
    wrong = [
        (full, variant)
        for full, variant in _spellings(path, Kind.TYPE)
        if check(
            _address(language, _street(language, full)), _address(language, _street(language, variant))
        ).outcome
        is not Outcome.EQUIVALENT
        and full != variant
    ]
    assert not wrong


@pytest.mark.parametrize("path", language_files(), ids=lambda path: path.stem)
def test_names_are_themselves_under_every_short_form(path: Path) -> None:
    language, kind = path.stem, _first_type(path)
    wrong = [
        (full, variant)
        for full, variant in _spellings(path, Kind.DIRECTION, Kind.TITLE, Kind.WORD)
        if not check(
            _address(language, _street(language, kind, f"{full} {NAME}")),
            _address(language, _street(language, kind, f"{variant} {NAME}")),
        ).outcome.same
    ]
    assert not wrong


@pytest.mark.parametrize("path", language_files(), ids=lambda path: path.stem)
def test_the_end_of_a_compound_may_be_short(path: Path) -> None:
    language = path.stem
    tables = json.loads(path.read_text("utf-8"))
    wrong = [
        (full, variant)
        for full, variants in tables.get("endings", {}).items()
        for variant in (each.strip() for each in variants.split(","))
        if not check(_address(language, NAME + full), _address(language, f"{NAME}{variant}.")).outcome.same
    ]
    assert not wrong


@pytest.mark.parametrize("path", language_files(), ids=lambda path: path.stem)
def test_a_unit_is_itself_and_never_its_neighbour(path: Path) -> None:
    language, street = path.stem, _street(path.stem, _first_type(path))
    for full, variant in _spellings(path, Kind.UNIT, Kind.FLOOR, Kind.BLOCK):
        here = _address(language, street, inside=f", {full} 7")
        assert check(here, _address(language, street, inside=f", {variant} 7")).outcome.same, variant
        beside = _address(language, street, inside=f", {variant} 8")
        assert check(here, beside, level="tolerant").outcome is Outcome.MISMATCH, variant


@pytest.mark.parametrize("path", language_files(), ids=lambda path: path.stem)
def test_a_box_is_itself_under_every_spelling(path: Path) -> None:
    boxes = [box.strip() for box in json.loads(path.read_text("utf-8")).get("boxes", "").split(",") if box]
    country = _country(path.stem)
    for box in boxes:
        here = Address(line1=f"{boxes[0]} 77", city="Xtown", country=country)
        assert check(here, Address(line1=f"{box} 77", city="Xtown", country=country)).outcome.same, box
        other = Address(line1=f"{box} 78", city="Xtown", country=country)
        assert check(here, other).outcome is Outcome.MISMATCH, box


def test_there_are_thirty_languages_and_more() -> None:
    assert len(language_files()) >= 30


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), sorted(key for key in keys if keys.count(key) > 1)
    return dict(pairs)


@pytest.mark.parametrize("path", [*language_files(), DATA / "settings.json"], ids=lambda path: path.stem)
def test_no_table_says_a_thing_twice(path: Path) -> None:
    json.loads(path.read_text("utf-8"), object_pairs_hook=_unique)
