"""One exchange: connections, timeouts, status codes, limits, and what stays out of logs and errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from starlette.middleware.gzip import GZipMiddleware

from connectors.errors import (
    AuthFailed,
    ConnectorError,
    Locked,
    Misconfigured,
    QuotaExhausted,
    RateLimited,
    Unavailable,
)
from connectors.hubspot import wire
from connectors.port import Create, Failed, Receipt, Unknown
from tests.conformance.playground import calls, customer, live, texts_of, update, walk
from tests.connectors.hubspot_client.conftest import Start
from tests.connectors.hubspot_client.hub import Hub, Reply

NEW = (Create(external_id="K1", fields=customer(1)),)


def read(hub: Hub) -> ConnectorError:
    with pytest.raises(ConnectorError) as error:
        hub.connector.list_all()
    return error.value


def written(hub: Hub) -> Receipt:
    (receipt,) = hub.connector.write(NEW)
    return receipt


def everything(hub: Hub) -> None:
    """One call of each kind."""
    connector = hub.connector
    connector.describe()
    connector.write(NEW)
    (ref,) = [each.ref for each in walk(connector.list_all)[0]]
    connector.list_changes(connector.list_changes(None).cursor)
    walk(connector.list_deleted)
    connector.find_by_external_id(["K1"])
    wanted = update(hub, ref, {"customer_name": "Ours"})
    connector.write([wanted])
    connector.overwritten([wanted])
    connector.partitions(2)


def test_all_calls_go_over_one_connection(hub: Hub) -> None:
    everything(hub)
    assert len(hub.between.seen) > 12
    assert len({each.port for each in hub.between.seen}) == 1
    assert sum(hub.stats().values()) == calls(hub.connector) == len(hub.between.seen)
    hub.connector.close()
    walk(hub.connector.list_all)
    assert len({each.port for each in hub.between.seen}) == 2


def test_answers_may_be_compressed(start: Start) -> None:
    hub = start(around=lambda app: GZipMiddleware(app, minimum_size=10))
    everything(hub)
    assert {each.headers["accept-encoding"] for each in hub.between.seen} == {"gzip"}


def test_the_token_and_the_values_stay_out_of_the_logs(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    everything(hub)
    hub.shut(shut=True)
    read(hub)
    assert "/crm/v3/objects/companies" in caplog.text
    assert hub.account.token not in caplog.text
    assert "Customer 1" not in caplog.text
    assert "billing-1@" not in caplog.text


ANSWERS: Mapping[str, Callable[[Reply], Reply]] = {
    "a page of HTML": lambda reply: Reply(reply.status, b"<html><body>hello</body></html>", "text/html"),
    "no content": lambda _: Reply(204, b""),
    "accepted": lambda reply: Reply(202, reply.body),
    "JSON of another form": lambda reply: Reply(reply.status, b'{"status": "COMPLETE"}'),
    "null": lambda reply: Reply(reply.status, b"null"),
    "a server error in Latin-1": lambda _: Reply(502, "<html>Störung</html>".encode("latin-1"), "text/html"),
    "an unknown error": lambda _: Reply(521, b""),
    "a redirection": lambda _: Reply(302, b""),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_that_is_none_is_never_an_empty_result(hub: Hub, kind: str) -> None:
    ref = hub.create(customer(2), "K2")
    cursor = hub.connector.list_changes(None).cursor
    hub.between.outward = lambda _, reply: ANSWERS[kind](reply)
    for call in (
        hub.connector.list_all,
        hub.connector.list_deleted,
        lambda: hub.connector.list_changes(cursor),
        lambda: hub.connector.get_many([ref]),
        lambda: hub.connector.find_by_external_id(["K2"]),
        hub.connector.describe,
    ):
        with pytest.raises(Unavailable) as error:
            call()
        assert not error.value.outcome_unknown
        assert "html" not in texts_of(error.value)
    receipt = written(hub)
    assert isinstance(receipt, Unknown)
    assert len(hub.asked("/batch/create")) == 1
    assert hub.records() == 2


@pytest.mark.parametrize("status", [200, 207])
def test_a_batch_may_succeed_with_another_status(hub: Hub, status: int) -> None:
    hub.between.outward = lambda path, reply: replace(reply, status=status) if "create" in path else reply
    assert not isinstance(written(hub), Failed | Unknown)


@pytest.mark.parametrize(
    ("fault", "error", "wait"),
    [("lock", Locked, 0.0), ("rate_limit", RateLimited, 2.5), ("server_error", Unavailable, 0.0)],
)
def test_refusals_that_pass(hub: Hub, fault: str, error: type[ConnectorError], wait: float) -> None:
    hub.fault(fault, times=2)
    walk(hub.connector.list_all)
    assert len(hub.slept) == 2
    assert min(hub.slept) >= wait
    hub.fault(fault)
    assert type(read(hub)) is error
    assert len(hub.slept) == 2 + 4


def test_search_has_a_limit_of_its_own(hub: Hub) -> None:
    hub.fault("rate_limit", "search")
    with pytest.raises(RateLimited) as error:
        hub.connector.list_changes(None)
    assert error.value.retry_after == 1.0


def test_a_day_that_is_used_up_is_not_tried_again(hub: Hub) -> None:
    hub.settings(daily_limit=0)
    assert type(read(hub)) is QuotaExhausted
    assert len(hub.between.seen) == 1
    receipt = written(hub)
    assert isinstance(receipt, Failed)
    assert type(receipt.error) is QuotaExhausted
    assert hub.slept == []


def test_an_account_on_the_move_is_left_alone_for_as_long_as_it_asks(hub: Hub) -> None:
    hub.settings(migrating=3600)
    error = read(hub)
    assert type(error) is Unavailable
    assert "3600 s" in str(error)
    assert len(hub.between.seen) == 1
    receipt = written(hub)
    assert isinstance(receipt, Failed)
    assert type(receipt.error) is Unavailable
    hub.settings(migrating=7)
    for _ in range(2):
        assert type(read(hub)) is Unavailable
    assert all(7 <= each <= 10 for each in hub.slept)
    assert len(hub.slept) == 8


@pytest.mark.parametrize(("fault", "known"), [("lock", True), ("rate_limit", True), ("server_error", False)])
def test_a_write_is_repeated_only_if_nothing_was_written(hub: Hub, fault: str, known: bool) -> None:
    hub.fault(fault, "batch_create")
    receipt = written(hub)
    assert isinstance(receipt, Failed if known else Unknown)
    assert len(hub.asked("/batch/create")) == (5 if known else 1)
    assert hub.records() == 0


def test_no_answer_in_time(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "TIMEOUT", (0.2, 0.2))
    hub.fault("timeout_before", times=1, seconds=20)
    receipt = written(hub)
    assert isinstance(receipt, Unknown)
    assert "ReadTimeoutError" in str(receipt.error)
    hub.fault("timeout_after", times=1, seconds=0)
    walk(hub.connector.list_all)
    assert hub.connector.calls()["list"] == 2
    hub.fault("timeout_before", seconds=0)
    error = read(hub)
    assert isinstance(error, Unavailable)
    assert not error.outcome_unknown


def test_nobody_at_the_address(hub: Hub) -> None:
    hub.server.stop()
    error = read(hub)
    assert type(error) is Unavailable
    receipt = written(hub)
    assert isinstance(receipt, Failed)
    assert not getattr(receipt.error, "outcome_unknown", True)
    assert hub.connector.calls() == {"batch_create": 5, "list": 5}


def test_an_expired_token(hub: Hub) -> None:
    hub.settings(token_expired=True)
    assert type(read(hub)) is AuthFailed
    receipt = written(hub)
    assert isinstance(receipt, Failed)
    assert type(receipt.error) is AuthFailed
    assert len(hub.between.seen) == 2


def test_missing_scopes_are_named(hub: Hub) -> None:
    hub.settings(missing_scopes=["crm.objects.companies.write", "crm.schemas.companies.read"])
    walk(hub.connector.list_all)
    with pytest.raises(Misconfigured, match=r"crm\.schemas\.companies\.read"):
        hub.connector.describe()
    receipt = written(hub)
    assert isinstance(receipt, Failed)
    assert isinstance(receipt.error, Misconfigured)
    assert "crm.objects.companies.write" in receipt.error.reason


def test_a_record_that_cannot_be_read_does_not_stop_the_others(hub: Hub) -> None:
    bad, good = hub.create(customer(1)), hub.create(customer(2))

    def spoilt(_: str, reply: Reply) -> Reply:
        body = reply.json
        for each in body["results"]:
            if each.get("id") == bad:
                each["properties"] = ["not", "an", "object"]
        return reply.with_json(body)

    hub.between.outward = spoilt
    seen = {each.ref: each for each in walk(hub.connector.list_all)[0]}
    assert hub.connector.decode(seen[good])["customer_name"] == "Customer 2"
    with pytest.raises(ConnectorError):
        hub.connector.decode(seen[bad])
    assert live(hub, good).ref == good
