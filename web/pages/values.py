"""Values of any field as text for people, whatever a CRM or a file has put there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from connectors.records import ADDRESS_FIELDS, ADDRESS_PARTS, JSON, Fields, from_json, to_json
from sync.core import normalise
from web.pages import words


@dataclass(frozen=True, slots=True)
class Change:
    """A field as it was and as it became, in words."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Sides:
    """A field as it is here and in a CRM, in words; `differs` is by meaning."""

    label: str
    ours: str
    theirs: str
    differs: bool


def text(path: str, value: object) -> str:
    """A value in words; empty for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if path in ADDRESS_FIELDS and isinstance(value, Mapping):
        return "\n".join(str(value[part]) for part in ADDRESS_PARTS if value.get(part))
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2, default=str).decode()


def changes(fields: object) -> list[Change]:
    """What an entry of a history or a plan says of fields: path → [before, after]."""
    if not isinstance(fields, Mapping):
        return []
    pairs = [(path, pair) for path, pair in fields.items() if isinstance(pair, list) and len(pair) == 2]
    return [Change(words.field(path), text(path, pair[0]), text(path, pair[1])) for path, pair in pairs]


def sides(ours: Fields, theirs: Mapping[str, JSON], agreed: Mapping[str, tuple[JSON, JSON]]) -> list[Sides]:
    """Fields as they are here and in a CRM, those that differ first; `agreed` has both forms."""
    made = []
    for path, mine in ours.items():
        there = theirs.get(path)
        is_agreed = agreed.get(path) == (to_json(mine), there)
        differs = not is_agreed and not normalise.same(path, mine, from_json(path, there))
        made.append(Sides(words.field(path), text(path, to_json(mine)), text(path, there), differs))
    return sorted(made, key=lambda each: not each.differs)
