"""Columns find their fields, and each row gives a customer's values or one reason."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from connectors.records import Address
from sync.errors import BadInput
from sync.imports import columns, export, record
from sync.imports.columns import HEADER, Columns, choose
from sync.imports.record import Fault, Given, key_of, read
from tests.imports.test_table import read as rows_of


def test_columns_are_known_by_their_usual_names() -> None:
    header = [
        "Customer Name",
        "E-Mail",
        "Zip",
        "Postal Code ",
        "Ship To City",
        "Shipping postcode",
        "Phone No.",
    ]
    found = [columns.field_of(name) for name in header]
    assert found == [
        *("customer_name", "email", "zipCode", "zipCode", "ship_to_city", "ship_to_zipCode"),
        "phone_number",
    ]
    assert [columns.field_of(name) for name in HEADER] == list(HEADER)
    assert columns.field_of("custom_data.tier") == "custom_data.tier"
    assert columns.field_of("Favourite colour") is None


def test_columns_that_are_not_taken_are_told() -> None:
    made = choose(["name", "colour", "", "import_reason"], {})
    assert (made.fields, made.ignored) == (["customer_name", None, None, None], ["colour"])
    assert choose(["name", "colour"], {"colour": "custom_data.colour"}).fields[1] == "custom_data.colour"
    assert choose(["x", "y"], {"#2": "email", "x": "-"}).fields == [None, "email"]
    assert choose(["x", "y"], {"#1": "email"}, named=False).names == ["#1", "#2"]


@pytest.mark.parametrize(
    ("header", "chosen", "said"),
    [
        (["company", "name"], {}, r"company \(#1\), name \(#2\) would all be customer_name"),
        (["a", "a"], {"a": "email"}, "stands 2 times in the header"),
        (["name"], {"b": "email"}, "no such column; there are: name"),
        (["name"], {"#2": "email"}, "no such column"),
        (["name"], {"name": "colour"}, "there is no field colour"),
        (["a", "b"], {}, "No column is known"),
    ],
)
def test_a_mapping_that_leaves_something_open_is_refused(
    header: list[str], chosen: Mapping[str, str], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        choose(header, chosen)


def one(**cells: str) -> Given | Fault:
    names = [name.replace("__", ".") for name in cells]
    return read(list(cells.values()), Columns(names, names))


def test_a_row_gives_canonical_values_and_blank_cells_give_none() -> None:
    found = one(
        external_id=" A-1 ",
        customer_name="'=Acme",
        email="",
        line1="1 High Street",
        country_code="GB",
        ship_to_city="Leeds",
        tax_ids="EU.VAT:DE136695976; IND:27AAPFU0939F1ZV;",
        custom_data='{"tier": "gold", "n": 1}',
        custom_attributes__region="north",
        auto_charge_enabled="No",
        business_entity="e",
    )
    assert isinstance(found, Given)
    assert found.external_id == "A-1"
    assert found.fields == {
        "customer_name": "=Acme",
        "address": Address(line1="1 High Street", country_code="GB"),
        "ship_to_address": Address(city="Leeds"),
        "tax_info.EU.VAT": "DE136695976",
        "tax_info.IND.GST": "27AAPFU0939F1ZV",
        "custom_data.tier": "gold",
        "custom_data.n": 1,
        "custom_attributes.region": "north",
        "auto_charge_enabled": False,
        "business_entity_id": "e",
    }


@pytest.mark.parametrize(
    ("cells", "field", "reason"),
    [
        ({"email": "nobody"}, "email", "not a valid e-mail"),
        ({"id": "17"}, "id", "must be a UUID"),
        ({"auto_charge_enabled": "maybe"}, "auto_charge_enabled", "must be true or false"),
        ({"custom_data": "[1]"}, "custom_data", "must be a JSON object"),
        ({"custom_data": "{"}, "custom_data", "cannot be read: it is not JSON"),
        ({"tax_ids": "XX:1"}, "tax_ids", "number 1 is not of the form"),
        ({"tax_ids": "EU.VAT:1; EU.VAT:2"}, "tax_info.1", "second number of the same kind"),
        ({"customer_name": "a\0b"}, "customer_name", "holds a NUL"),
        ({"external_id": "x" * 256}, "external_id", "256 characters"),
    ],
)
def test_a_row_that_cannot_be_read_has_one_reason(cells: dict[str, str], field: str, reason: str) -> None:
    found = one(**cells)
    assert isinstance(found, Fault)
    assert found.field == field
    assert reason in found.reason


@pytest.mark.parametrize(
    ("cells", "taken"), [(["a"], False), (["a", "b", "c"], False), (["a", "", " "], True)]
)
def test_a_ragged_row_is_refused_unless_nothing_is_missing_or_too_much(cells: list[str], taken: bool) -> None:
    found = read(cells, Columns(["customer_name", "phone_number"], ["customer_name", "phone_number"]))
    assert isinstance(found, Given) == taken
    if isinstance(found, Fault):
        assert found.reason == f"has {len(cells)} cells where the header has 2"


def test_whose_row_it_is_can_be_told_even_of_a_bad_one() -> None:
    names = ["external_id", "email", "auto_charge_enabled"]
    assert key_of(["Key", "A@x", "maybe"], Columns(names, names)) == ("key:key", "a@x")
    assert key_of(["0199b2c4-7d1e-7a3b-9c5d-2f4e6a8b0c1d"], Columns(["id"], ["id"]))[0] == (
        "id:0199b2c47d1e7a3b9c5d2f4e6a8b0c1d"
    )
    assert key_of([" ", ""], Columns(names[:2], names[:2])) == (None, None)


def test_the_sample_is_read_as_the_example_row() -> None:
    header, row = rows_of("".join(export.sample()).encode(), ",")
    assert list(header.cells) == list(HEADER)
    assert record.read(row.cells, choose(header.cells, {})) == Given(example=True)
