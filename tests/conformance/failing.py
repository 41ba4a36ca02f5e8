"""What the port promises when something goes wrong, held against every connector.

Subclass `FailingContract` in a test module with a fixture `crm` that gives a `Playground`; see
`test_memory.py`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import orjson
import pytest

from connectors.errors import AuthFailed, ConnectorError, InvalidRecord, QuotaExhausted, Retryable
from connectors.port import Create, Failed, Landed, Receipt, Unknown, Write
from tests.conformance.playground import Playground, customer, fields, live, texts_of, update, walk

SENTINEL = "Sentinel-7f3a"
"""Stands in values that no error may repeat."""


def error_of(receipt: Receipt) -> ConnectorError:
    """The error in a receipt of a write that did not land."""
    assert isinstance(receipt, Failed | Unknown)
    return receipt.error


class FailingContract:
    """One test per promise."""

    def test_a_lost_answer_leaves_an_update_unknown(self, crm: Playground) -> None:
        ref = crm.create(customer(1), "K1")
        wanted = update(crm, ref, {"customer_name": "Ours"})
        crm.break_once("lost_answer")
        (receipt,) = crm.connector.write([wanted])
        assert isinstance(receipt, Unknown)
        assert isinstance(receipt.error, Retryable)
        assert receipt.error.outcome_unknown
        assert fields(crm, ref)["customer_name"] == "Ours", "the next read tells"

    def test_a_lost_answer_makes_no_second_record(self, crm: Playground) -> None:
        wanted = Create(external_id="K1", fields=customer(1))
        crm.break_once("lost_answer")
        (receipt,) = crm.connector.write([wanted])
        assert isinstance(receipt, Unknown)
        assert [each.external_id for each in crm.connector.find_by_external_id(["K1"])] == ["K1"]
        assert crm.records() == 1

    def test_in_an_outage_nothing_is_written_and_all_can_be_tried_again(self, crm: Playground) -> None:
        ref = crm.create(customer(1), "K1")
        cursor = crm.connector.list_changes(None).cursor
        batch: list[Write] = [
            update(crm, ref, {"customer_name": "Ours"}),
            Create(external_id="K2", fields=customer(2)),
        ]
        crm.shut(shut=True)
        for call in (
            crm.connector.list_all,
            lambda: crm.connector.list_changes(cursor),
            lambda: crm.connector.get_many([ref]),
            lambda: crm.connector.find_by_external_id(["K1"]),
        ):
            with pytest.raises(Retryable):
                call()
        with suppress(Retryable):
            assert all(isinstance(error_of(each), Retryable) for each in crm.connector.write(batch))
        crm.shut(shut=False)
        assert crm.records() == 1
        assert fields(crm, ref)["customer_name"] == "Customer 1"
        assert all(isinstance(each, Landed) for each in crm.connector.write(batch))

    def test_one_call_too_many_is_waited_for_or_told_as_the_days_last(self, crm: Playground) -> None:
        ref = crm.create(customer(1), "K1")
        wanted = update(crm, ref, {"customer_name": "Ours"})
        crm.break_once("rate_limited")
        (receipt,) = crm.connector.write([wanted])
        if not isinstance(receipt, Landed):
            assert isinstance(receipt, Failed)
            assert isinstance(receipt.error, QuotaExhausted)
        assert (fields(crm, ref)["customer_name"] == "Ours") is isinstance(receipt, Landed)

    def test_wrong_credentials_are_named_as_such(self, crm: Playground) -> None:
        stranger = crm.stranger()
        try:
            for call in (stranger.describe, stranger.list_all, lambda: stranger.list_changes(None)):
                with pytest.raises(AuthFailed):
                    call()
            with suppress(AuthFailed):
                (receipt,) = stranger.write([Create(external_id="K1", fields=customer(1))])
                assert isinstance(error_of(receipt), AuthFailed)
        finally:
            stranger.close()
        assert crm.records() == 0

    def test_no_error_shows_a_secret_or_a_value(self, crm: Playground) -> None:
        path, value = crm.refused
        ref = crm.create(customer(1, customer_name=SENTINEL), "K1")
        name = {"customer_name": SENTINEL}
        errors = [
            error_of(crm.connector.write([update(crm, ref, {**name, path: value})])[0]),
            error_of(crm.connector.write([Create(external_id="K1", fields=name)])[0]),
        ]
        stale = update(crm, ref, {"customer_name": f"{SENTINEL}-2"})
        crm.break_once("lost_answer")
        errors.append(error_of(crm.connector.write([stale])[0]))
        crm.shut(shut=True)
        with pytest.raises(Retryable) as outage:
            crm.connector.get_many([ref])
        errors.append(outage.value)
        crm.shut(shut=False)
        for secret in (SENTINEL, value, *crm.secrets):
            assert all(secret not in texts_of(error) for error in errors)
            assert secret not in repr(crm.connector)

    def test_a_refusal_of_credentials_does_not_show_them(self, crm: Playground) -> None:
        stranger = crm.stranger()
        with pytest.raises(AuthFailed) as refused:
            stranger.list_all()
        stranger.close()
        assert "forged" not in texts_of(refused.value)

    def test_garbage_is_an_invalid_record_and_nothing_else(self, crm: Playground) -> None:
        good = live(crm, crm.create(customer(1, customer_name=SENTINEL), "K1"))
        payload = orjson.loads(good.payload)
        odd: list[object] = [[], {"a": 1}, 7, 1e308, True, None, SENTINEL * 10_000]
        garbage = [b"", b"null", b"[]", b"7", b'"text"', b"{}", b"\xff\xfe", b"{" * 50, good.payload[:-3]]
        garbage += [orjson.dumps(_replaced(payload, each)) for each in odd]
        refused = []
        for each in garbage:
            try:
                assert crm.connector.decode(replace(good, payload=each)).keys() >= customer(1).keys()
            except InvalidRecord as error:
                refused.append(error)
        assert len(refused) >= 9
        assert all(SENTINEL not in texts_of(error) for error in refused)

    def test_it_can_be_closed_twice(self, crm: Playground) -> None:
        walk(crm.connector.list_all)
        crm.connector.close()
        crm.connector.close()


def _replaced(value: object, odd: object) -> object:
    """A payload with every value, at whatever depth, replaced."""
    if isinstance(value, dict):
        return {name: _replaced(each, odd) for name, each in value.items()}
    return odd
