from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.records import JSON, Address, FieldValue
from sync.core import normalise
from sync.core.validate import problem, storable


@pytest.mark.parametrize(
    ("path", "one", "other", "same"),
    [
        ("customer_name", " Acme ", "Acme", True),
        ("customer_name", "Acme", "ACME", False),
        ("customer_name", "Cafe\u0301", "Caf\u00e9", True),
        ("customer_name", "", None, True),
        ("email", "A@X.example", "a@x.example ", True),
        ("email", "a@x.example", "b@x.example", False),
        ("phone_number", "+1 (217) 555-0100", "+12175550100", True),
        ("phone_number", "+1 217 555 0100 ext. 5", "+1 217 555 0100", False),
        ("phone_number", "ask Anna", "ASK ANNA", True),
        ("phone_number", "0815 / 47-11", "0815 4711", True),
        ("tax_info.EU.VAT", "BE 0403.019.261", "be0403019261", True),
        ("tax_info.EU.VAT", "--", "--", True),
        ("business_entity_id", "AB-1", "ab-1", True),
        ("communications_enabled", True, "true", True),
        ("communications_enabled", False, True, False),
        ("communications_enabled", "perhaps", True, False),
        ("custom_data.n", 5, "5", True),
        ("custom_data.n", 5.0, 5, True),
        ("custom_data.n", 5.5, "5.5", True),
        ("custom_data.n", "05", 5, False),
        ("custom_data.b", True, "true", True),
        ("custom_data.b", False, "true", False),
        ("custom_data.l", [1, "a"], ["1", "a"], True),
        ("custom_data.l", [], None, True),
        ("custom_data.d", {"a": 1, "b": None}, {"b": "", "a": "1"}, True),
        ("custom_data.d", {}, None, True),
        ("custom_data.n", float("inf"), "inf", True),
    ],
)
def test_same_by_meaning(path: str, one: FieldValue, other: FieldValue, same: bool) -> None:
    assert normalise.same(path, one, other) is same
    assert normalise.same(path, other, one) is same


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, True, False),
        (0.0, False, False),
        (1, 1.0, True),
        (True, True, True),
        ([1, {"a": True}], [1.0, {"a": True}], True),
        ([1, {"a": True}], [1, {"a": 1}], False),
        ({"a": [0]}, {"a": [False]}, False),
        ({"a": 1}, {"b": 1}, False),
        ([1], [1, 1], False),
    ],
)
def test_a_truth_value_is_no_number(one: JSON, other: JSON, equal: bool) -> None:
    for path in ("custom_data.x", "custom_attributes.x"):
        assert normalise.same(path, one, other) is normalise.same(path, other, one) is equal
        assert normalise.identical(path, one, other) is normalise.identical(path, other, one) is equal
    assert normalise.equal((one, other), (other, one)) is equal
    assert normalise.equal({"x": one}, {"x": other}) is equal
    assert normalise.equal(Address(city="X"), Address(city="X"))
    assert not normalise.same("communications_enabled", 1, True)


def test_a_phone_number_is_read_in_its_country() -> None:
    assert normalise.same("phone_number", "030 901820", "+49 30 901820", ("DE", None))
    assert not normalise.same("phone_number", "030 901820", "+49 30 901820", ("US", None))


def test_blank_is_missing() -> None:
    blanks: list[FieldValue] = [None, "", " \t", [], {}, Address()]
    others: list[FieldValue] = [0, False, "x", [1], {"a": 1}, Address(city="X")]
    assert all(normalise.blank(value) for value in blanks)
    assert not any(normalise.blank(value) for value in others)


def test_addresses_are_the_same_to_the_letter_or_not() -> None:
    assert normalise.identical("address", Address(city=" X"), Address(city="X"))
    assert normalise.identical("address", Address(), None)
    assert not normalise.identical("address", Address(city="X"), Address(city="x"))
    assert normalise.identical("custom_data.x", [], None)
    assert not normalise.identical("custom_data.x", [1], ["1"])
    assert normalise.normal("custom_data.a", Address(city="X")) == (("city", "X"),)


def test_external_ids() -> None:
    assert normalise.external_id("  A1 ") == "A1"
    assert normalise.external_id("  ") is None
    assert normalise.external_id(None) is None
    assert normalise.fold("STRASSE") == normalise.fold("straße")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_paths = st.sampled_from(
    ["customer_name", "email", "phone_number", "custom_data.x", "tax_info.EU.VAT", "communications_enabled"]
)


@given(_paths, _json, _json)
def test_sameness_is_symmetric_and_reflexive_and_never_raises(
    path: str, one: FieldValue, other: FieldValue
) -> None:
    assert normalise.same(path, one, one)
    assert normalise.same(path, one, other) == normalise.same(path, other, one)


@given(_paths, _json)
def test_validation_never_raises(path: str, value: FieldValue) -> None:
    problem(path, value)


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("customer_name", None, "is required"),
        ("customer_name", "  ", "is required"),
        ("customer_name", "x" * 256, "is 256 characters long; at most 255 are allowed"),
        ("customer_name", "a\0b", "holds a NUL character"),
        ("customer_name", "\ud800", "holds half of a surrogate pair"),
        ("customer_name", 5, "must be text"),
        ("email", "nobody", "is not a valid e-mail address"),
        ("email", "a@b", None),
        ("email", "weird+tag@sub.example.co.uk", None),
        ("email", "ünï@exämple.example", None),
        ("email", None, None),
        ("email", " ", None),
        ("external_id", "x" * 256, "is 256 characters long; at most 255 are allowed"),
        ("address", "Main Street", "must be an address"),
        ("address", Address(city="x" * 501), "city is 501 characters long; at most 500 are allowed"),
        ("address", Address(city="a\0"), "city holds a NUL character"),
        ("address", Address(city="Berlin"), None),
        ("address", Address(line1="x" * 300, line2="x" * 300), None),
        ("communications_enabled", "yes", "must be true or false"),
        ("communications_enabled", True, None),
        ("tax_info.EU.VAT", "x" * 65, "is 65 characters long; at most 64 are allowed"),
        ("tax_info.EU.VAT", 5, "must be text"),
        ("custom_data.x", 5, None),
        ("custom_data.x", "x" * 70_000, "is 70000 characters long; at most 65536 are allowed"),
    ],
)
def test_what_may_become_part_of_a_record(path: str, value: FieldValue, why: str | None) -> None:
    found = problem(path, value)
    assert found == why or (found is not None and why is not None and found.startswith(why))


def test_an_email_problem_does_not_quote_the_value() -> None:
    found = problem("email", "very secret@@nowhere..example")
    assert found is not None
    assert "secret" not in found


def test_a_text_that_a_database_cannot_keep_is_refused() -> None:
    assert storable("Zoë") == "Zoë"
    for text, why in (("a\0b", "NUL"), ("\ud800", "surrogate")):
        with pytest.raises(ValueError, match=why):
            storable(text)
