"""The conformance suite against Salesforce, through the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.port import ConnectorConfig
from connectors.salesforce import PLUGIN
from connectors.salesforce.client import SalesforceConnector
from connectors.salesforce.sandbox import build
from connectors.transport import Retries
from tests.conformance.failing import FailingContract
from tests.conformance.reading import ReadingContract
from tests.conformance.sandboxed import Sandbox, SandboxPlayground, playground
from tests.conformance.writing import WritingContract


@pytest.fixture
def crm() -> Iterator[SandboxPlayground]:
    """An empty org that cuts its pages short, as Salesforce may."""
    org = build(empty=True, settings={"page_rows": 50})
    sandbox = Sandbox(
        app=org.app,
        build=lambda config: SalesforceConnector(config, retries=Retries(sleep=lambda _seconds: None)),
        config=ConnectorConfig(
            url="",
            credentials={"client_id": org.client_id, "client_secret": org.client_secret},
            external_id=PLUGIN.external_id,
            mapping=PLUGIN.mapping,
        ),
        page=50,
        refused=("customer_name", "Too long. " * 100),
        unknown_ref="001000000000009AAA",
        write_kinds=("update", "create", "composite", "collections"),
    )
    with playground(sandbox) as crm:
        yield crm


class TestReading(ReadingContract):
    """Listings and reads."""


class TestWriting(WritingContract):
    """Creations and updates."""


class TestFailing(FailingContract):
    """Failures."""
