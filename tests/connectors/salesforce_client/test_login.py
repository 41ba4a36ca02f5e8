"""A login that is refused: for good, or for now."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.errors import AuthFailed, RateLimited, Retryable, Unavailable
from connectors.port import ConnectorConfig
from connectors.salesforce import PLUGIN
from connectors.salesforce.client import SalesforceConnector
from connectors.salesforce.sandbox import SalesforceSandbox, build
from connectors.sandbox.faults import FaultRule
from connectors.sandbox.server import SandboxServer
from connectors.transport import Retries


@pytest.fixture
def org() -> Iterator[tuple[SalesforceSandbox, SalesforceConnector]]:
    made = build(empty=True)
    with SandboxServer(made.app) as server:
        config = ConnectorConfig(
            url=server.url,
            credentials={"client_id": made.client_id, "client_secret": made.client_secret},
            external_id=PLUGIN.external_id,
            mapping=PLUGIN.mapping,
        )
        connector = SalesforceConnector(config, retries=Retries(sleep=lambda _seconds: None))
        yield made, connector
        connector.close()
    made.state.close()


@pytest.mark.parametrize(
    ("fault", "error"),
    [("rate_limit", RateLimited), ("expire_token", AuthFailed), ("server_error", Unavailable)],
)
def test_a_refused_login_says_whether_it_may_be_tried_again(
    org: tuple[SalesforceSandbox, SalesforceConnector], fault: str, error: type[Exception]
) -> None:
    sandbox, connector = org
    sandbox.state.faults.set([FaultRule.of({"kind": "token", "fault": fault})])
    with pytest.raises(error) as raised:
        connector.list_all()
    assert isinstance(raised.value, Retryable) is (error is not AuthFailed)
    sandbox.state.faults.clear()
    assert list(connector.list_all().observations) == []
