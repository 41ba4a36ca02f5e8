"""A Python client that is made of the description alone can do what the API does."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData

from tests.web.api.conftest import Api
from tests.web.conftest import PUBLIC_URL
from web.api import openapi

PACKAGE = "concord_client_of_tests"
FILES = {"text/csv": "application/octet-stream"}
"""The generator does not know CSV; it sends it as it does any file."""


@pytest.fixture
def made(tmp_path: Path) -> Iterator[str]:
    """The name of a client package that has been made of the description."""
    settings = ConfigFile(package_name_override=PACKAGE, post_hooks=[], content_type_overrides=FILES)
    config = Config.from_sources(
        settings,
        MetaType.NONE,
        tmp_path / "openapi.json",
        "utf-8",
        overwrite=False,
        output_path=tmp_path / PACKAGE,
    )
    document = GeneratorData.from_dict(json.loads(openapi.text(PUBLIC_URL)), config=config)
    assert isinstance(document, GeneratorData), document
    told = Project(openapi=document, config=config).build()
    assert [f"{each.header}: {each.detail}" for each in told] == []
    sys.path.insert(0, str(tmp_path))
    yield PACKAGE
    sys.path.remove(str(tmp_path))
    for name in [each for each in sys.modules if each.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@dataclass
class Generated:
    """The client at work."""

    package: str
    client: Any
    models: Any

    def call(self, tag: str, operation: str, *arguments: Any, **more: Any) -> Any:
        """Status, body and headers of one operation."""
        module = importlib.import_module(f"{self.package}.api.{tag}.{operation}")
        answer = module.sync_detailed(*arguments, client=self.client, **more)
        return answer.status_code, answer.parsed, answer.headers


def opened(package: str, api: Api) -> Generated:
    kind = importlib.import_module(f"{package}.client").AuthenticatedClient
    client = kind(base_url=api.served.url, token=api.key, prefix="", auth_header_name="x-api-key", timeout=20)
    return Generated(package, client, importlib.import_module(f"{package}.models"))


def test_a_generated_client_works(made: str, api_postgresql: Api) -> None:
    its = opened(made, api_postgresql)
    models = its.models
    with its.client:
        body = models.CustomerInput(
            customer_name="Acme Limited",
            email="billing@acme.example",
            address=models.AddressInput(line1="221B Baker Street", zip_code="NW1 6XE", country="GB"),
            tax_info=[models.TaxIdInput(country_code="EU", tax_code="VAT", tax_id="DE136695976")],
        )
        status, customer, headers = its.call("customers", "create_customer", body=body, idempotency_key="1")
        assert status == 201
        assert customer.address.zip_code == "NW1 6XE"
        assert (customer.version, headers["ETag"]) == (1, '"1"')
        again = its.call("customers", "create_customer", body=body, idempotency_key="1")
        assert again[1] == customer, "the answer of the first time"
        assert its.call("customers", "get_customer", customer.id)[1] == customer
        change = models.CustomerChange(phone_number="+1-555-0100")
        seen = {"body": change, "if_match": headers["ETag"]}
        status, fresh, _ = its.call("customers", "change_customer", customer.id, **seen)
        assert (status, fresh.phone_number, fresh.version) == (200, "+1-555-0100", 2)
        status, stale, _ = its.call("customers", "change_customer", customer.id, **seen)
        assert (status, stale.title) == (412, "Precondition Failed")
        status, wrong, _ = its.call(
            "customers", "create_customer", body=models.CustomerInput(customer_name=" ")
        )
        assert (status, wrong.detail[0].loc) == (422, ["body", "customer_name"])
        assert its.call("customers", "delete_customer", customer.id)[0] == 204
        assert its.call("customers", "get_customer", customer.id)[0] == 404


def test_a_generated_client_turns_pages(made: str, api_postgresql: Api) -> None:
    its = opened(made, api_postgresql)
    names = [f"Customer {number}" for number in range(5)]
    found: list[str] = []
    with its.client:
        for name in names:
            body = its.models.CustomerInput(customer_name=name)
            its.call("customers", "create_customer", body=body)
        more: dict[str, Any] = {}
        while True:
            _, page, _ = its.call("customers", "list_customers", limit=2, **more)
            found += [each.customer_name for each in page.data]
            if page.next_cursor is None:
                break
            more = {"cursor": page.next_cursor}
    assert found == names
