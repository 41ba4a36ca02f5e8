from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.records import Address, Fields, FieldValue
from sync.core import normalise
from sync.core.scope import Condition, Operator, in_scope, root
from sync.errors import BadInput
from sync.rules import parse_settings
from sync.scoping import as_json, parse_lines
from sync.selection import Selection, check, read
from tests.core.strategies import FIELDS, values

MAPPED = ["customer_name", "email", "phone_number", "custom_data.tier", "communications_enabled"]
MAPPED += ["address.street", "address.country", "address.city", "tax_info.EU.VAT"]


def scope_of(data: object) -> tuple[Condition, ...]:
    return tuple(line.condition() for line in parse_lines(data, MAPPED, what="The scope"))


def holds(condition: dict[str, Any], fields: Fields, external_id: str | None = None) -> bool:
    return in_scope(scope_of(condition), fields, external_id)


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ({"field": "email", "eq": "A@X.example"}, " a@x.EXAMPLE ", True),
        ({"field": "email", "eq": "a@x.example"}, None, False),
        ({"field": "email", "ne": "a@x.example"}, "A@X.example", False),
        ({"field": "email", "ne": "a@x.example"}, None, True),
        ({"field": "email", "in": ["b@x.example", "A@x.example"]}, "a@x.example", True),
        ({"field": "email", "not_in": ["b@x.example"]}, "B@x.example", False),
        ({"field": "email", "not_in": ["b@x.example"]}, "", True),
        ({"field": "email", "blank": True}, "  ", True),
        ({"field": "email", "blank": True}, "a@x.example", False),
        ({"field": "email", "present": True}, "a@x.example", True),
        ({"field": "email", "present": True}, None, False),
        ({"field": "email", "starts": "SALES@"}, "sales@x.example", True),
        ({"field": "email", "starts": "a"}, None, False),
        ({"field": "phone_number", "eq": "+1 217 555 0100"}, "+1 (217) 555-0100", True),
        ({"field": "phone_number", "starts": "+1 217"}, "+1 (217) 555-0100", True),
        ({"field": "phone_number", "starts": "+44"}, "+1 (217) 555-0100", False),
        ({"field": "custom_data.tier", "in": [1, "gold"]}, "1", True),
        ({"field": "custom_data.tier", "eq": "gold"}, "Gold", False),
        ({"field": "communications_enabled", "eq": True}, "true", True),
        ({"field": "communications_enabled", "eq": False}, True, False),
        ({"field": "tax_info.EU.VAT", "starts": "de 12"}, "DE123456789", True),
    ],
)
def test_a_field_is_held_against_values_by_meaning(
    condition: dict[str, Any], value: FieldValue, expected: bool
) -> None:
    assert holds(condition, {condition["field"]: value}) is expected


@pytest.mark.parametrize(
    ("condition", "address", "expected"),
    [
        ({"field": "address.country_code", "in": ["US", "CA"]}, Address(country_code="us"), True),
        ({"field": "address.country_code", "eq": "US"}, Address(country="United States"), True),
        ({"field": "address.country", "eq": "Deutschland"}, Address(country_code="DE"), True),
        ({"field": "address.country", "eq": "Atlantis"}, Address(country="atlantis "), True),
        ({"field": "address.country_code", "eq": "US"}, Address(country="Canada"), False),
        ({"field": "address.country_code", "ne": "US"}, None, True),
        ({"field": "address.city", "eq": "springfield"}, Address(city=" Springfield"), True),
        ({"field": "address.city", "starts": "SPRING"}, Address(city="Springfield"), True),
        ({"field": "address.line2", "blank": True}, Address(line1="1 Main St"), True),
        ({"field": "address", "blank": True}, Address(), True),
        ({"field": "address", "present": True}, Address(city="Bonn"), True),
    ],
)
def test_a_part_of_an_address_is_held_against_values(
    condition: dict[str, Any], address: Address | None, expected: bool
) -> None:
    assert holds(condition, {"address": address}) is expected


def test_all_conditions_must_hold() -> None:
    both = [{"field": "email", "present": True}, {"field": "external_id", "starts": "A"}]
    scope = scope_of(both)
    assert in_scope(scope, {"email": "a@x.example"}, "A1")
    assert not in_scope(scope, {"email": "a@x.example"}, "B1")
    assert not in_scope(scope, {"email": "a@x.example"}, None)
    assert not in_scope(scope, {"email": None}, "A1")
    assert in_scope((), {}, None)


def test_an_external_id_is_matched_exactly() -> None:
    assert holds({"field": "external_id", "eq": "A1 "}, {}, "A1")
    assert not holds({"field": "external_id", "eq": "a1"}, {}, "A1")


@given(st.data())
def test_what_means_the_same_meets_the_same_conditions(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([each for each in FIELDS if "address" not in each]))
    one, other = data.draw(values(path)), data.draw(values(path))
    operator = data.draw(st.sampled_from(Operator))
    against = data.draw(st.lists(values(path).filter(lambda each: not normalise.blank(each)), min_size=1))
    condition = Condition(field=path, operator=operator, values=tuple(against))
    if normalise.same(path, one, other):
        assert condition.holds({path: one}) == condition.holds({path: other})


@given(st.data())
def test_opposites_never_agree(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([each for each in FIELDS if "address" not in each]))
    value, against = data.draw(values(path)), (data.draw(values(path)) or "x",)
    for one, other in (("eq", "ne"), ("in", "not_in"), ("blank", "present")):
        held = [
            Condition(field=path, operator=Operator(each), values=against).holds({path: value})
            for each in (one, other)
        ]
        assert sorted(held) == [False, True]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"field": "email"}, "names a field and one of eq, ne, in, not_in, blank, present, starts"),
        ({"field": "email", "eq": "a", "ne": "b"}, "one of eq"),
        ({"field": "email", "like": "a"}, "one of eq"),
        ({"eq": "a"}, "names a field"),
        ("email", "a condition is an object"),
        ({"field": "email", "blank": False}, "email: blank takes true"),
        ({"field": "email", "in": "a"}, "email: in takes a list"),
        ({"field": "email", "in": []}, "at least one value"),
        ({"field": "email", "eq": None}, "valid"),
        ({"field": "email", "eq": ["a"]}, "valid"),
        ({"field": "email", "eq": " "}, "blank value is asked for with blank"),
        ({"field": "nonsense", "eq": "a"}, "nonsense is no field"),
        ({"field": "address.planet", "eq": "a"}, "address.planet is no field"),
        ({"field": "address", "eq": "a"}, "by its parts, such as address.country_code"),
        ([{"field": "email", "present": True}] * 21, "21 conditions; 20"),
        ({"field": "custom_data.size", "eq": 1}, "not mapped: custom_data.size"),
        ({"field": "address.zipCode", "eq": "1"}, "not mapped: address.zipCode"),
        ({"field": "ship_to_address", "blank": True}, "not mapped: ship_to_address"),
        ({"field": "tax_info.FR.VAT", "present": True}, "not mapped: tax_info.FR.VAT"),
    ],
)
def test_a_wrong_condition_is_named(wrong: object, told: str) -> None:
    with pytest.raises(BadInput, match="The scope") as refused:
        parse_lines(wrong, MAPPED, what="The scope")
    assert told in str(refused.value)


def test_settings_keep_a_scope_as_it_was_given() -> None:
    scope = [
        {"field": "address.country_code", "in": ["US", "CA"]},
        {"field": "email", "present": True},
        {"field": "custom_data.tier", "ne": 3},
        {"field": "external_id", "starts": "A"},
    ]
    lines = [{"field": field, "crm": f"f{number}"} for number, field in enumerate(MAPPED)]
    settings = parse_settings({"external_id": "key", "map": lines, "scope": scope})
    assert as_json(settings.scope) == scope
    again = parse_settings(settings.model_dump(mode="json"))
    assert again == settings
    assert [root(each.field) for each in again.policy(1).scope] == [
        "address",
        "email",
        "custom_data.tier",
        "external_id",
    ]
    with pytest.raises(BadInput, match="the scope asks for fields that are not mapped: custom_data"):
        parse_settings({**settings.model_dump(mode="json"), "map": lines[:3] + lines[5:]})


@pytest.mark.parametrize("wrong", [{}, {"ids": ("a",), "everything": True}, {"ids": ("a",), "refs": ("b",)}])
def test_a_resync_takes_exactly_one_kind_of_selection(wrong: Any) -> None:
    with pytest.raises(BadInput, match="exactly one kind"):
        check(Selection(**wrong))


@pytest.mark.parametrize(
    "selection",
    [
        Selection(ids=("a", "b"), skip_unknown=True),
        Selection(refs=("m1",)),
        Selection(everything=True),
        Selection(where=parse_lines({"field": "email", "in": ["a@example.com"]}, MAPPED, what="The filter")),
    ],
)
def test_a_selection_is_kept_and_read_back(selection: Selection) -> None:
    assert read(selection.as_json(), MAPPED) == selection
