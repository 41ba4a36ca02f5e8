"""The conformance suite against HubSpot's look-alike, through the real SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.hubspot import PLUGIN, HubSpotConnector
from connectors.hubspot.sandbox import build
from connectors.hubspot.search import SEARCH_PAGE
from connectors.port import ConnectorConfig
from connectors.transport import Retries
from tests.conformance.failing import FailingContract
from tests.conformance.reading import ReadingContract
from tests.conformance.sandboxed import Sandbox, SandboxPlayground, playground
from tests.conformance.writing import WritingContract


@pytest.fixture
def crm() -> Iterator[SandboxPlayground]:
    account = build(empty=True)
    sandbox = Sandbox(
        app=account.app,
        build=lambda config: HubSpotConnector(config, Retries(sleep=lambda _: None)),
        config=ConnectorConfig(
            url="",
            credentials={"token": account.token},
            external_id=PLUGIN.external_id,
            mapping=PLUGIN.mapping,
        ),
        page=SEARCH_PAGE,
        refused=("customer_name", "Too long. " * 7_000),
        unknown_ref="99999999999",
        write_kinds=("batch_update", "batch_create"),
    )
    with playground(sandbox) as crm:
        yield crm
    account.close()


class TestReading(ReadingContract): ...


class TestWriting(WritingContract): ...


class TestFailing(FailingContract): ...
