"""The field map of a connection, with what real records have in each field, and whether that fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.responses import Response

from connectors.records import ADDRESS_PARTS, JSON
from sync.errors import Conflicted
from sync.rules import ConnectionSettings, MapLine
from sync.sampling import KEY, Account
from sync.store.connections import StoredConnection
from web.api.connecting import change
from web.api.connection import ConnectionChangeIn, SettingsIn
from web.pages import place
from web.pages import values as words_of
from web.pages.place import WrongForm, checked
from web.pages.render import render
from web.pages.visit import Visit
from web.problems import Refusal

PLAIN = (
    *("customer_name", "email", "phone_number", "communications_enabled", "auto_charge_enabled"),
    *("business_entity_id", "parent_customer_id"),
)
PARTS = ("street", *ADDRESS_PARTS)
GROUPS = (
    ("Customer", PLAIN),
    ("Billing address", tuple(f"address.{part}" for part in PARTS)),
    ("Shipping address", tuple(f"ship_to_address.{part}" for part in PARTS)),
)
"""The fields that every customer has, as they stand together."""
FREE = 3
"""Empty lines for further fields."""
MOST_FREE = 200


@dataclass(frozen=True, slots=True)
class Typed:
    """A map as a form has it: the CRM's key field, and field → CRM field, in order, blanks included."""

    external_id: str
    lines: Sequence[tuple[str, str]]

    @property
    def given(self) -> list[tuple[str, str]]:
        """The lines that name something."""
        return [(field, crm) for field, crm in self.lines if field and crm]

    def crm(self, field: str) -> str:
        """The CRM field of one of ours; empty for none."""
        return next((crm for each, crm in self.lines if each == field), "")

    @property
    def further(self) -> list[tuple[str, str]]:
        """The lines of fields that not every customer has."""
        known = {field for _, fields in GROUPS for field in fields}
        return [(field, crm) for field, crm in self.lines if field not in known and (field or crm)]


def show(asked: Visit) -> Response:
    """The page."""
    connection = place.found(asked)
    settings = connection.settings
    typed = Typed(settings.external_id, [(line.field, line.crm) for line in settings.map])
    return _page(asked, connection, typed)


def save(asked: Visit) -> Response:
    """Put a map in force, or only look what records have in its fields."""
    connection, typed = place.found(asked), _typed(asked)
    if asked.given("look"):
        return _page(asked, connection, typed)
    lines = [{"field": field, "crm": crm} for field, crm in typed.given]
    paths = {MapLine.model_construct(field=field).path for field, _ in typed.given}
    gone: dict[str, Any] = {path: None for path in connection.settings.rules if path not in paths}
    before = [(line.field, line.crm) for line in connection.settings.map]
    if sorted(before) == sorted(typed.given) and connection.settings.external_id == typed.external_id:
        return place.onwards(asked, connection, "map", "same")
    try:
        with checked():
            if any(bool(field) != bool(crm) for field, crm in typed.further):
                raise WrongForm({"": "A further field needs both names: ours, and the CRM's."})
            body = {"external_id": typed.external_id, "map": lines, "rules": gone or None}
            settings = SettingsIn.model_validate(body)
            given = ConnectionChangeIn(settings=settings)
            change(asked.caller, connection, given, shown=asked.given("shown"))
    except WrongForm as error:
        return _page(asked, connection, typed, problems=_placed(error.problems, typed), status=422)
    except Conflicted as error:
        return _fresh(asked, error)
    asked.site.wake()
    return place.onwards(asked, connection, "map", "map")


def values(asked: Visit) -> Response:
    """A part of the page: what records have in one CRM field, and whether that fits ours."""
    connection = place.found(asked)
    given = [(name.partition(":"), text.strip()) for name, text in asked.query.items()]
    pairs = [(field, text) for (start, _, field), text in given if start == "crm" and field]
    if len(pairs) != 1:
        raise Refusal(400, "The address names no field.")
    field, crm = pairs[0]
    typed = Typed(connection.settings.external_id, [pairs[0]])
    if field == KEY:
        typed = Typed(crm, [(line.field, line.crm) for line in connection.settings.map])
    account, problem = _tried(asked, connection, typed) if crm else (None, "")
    return render(
        asked,
        "connection_values.html",
        field=field,
        crm=crm,
        account=account,
        problem=problem,
        cure=place.cure,
        texts=_texts,
    )


def _typed(asked: Visit) -> Typed:
    lines = [(f, asked.given(f"crm:{f}").strip()) for _, fields in GROUPS for f in fields]
    further = zip(asked.all_given("field"), asked.all_given("crm"), strict=False)
    free = [(field.strip(), crm.strip()) for field, crm in further][:MOST_FREE]
    return Typed(asked.given(f"crm:{KEY}").strip(), [*((f, c) for f, c in lines if c), *free])


def _tried(asked: Visit, connection: StoredConnection, typed: Typed) -> tuple[Account | None, str]:
    """A look into the account with a map that may not hold together; lines that cannot be are left out."""
    lines = []
    for field, crm in typed.given:
        try:
            with checked():
                lines.append(MapLine(field=field, crm=crm))
        except WrongForm:
            continue
    settings: ConnectionSettings = connection.settings.model_copy(
        update={
            "map": tuple({line.field: line for line in lines}.values()),
            "external_id": typed.external_id or connection.settings.external_id,
            "rules": {},
            "scope": (),
        }
    )
    return place.peek(asked, connection, settings)


def _page(
    asked: Visit,
    connection: StoredConnection,
    typed: Typed,
    *,
    problems: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    account, problem = _tried(asked, connection, typed)
    return place.frame(
        asked,
        connection,
        "connection_map.html",
        "map",
        problems=problems,
        status=status,
        typed=typed,
        account=account,
        problem=problem,
        groups=GROUPS,
        key=KEY,
        free=FREE,
        texts=_texts,
    )


def _texts(found: Sequence[JSON]) -> list[str]:
    return [words_of.text("", value) for value in found]


def _fresh(asked: Visit, error: Conflicted) -> Response:
    connection = place.found(asked)
    settings = connection.settings
    typed = Typed(settings.external_id, [(line.field, line.crm) for line in settings.map])
    told = {"": f"{error.reason} These are the fresh ones."}
    return _page(asked, connection, typed, problems=told, status=409)


def _placed(problems: Mapping[str, str], typed: Typed) -> dict[str, str]:
    """What is wrong, by our field where it is about a line."""
    found: dict[str, str] = {}
    for name, why in problems.items():
        parts = name.removeprefix("settings.").split(".")
        if parts[0] == "map" and len(parts) > 1 and parts[1].isdecimal():
            field = typed.given[int(parts[1])][0]
            found[field] = _CRM_NAME if parts[-1] == "crm" else why
        elif parts[0] == KEY:
            found[KEY] = _CRM_NAME
        else:
            found[""] = " ".join(filter(None, (found.get(""), f"It cannot be saved so: {why}.")))
    return found


_CRM_NAME = "is no name of a CRM field: letters, digits, _ and dots, as the CRM's set-up shows it"
