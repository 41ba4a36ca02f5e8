"""A login that is refused: for good, or for now."""

from __future__ import annotations

import pytest

from connectors.errors import AuthFailed, RateLimited, Retryable, Unavailable
from connectors.sandbox.faults import FaultRule
from tests.connectors.salesforce_client.conftest import Org


@pytest.mark.parametrize(
    ("fault", "error"),
    [("rate_limit", RateLimited), ("expire_token", AuthFailed), ("server_error", Unavailable)],
)
def test_a_refused_login_says_whether_it_may_be_tried_again(
    org: Org, fault: str, error: type[Exception]
) -> None:
    org.state.faults.set([FaultRule.of({"kind": "token", "fault": fault})])
    with pytest.raises(error) as raised:
        org.connector.list_all()
    assert isinstance(raised.value, Retryable) is (error is not AuthFailed)
    org.state.faults.clear()
    assert list(org.connector.list_all().observations) == []
