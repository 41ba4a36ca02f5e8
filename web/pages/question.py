"""A question as a person sees it: each value in its own words, side by side, with what differs marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from markupsafe import Markup
from rapidfuzz import fuzz

from connectors.errors import Misconfigured
from connectors.records import ADDRESS_FIELDS, ADDRESS_PARTS, FLAG_FIELDS, Address, to_json
from connectors.registry import plugin
from sync.core import normalise
from sync.core.actions import Conflict, ConflictKind
from sync.decisions import FIELD_KINDS
from sync.store.conflicts import StoredConflict
from sync.store.connections import StoredConnection
from web.pages import words
from web.pages.differing import marked

LONG = 400
"""Characters from which on a value scrolls in a box of its own."""
ASKS: Mapping[str, str] = {
    ConflictKind.ADDRESS_MISMATCH: "The two billing addresses are not the same place. Which one is right?",
    ConflictKind.ADDRESS_INVALID: "The address cannot be right as it is. Correct it, or keep one of the two.",
    ConflictKind.FIELD_CONFLICT: "Both sides have changed since they last agreed. Which value is right?",
    ConflictKind.AMBIGUOUS_MATCH: "The customer number does not name one pair. Which record is it?",
    ConflictKind.MISSING_EXTERNAL_ID: "The record has no customer number that is known here. Whose is it?",
    ConflictKind.KEY_CHANGED: "The customer number has changed in the CRM. Which one is right?",
    ConflictKind.EMAIL_TAKEN: "Another customer has this e-mail address. Two cannot have the same.",
    ConflictKind.IMMUTABLE_FIELD: "The CRM has another value for what never changes once it is set.",
    ConflictKind.REMOTE_DELETED: "The record is gone from the CRM. What is to become of the customer?",
    ConflictKind.REMOTE_MERGED: "Two records were merged in the CRM. Which customer lives on there?",
    ConflictKind.DELETE_VS_EDIT: "The customer was deleted here, and edited in the CRM since.",
    ConflictKind.PUSH_REJECTED: "The CRM did not take our change, for the reason below.",
    ConflictKind.INVALID_RECORD: "The record holds a value that cannot be taken. Correct it in the CRM.",
}
COMPONENTS: Mapping[str, str] = {
    "country": "Country",
    "postal_code": "Postal code",
    "region": "State or region",
    "city": "City",
    "street": "Street",
    "house_number": "House number",
    "unit": "Unit",
    "po_box": "PO box",
    "building": "Building",
    "address": "Whole address",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One value: what was agreed, ours and theirs, each as it is shown."""

    label: str
    agreed: Markup
    ours: Markup
    theirs: Markup
    differs: bool
    long: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A field with its lines: an address has one for each part.

    Args:
        path: of the field.
        lines: its values.
        edits: (name of the input, label, value) for each part that can be typed; none if it cannot be.
        flag: whether it is yes or no.
        third: what the CRM has now, if that is neither of both.
    """

    path: str
    lines: Sequence[Line]
    edits: Sequence[tuple[str, str, str]]
    flag: bool
    third: Markup | None = None

    @property
    def agreed_once(self) -> bool:
        """Whether both sides ever agreed on a value."""
        return any(line.agreed for line in self.lines)

    @property
    def label(self) -> str:
        """What it is called."""
        return words.field(self.path)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there is a question: a sentence, or one part of an address with both of its forms."""

    what: str
    agrees: bool
    ours: Any
    theirs: Any
    ours_normal: Any
    theirs_normal: Any
    why: Any


def fields(row: Conflict) -> list[Field]:
    """Every field of a question."""
    paths = list(dict.fromkeys((*row.local, *row.remote)))
    third = {path: words.coded(text(to_json(value)) or "nothing") for path, value in row.third.items()}
    return [
        replace(_field(row, path), third=third.get(path))
        for path in sorted(paths, key=lambda path: not _differs(row, path))
    ]


def _field(row: Conflict, path: str) -> Field:
    ours, theirs = row.local.get(path), row.remote.get(path)
    agreed = row.baseline.get(path, (None, None))[0]
    if path in ADDRESS_FIELDS:
        sides = [each.parts() if isinstance(each, Address) else {} for each in (agreed, ours, theirs)]
        # What a side has as one text that is no address is shown whole.
        whole = [each for each in (ours, theirs) if each is not None and not isinstance(each, Address)]
        if not whole:
            named = [part for part in ADDRESS_PARTS if any(side.get(part) for side in sides)]
            lines = [_line(words.field(part), *(side.get(part) for side in sides)) for part in named]
            start = sides[1] or sides[2]
            edits = [
                (f"{path}.{part}", words.field(part), str(start.get(part) or "")) for part in ADDRESS_PARTS
            ]
            return Field(path, lines or [_line("", None, None, None)], edits, flag=False)
    line = _line("", to_json(agreed), to_json(ours), to_json(theirs))
    typed = all(each is None or isinstance(each, str) for each in (ours, theirs))
    value = str(ours if isinstance(ours, str) else theirs or "")
    edits = [(path, words.field(path), value)] if typed and path not in FLAG_FIELDS else []
    return Field(path, [line], edits, flag=path in FLAG_FIELDS)


def _differs(row: Conflict, path: str) -> bool:
    return not normalise.identical(path, row.local.get(path), row.remote.get(path))


def _line(label: str, agreed: Any, ours: Any, theirs: Any) -> Line:
    texts = [text(each) for each in (agreed, ours, theirs)]
    mine, other = marked(texts[1], texts[2]) if texts[1] and texts[2] else map(words.coded, texts[1:])
    return Line(label, words.coded(texts[0]), mine, other, texts[1] != texts[2], max(map(len, texts)) > LONG)


def text(value: Any) -> str:
    """A value as people write it; empty for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and set(value) <= set(ADDRESS_PARTS):
        return ", ".join(str(part) for part in value.values() if part)
    return orjson.dumps(value).decode()


def about(stored: StoredConflict) -> str:
    """The fields that a question is about, in a few words."""
    row = stored.row
    if row["field"]:
        return words.field(row["field"])
    paths = dict.fromkeys((*row["local"], *row["remote"]))
    differing = [path for path in paths if row["local"].get(path) != row["remote"].get(path)]
    return ", ".join(words.field(path) for path in differing[:4]) + (" …" if len(differing) > 4 else "")


def who(stored: StoredConflict, names: Mapping[str, Mapping[str, Any]]) -> str:
    """Whom a question is about: the customer's name, or that in the CRM, or the record."""
    row = stored.row
    known = names.get(row["customer_id"] or "")
    for name in (known and known["customer_name"], row["remote"].get("customer_name"), row["ref"]):
        if name:
            return str(name)
    return row["subject"].partition(":")[2] or "a record"


def reasons(row: Conflict) -> list[Reason]:
    """Why there is a question."""
    found = []
    for each in row.reasons:
        component = str(each.get("component") or "")
        field = each.get("field")
        what = COMPONENTS.get(component, component) or (words.field(str(field)) if field else "")
        agrees = str(each.get("verdict") or "") in ("same", "spelling")
        values = [each.get(name) for name in ("local", "remote", "local_normal", "remote_normal", "why")]
        found.append(Reason(what, agrees, *values))
    return found


def named(row: Conflict, what: str) -> list[str]:
    """Ids that the reasons name: `refs` or `customers`."""
    return list(dict.fromkeys(_named(row, what)))


def _named(row: Conflict, what: str) -> Iterator[str]:
    for each in row.reasons:
        found = each.get(what)
        if isinstance(found, list):
            yield from (str(value) for value in found)


def offered(row: Conflict) -> str | None:
    """The record that is offered in place of one that was deleted."""
    return next((str(each["relink_to"]) for each in row.reasons if each.get("relink_to")), None)


def place(connection: StoredConnection | None, ref: str | None) -> str | None:
    """Where a record is seen in the CRM; None if nobody knows."""
    if connection is None or ref is None:
        return None
    try:
        page = plugin(connection.row["connector"]).page
    except Misconfigured:
        return None
    return None if page is None else page(connection.row["url"], connection.row["account_id"], ref)


def similarity(row: Conflict) -> int | None:
    """How alike the two billing addresses are, in per cent: a hint, never a verdict."""
    ours, theirs = row.local.get("address"), row.remote.get("address")
    if not isinstance(ours, Address) or not isinstance(theirs, Address):
        return None
    from_ours, from_theirs = (
        " ".join(str(part) for part in each.parts().values()).casefold() for each in (ours, theirs)
    )
    return round(fuzz.token_sort_ratio(from_ours, from_theirs))


def is_about_values(kind: str) -> bool:
    """Whether the values of a question can be taken from one side, or set."""
    return kind in FIELD_KINDS
