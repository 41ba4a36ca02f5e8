"""Who wins, field by field; and what becomes of a record whose address or number does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from fastapi.responses import Response

from sync.core.address import Level
from sync.core.policy import (
    PRESETS,
    AddressPolicy,
    Blanks,
    Direction,
    FirstLink,
    OnBothChanged,
    OnMissingExternalId,
    OnPartial,
)
from sync.errors import Conflicted
from sync.rules import FieldRule
from sync.store.connections import StoredConnection
from web.api.connecting import change
from web.api.connection import ConnectionChangeIn, SettingsIn
from web.pages import place
from web.pages.place import WrongForm, checked
from web.pages.visit import Visit

CUSTOM = "custom"
RULES: Mapping[str, str] = {
    "review": "Both ways; ask me if both changed",
    "crm_unless_blank": "Both ways; the CRM wins if both changed",
    "local_unless_blank": "Both ways; we win if both changed",
    "always_crm": "From the CRM to here only",
    "always_local": "From here to the CRM only",
    "ignore": "Do not sync",
}
"""Preset → in words."""
PARTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "direction": (
        "Direction",
        {
            Direction.TWO_WAY: "both ways",
            Direction.CRM_TO_LOCAL: "from the CRM to here",
            Direction.LOCAL_TO_CRM: "from here to the CRM",
            Direction.IGNORE: "not at all",
        },
    ),
    "on_both_changed": (
        "If both sides changed",
        {
            OnBothChanged.REVIEW: "ask me",
            OnBothChanged.PREFER_CRM: "the CRM wins",
            OnBothChanged.PREFER_LOCAL: "we win",
            OnBothChanged.NEWEST: "the newer one wins",
        },
    ),
    "blanks": (
        "If one side is emptied",
        {Blanks.KEEP: "keep the other", Blanks.PROPAGATE: "empty the other, too"},
    ),
    "first_link": (
        "When first matched",
        {
            "": "as the connection says",
            FirstLink.REVIEW: "ask me",
            FirstLink.PREFER_CRM: "the CRM wins",
            FirstLink.PREFER_LOCAL: "we win",
        },
    ),
}
"""Part of a rule → its name, and its values in words."""
POLICIES: Mapping[str, tuple[str, str, Mapping[StrEnum | str, str]]] = {
    "address_policy": (
        "A billing address that is another place",
        "The billing address decides the tax. Nothing of a record moves while its two addresses differ.",
        {
            AddressPolicy.STRICT: "Hold the record, and ask me",
            AddressPolicy.THREE_WAY: "Let it through if one side alone has changed it; else ask me",
        },
    ),
    "address_level": (
        "What counts as the same place",
        "House numbers, units and postal codes have to agree at every level.",
        {
            Level.EXACT: "Only what is written exactly alike",
            Level.NORMALISED: "Other spellings, too: St. and Street, names and codes of countries",
            Level.TOLERANT: "A small typo in a street or a city, too",
        },
    ),
    "require_valid_address": (
        "An address that cannot be of its country",
        "Judged by the rules of its country: what it must have, its regions and postal codes.",
        {
            "false": "Let it through, and say so on the customer's page",
            "true": "Hold that address, and ask me",
        },
    ),
    "on_partial": (
        "An address that merely has more than the other",
        "When a record is matched for the first time.",
        {
            OnPartial.KEEP: "Leave both as they are",
            OnPartial.ENRICH: "Complete the poorer one",
            OnPartial.REVIEW: "Ask me",
        },
    ),
    "first_link": (
        "Other fields that differ when first matched",
        "Where the rule of the field says nothing else. A blank side is always filled.",
        {
            FirstLink.REVIEW: "Ask me",
            FirstLink.PREFER_CRM: "The CRM wins",
            FirstLink.PREFER_LOCAL: "We win",
        },
    ),
    "on_missing_external_id": (
        "A record of the CRM without a customer number",
        "It is never joined to a customer by itself.",
        {
            OnMissingExternalId.REVIEW: "Ask me, with suggestions",
            OnMissingExternalId.ADOPT_REF: "The CRM's own record id becomes its number",
            OnMissingExternalId.SKIP: "Leave it alone",
        },
    ),
}
"""Policy → its question, what to know of it, and its answers."""


def rule_of(connection: StoredConnection, path: str) -> str:
    """The rule of a field in words."""
    rule = connection.settings.rules.get(path, FieldRule())
    preset = _preset(rule)
    if preset != CUSTOM:
        return RULES[preset]
    said = [(PARTS[name][0], PARTS[name][1][getattr(rule, name) or ""]) for name in PARTS]
    return "; ".join(f"{label.lower()}: {text}" for label, text in said)


def chosen(connection: StoredConnection) -> dict[str, str]:
    """The policies in force, as their form sends them."""
    kept = connection.settings.model_dump(mode="json")
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in kept.items()
        if name in POLICIES
    }


def show_rules(asked: Visit) -> Response:
    """The page of rules."""
    return _rules(asked, place.found(asked))


def save_rules(asked: Visit) -> Response:
    """Put rules in force."""
    connection = place.found(asked)
    wanted: dict[str, Any] = {path: _wanted(asked, path) for path in connection.settings.paths}
    present = {path: _kept(rule) for path, rule in connection.settings.rules.items()}
    if {path: rule for path, rule in wanted.items() if rule is not None} == present:
        return place.onwards(asked, connection, "rules", "same")
    return _saved(asked, connection, "rules", {"rules": wanted})


def show_policies(asked: Visit) -> Response:
    """The page of policies."""
    return _policies(asked, place.found(asked))


def save_policies(asked: Visit) -> Response:
    """Put policies in force."""
    connection = place.found(asked)
    kept = chosen(connection)
    wanted = {name: text for name in POLICIES if (text := asked.given(name)) != kept[name]}
    if not wanted:
        return place.onwards(asked, connection, "policies", "same")
    return _saved(asked, connection, "policies", wanted)


def _saved(asked: Visit, connection: StoredConnection, step: str, body: Mapping[str, Any]) -> Response:
    page = _rules if step == "rules" else _policies
    try:
        with checked():
            given = ConnectionChangeIn(settings=SettingsIn.model_validate(body))
            change(asked.caller, connection, given, shown=asked.given("shown"))
    except WrongForm as error:
        return page(asked, connection, error.problems, 422)
    except Conflicted as error:
        told = {"": f"{error.reason} These are the fresh ones."}
        return page(asked, place.found(asked), told, 409, typed=False)
    asked.site.wake()
    return place.onwards(asked, connection, step, step)


def _rules(
    asked: Visit,
    connection: StoredConnection,
    problems: Mapping[str, str] | None = None,
    status: int = 200,
    *,
    typed: bool = True,
) -> Response:
    rules = {path: connection.settings.rules.get(path, FieldRule()) for path in connection.settings.paths}
    shown = {path: {"preset": _preset(rule), **_parts(rule)} for path, rule in rules.items()}
    if typed and asked.form:
        shown = {p: {n: asked.given(f"{n}:{p}") for n in ("preset", *PARTS)} for p in rules}
    return place.frame(
        asked,
        connection,
        "connection_rules.html",
        "rules",
        problems=_by_path(problems or {}, rules),
        status=status,
        rules=shown,
        presets=RULES,
        wholes=PARTS,
        custom=CUSTOM,
    )


def _policies(
    asked: Visit,
    connection: StoredConnection,
    problems: Mapping[str, str] | None = None,
    status: int = 200,
    *,
    typed: bool = True,
) -> Response:
    kept = chosen(connection)
    given = {name: asked.given(name) for name in POLICIES} if typed and asked.form else kept
    return place.frame(
        asked,
        connection,
        "connection_policies.html",
        "policies",
        problems={name.removeprefix("settings."): why for name, why in (problems or {}).items()},
        status=status,
        policies=POLICIES,
        chosen=given,
    )


def _wanted(asked: Visit, path: str) -> dict[str, Any] | str | None:
    """The rule of a form; None for the one that a field without a rule has."""
    preset = asked.given(f"preset:{path}")
    if preset != CUSTOM:
        if preset not in RULES:
            return preset  # refused with a reason
        return None if preset == "review" else _kept(_ruled(preset))
    parts: dict[str, Any] = {name: asked.given(f"{name}:{path}") or None for name in PARTS}
    return None if parts == _kept(FieldRule()) else parts


def _kept(rule: FieldRule) -> dict[str, Any]:
    return rule.model_dump(mode="json")


def _ruled(preset: str) -> FieldRule:
    rule = PRESETS[preset]
    return FieldRule(
        direction=rule.direction,
        on_both_changed=rule.on_both_changed,
        blanks=rule.blanks,
        first_link=rule.first_link,
    )


def _preset(rule: FieldRule) -> str:
    return next((name for name in RULES if _ruled(name) == rule), CUSTOM)


def _parts(rule: FieldRule) -> dict[str, str]:
    return {name: value or "" for name, value in _kept(rule).items()}


def _by_path(problems: Mapping[str, str], paths: Iterable[str]) -> dict[str, str]:
    """Reasons by the path of the rule that they are about."""
    found: dict[str, str] = {}
    for name, why in problems.items():
        rest = name.removeprefix("settings.").removeprefix("rules.")
        about = [path for path in paths if rest == path or rest.startswith(f"{path}.")]
        found[about[0] if about else ""] = "has no such rule" if about else why
    return found
