"""Which records a connection syncs: conditions, and what they make of real records beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fastapi.responses import Response

from connectors.records import ADDRESS_FIELDS, ADDRESS_PARTS, FLAG_FIELDS, JSON
from sync.connect import digest_of
from sync.core.scope import KEY, Operator, in_scope
from sync.errors import BadInput
from sync.lanes import BusyError
from sync.rescope import rescope
from sync.sampling import Account
from sync.scoping import MOST, ScopeLine, parse_lines, unmapped
from sync.store.connections import StoredConnection
from web.api.connections import PATIENCE
from web.pages import place, values, words
from web.pages.place import WrongForm, checked
from web.pages.visit import Visit

OPERATORS: Mapping[str, str] = {
    Operator.EQ: "is",
    Operator.NE: "is not",
    Operator.IN: "is one of",
    Operator.NOT_IN: "is none of",
    Operator.STARTS: "begins with",
    Operator.PRESENT: "has a value",
    Operator.BLANK: "is blank",
}
"""Operator → in words."""
BARE = (Operator.PRESENT, Operator.BLANK)
LISTS = (Operator.IN, Operator.NOT_IN)
FREE = 2
"""Empty conditions that the form has beside those that there are."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A condition as a form has it: one value a line."""

    field: str
    operator: str
    text: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A record that was looked at, and whether it is in scope."""

    name: str
    number: str
    inside: bool


def in_words(line: ScopeLine) -> str:
    """A condition in words."""
    told = ", ".join(values.text("", value) for value in line.values)
    return f"{label(line.field)} {OPERATORS[line.operator]} {told}".strip()


def label(field: str) -> str:
    """A field, or a part of an address, in words."""
    top, _, part = field.partition(".")
    if field == KEY or top not in ADDRESS_FIELDS:
        return words.field(field)
    return f"{words.field(top)}: {words.field(part).lower()}"


def show(asked: Visit) -> Response:
    """The page."""
    connection = place.found(asked)
    return _page(asked, connection, [_shown(line) for line in connection.settings.scope])


def save(asked: Visit) -> Response:
    """Put a scope in force, or only look what it makes of real records."""
    connection, typed = place.found(asked), _typed(asked)
    mapped = [line.field for line in connection.settings.map]
    try:
        with checked():
            lines = parse_lines([_as_json(each, connection) for each in typed], mapped, what="The scope")
    except WrongForm as error:
        return _page(asked, connection, typed, problem=_told(error), status=422)
    if asked.given("look"):
        account, problem = place.peek(asked, connection)
        return _page(asked, connection, typed, problem=problem, judged=_judged(account, lines))
    if asked.given("more"):
        return _page(asked, connection, typed, free=FREE + 5)
    if asked.given("shown") != digest_of(connection):
        told = "Somebody has changed these settings meanwhile; nothing was saved. These are the fresh ones."
        fresh = [_shown(line) for line in connection.settings.scope]
        return _page(asked, connection, fresh, problem=told, status=409)
    try:
        moved = rescope(
            replace(asked.site.services, database=asked.database.patient()),
            connection,
            [_as_json(each, connection) for each in typed],
            actor=asked.caller.actor,
            progress=lambda _event: None,
            patience=PATIENCE,
        )
    except BusyError as error:
        told = f"{error.reason} Try again when the run that is at work has ended."
        return _page(asked, connection, typed, problem=told, status=409)
    except BadInput as error:
        return _page(asked, connection, typed, problem=error.reason, status=422)
    asked.site.wake()
    return place.onwards(asked, connection, "scope", "scope" if moved else "same")


def _page(
    asked: Visit,
    connection: StoredConnection,
    typed: Sequence[Typed],
    *,
    problem: str = "",
    judged: Sequence[Judged] | None = None,
    free: int = FREE,
    status: int = 200,
) -> Response:
    blank = [Typed("", "", "")] * max(0, min(free, MOST - len(typed)))
    return place.frame(
        asked,
        connection,
        "connection_scope.html",
        "scope",
        problems={"": problem} if problem else {},
        status=status,
        typed=[*typed, *blank],
        fields={field: label(field) for field in _fields(connection)},
        operators=OPERATORS,
        judged=judged,
        most=MOST,
    )


def _fields(connection: StoredConnection) -> list[str]:
    """What a condition can be about."""
    mapped = [line.field for line in connection.settings.map]
    parts = [f"{path}.{part}" for path in sorted(ADDRESS_FIELDS) for part in ADDRESS_PARTS]
    plain = [path for path in connection.settings.paths if path not in ADDRESS_FIELDS]
    wanted = [ScopeLine.model_validate({"field": each, "present": True}) for each in parts]
    return [KEY, *plain, *(line.field for line in wanted if not unmapped([line], mapped))]


def _shown(line: ScopeLine) -> Typed:
    text = "\n".join(
        ("true" if value else "false") if isinstance(value, bool) else str(value) for value in line.values
    )
    return Typed(line.field, line.operator.value, text)


def _typed(asked: Visit) -> list[Typed]:
    given = zip(
        asked.all_given("field"), asked.all_given("operator"), asked.all_given("values"), strict=False
    )
    return [Typed(field, operator, text) for field, operator, text in given if field or text.strip()]


def _as_json(typed: Typed, connection: StoredConnection) -> JSON:
    """A condition as data; one without a field or with a strange operator is refused as such.

    What is typed is text; a number or a flag that was there before stays one.
    """
    present = [value for line in connection.settings.scope for value in line.values]
    known = {str(value).lower(): value for value in present if not isinstance(value, str)}
    if typed.field in FLAG_FIELDS:
        known = {**_FLAGS}
    texts = [text.strip() for text in typed.text.split("\n") if text.strip()]
    found: list[JSON] = [known.get(text.lower(), text) for text in texts]
    value: JSON = True if typed.operator in BARE else found
    if typed.operator not in (*BARE, *LISTS):
        value = found[0] if len(found) == 1 else found
    return {"field": typed.field, typed.operator: value}


_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


def _judged(account: Account | None, lines: Sequence[ScopeLine]) -> list[Judged] | None:
    if account is None:
        return None
    conditions = [line.condition() for line in lines]
    return [
        Judged(values.text("", record.get("customer_name")), key or "", in_scope(conditions, record, key))
        for record, key in zip(account.records, account.keys, strict=True)
    ]


def _told(error: WrongForm) -> str:
    return " ".join(f"{label(name)}: {why}" if name else why for name, why in error.problems.items())
