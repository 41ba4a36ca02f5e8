from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from connectors.port import ConnectorConfig
from connectors.salesforce import PLUGIN
from connectors.salesforce.capture import AccountChanges, open_capture
from connectors.salesforce.sandbox import SalesforceSandbox, build
from connectors.salesforce.sandbox.bus import EventBus, open_bus
from connectors.sandbox.server import SandboxServer


@dataclass
class Broadcast:
    """A sandbox whose changes go on a bus, and what listens to it."""

    org: SalesforceSandbox
    bus: EventBus
    config: ConnectorConfig
    opened: list[AccountChanges] = field(default_factory=list)

    def capture(self, **credentials: str) -> AccountChanges:
        config = replace(self.config, credentials={**self.config.credentials, **credentials})
        self.opened.append(open_capture(config, self.org.state.organisation))
        return self.opened[-1]

    def create(self, name: str = "Acme") -> str:
        return str(self.org.state.person_create({"Name": name}, user="A. Person")["id"])

    def edit(self, ref: str, **values: str) -> None:
        self.org.state.person_edit(ref, values, user="A. Person")

    def expire_tokens(self) -> None:
        """Let every token be no longer good."""
        self.org.state.configure({"token_calls": 0})
        self.org.state.configure({"token_calls": None})


@pytest.fixture
def broadcast() -> Iterator[Broadcast]:
    org = build(empty=True)
    bus = open_bus(org, keepalive=0.2)
    with SandboxServer(org.app) as server:
        config = ConnectorConfig(
            url=server.url,
            credentials={"client_id": org.client_id, "client_secret": org.client_secret},
            external_id=PLUGIN.external_id,
            mapping=PLUGIN.mapping,
            options={"pubsub": bus.target},
        )
        made = Broadcast(org, bus, config)
        yield made
        for each in made.opened:
            each.close()
        bus.stop()
    org.state.close()
