from __future__ import annotations

import json
from typing import Any

import pytest
from hubspot.crm.companies.exceptions import ApiException, ServiceException, UnauthorizedException
from hubspot.crm.companies.models import BatchResponseSimplePublicObjectWithErrors
from urllib3.exceptions import MaxRetryError, ProtocolError

from tests.connectors.hubspot_sandbox.conftest import Sdk


def strike(sdk: Sdk, fault: str, kind: str = "*", **more: Any) -> None:
    sdk.control("PUT", "faults", [{"kind": kind, "fault": fault, "times": 1, **more}])


def refused(call: Any) -> ApiException:
    with pytest.raises(ApiException) as error:
        call()
    found: ApiException = error.value
    return found


def test_rate_limit(sdk: Sdk) -> None:
    strike(sdk, "rate_limit", "list")
    sdk.search.do_search({})
    error = refused(sdk.basic.get_page)
    assert (error.status, json.loads(error.body)["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
    strike(sdk, "rate_limit", "search")
    error = refused(lambda: sdk.search.do_search({}))
    assert (error.status, json.loads(error.body)["policyName"]) == (429, "SECONDLY")
    sdk.search.do_search({})


def test_server_error_and_html(sdk: Sdk) -> None:
    strike(sdk, "server_error")
    with pytest.raises(ServiceException):
        sdk.basic.get_page()
    strike(sdk, "unavailable_html")
    with pytest.raises(ServiceException) as error:
        sdk.basic.get_page()
    assert error.value.status == 503
    assert error.value.headers["Content-Type"].startswith("text/html")
    assert error.value.body.startswith("<!DOCTYPE html>")


def test_lock_is_423(sdk: Sdk) -> None:
    strike(sdk, "lock", "batch_upsert")
    inputs = [{"id": "K1", "idProperty": "company_id", "properties": {"name": "x"}}]
    assert refused(lambda: sdk.batch.upsert({"inputs": inputs})).status == 423
    assert sdk.control("GET", "stats")["records"] == 0
    assert sdk.batch.upsert({"inputs": inputs}).results[0].new is True


def test_error_after_the_work_was_done(sdk: Sdk) -> None:
    strike(sdk, "error_after", "create")
    with pytest.raises(ServiceException):
        sdk.make(company_id="K1")
    assert sdk.control("GET", "stats")["records"] == 1


@pytest.mark.parametrize(("fault", "records"), [("timeout_before", 0), ("timeout_after", 1)])
def test_timeouts(sdk: Sdk, fault: str, records: int) -> None:
    strike(sdk, fault, "create", seconds=0.01)
    with pytest.raises((MaxRetryError, ProtocolError)):
        sdk.make(company_id="K1")
    assert sdk.control("GET", "stats")["records"] == records


def test_expire_token(sdk: Sdk) -> None:
    strike(sdk, "expire_token")
    for _ in range(2):
        with pytest.raises(UnauthorizedException) as error:
            sdk.basic.get_page()
        assert json.loads(error.value.body)["category"] == "EXPIRED_AUTHENTICATION"
    sdk.control("PUT", "settings", {"token_expired": False})
    sdk.basic.get_page()


@pytest.mark.parametrize("traced", [True, False])
def test_partial(sdk: Sdk, traced: bool) -> None:
    strike(sdk, "partial", "batch_update", share=0.5)
    ids = sdk.makes(10)
    inputs = [
        {"id": each, "properties": {"city": "York"}, **({"objectWriteTraceId": f"t{each}"} if traced else {})}
        for each in ids
    ]
    answer, status, _ = sdk.batch.update_with_http_info({"inputs": inputs})
    assert status == 207
    assert isinstance(answer, BatchResponseSimplePublicObjectWithErrors)
    landed = {each.id for each in answer.results}
    assert len(landed) == 5
    key = "objectWriteTraceId" if traced else "ids"
    failed = {each.context[key][0].removeprefix("t") for each in answer.errors}
    assert failed == set(ids) - landed
    read = sdk.basic.get_page(limit=100, properties=["city"]).results
    assert {each.id for each in read if each.properties["city"] == "York"} == landed
    assert sdk.control("GET", "stats")["faults"] == {"batch_update": {"partial": 1}}
