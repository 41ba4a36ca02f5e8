"""What `doctor` and `connect` say of the key field, by what the CRM says of it."""

from __future__ import annotations

import pytest

from connectors.fit import check_fit
from connectors.port import ConnectorConfig, CrmField, Description, FieldMapping
from connectors.salesforce import PLUGIN
from connectors.salesforce.sandbox import build
from connectors.sandbox.server import SandboxServer


@pytest.mark.parametrize(
    ("unique", "case_sensitive", "said"),
    [
        (True, True, None),
        (True, None, None),
        (True, False, "ignores case"),
        (False, False, "is not unique"),
    ],
)
def test_a_key_field_is_held_against_what_ids_are_here(
    unique: bool, case_sensitive: bool | None, said: str | None
) -> None:
    key = CrmField(name="key", label="Key", type="text", unique=unique, case_sensitive=case_sensitive)
    found = Description(account_id="a", account_name="A", object_name="Customer", fields={"key": key})
    problems = check_fit([], "key", found, outbound=[])
    if said is None:
        assert problems == []
    else:
        (problem,) = problems
        assert problem.severity == "warning"
        assert said in problem.message


@pytest.mark.parametrize("case_sensitive", [True, False])
def test_salesforce_says_whether_its_key_field_minds_case(case_sensitive: bool) -> None:
    sandbox = build(empty=True, settings={"external_id": {"case_sensitive": case_sensitive}})
    with SandboxServer(sandbox.app) as server:
        connector = PLUGIN.build(
            ConnectorConfig(
                url=server.url,
                credentials={"client_id": sandbox.client_id, "client_secret": sandbox.client_secret},
                external_id=PLUGIN.external_id,
                mapping=PLUGIN.mapping,
            )
        )
        problems = check_fit(PLUGIN.mapping, PLUGIN.external_id, connector.describe(), outbound=[])
        connector.close()
    sandbox.state.close()
    assert any("ignores case" in each.message for each in problems) is not case_sensitive


@pytest.mark.parametrize(
    ("path", "type_", "fits"),
    [
        ("address.zipCode", "number", False),
        ("email", "boolean", False),
        ("tax_info.EU.VAT", "double", False),
        ("communications_enabled", "datetime", False),
        ("communications_enabled", "bool", True),
        ("communications_enabled", "enumeration", True),
        ("custom_data.size", "number", True),
        ("customer_name", "string", True),
    ],
)
def test_a_field_of_another_type_is_told(path: str, type_: str, fits: bool) -> None:
    fields = {
        "key": CrmField(name="key", label="Key", type="text", unique=True),
        "its": CrmField(name="its", label="Its", type=type_),
    }
    found = Description(account_id="a", account_name="A", object_name="Customer", fields=fields)
    problems = check_fit([FieldMapping(path, "its")], "key", found, outbound=[])
    assert [(each.severity, each.field) for each in problems] == ([] if fits else [("warning", path)])
