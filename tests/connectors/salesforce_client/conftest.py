from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from connectors.port import ConnectorConfig, FieldMapping
from connectors.salesforce import PLUGIN
from connectors.salesforce.client import SalesforceConnector
from connectors.salesforce.sandbox import SalesforceSandbox, build
from connectors.salesforce.sandbox.state import SalesforceState
from connectors.sandbox.server import SandboxServer
from connectors.transport import Retries


@dataclass
class Org:
    """An empty org behind a server, and a connector to it that does not sleep between its retries."""

    sandbox: SalesforceSandbox
    config: ConnectorConfig
    connector: SalesforceConnector

    @property
    def state(self) -> SalesforceState:
        return self.sandbox.state

    def create(self, name: str) -> str:
        """Make a record as a person."""
        return str(self.state.person_create({"Name": name}, user="A. Person")["id"])

    def name(self, ref: str) -> object:
        """The name that the org has by now."""
        return self.state.store.rows[ref]["Name"]


@pytest.fixture
def org() -> Iterator[Org]:
    made = build(empty=True)
    with SandboxServer(made.app) as server:
        config = ConnectorConfig(
            url=server.url,
            credentials={"client_id": made.client_id, "client_secret": made.client_secret},
            external_id=PLUGIN.external_id,
            mapping=(*PLUGIN.mapping, FieldMapping("custom_data.seats", "Site")),
        )
        connector = SalesforceConnector(config, retries=Retries(sleep=lambda _seconds: None))
        yield Org(made, config, connector)
        connector.close()
    made.state.close()
