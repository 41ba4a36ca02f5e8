"""Wallets over HTTP: exact money as text, a ledger that only grows, and never more taken than there is."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sync.apikeys import Scope
from tests.store.together import together
from tests.web.api.conftest import Api


def customer(api: Api, name: str = "Acme") -> str:
    return str(api.post("/customers", {"customer_name": name})["id"])


def opened(api: Api, **given: Any) -> dict[str, Any]:
    made: dict[str, Any] = api.post("/wallets", {"currency": "EUR", **given})
    return made


def enter(api: Api, wallet: dict[str, Any], deed: str, amount: Any, **headers: Any) -> Any:
    body = {"amount": amount, "reason": "a test"}
    return api.post(f"/wallets/{wallet['id']}/{deed}", body, **headers)


def balance(api: Api, wallet: dict[str, Any]) -> str:
    return str(api.get(f"/wallets/{wallet['id']}")["balance"])


def test_a_wallet_is_made_and_read_again(api: Api) -> None:
    owner = customer(api)
    answer = api.call("POST", "/wallets", {"customer_id": owner, "currency": "eur"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["Location"] == f"/wallets/{made['id']}"
    assert (made["customer_id"], made["currency"], made["balance"]) == (owner, "EUR", "0")
    assert (made["may_be_negative"], made["version"]) == (False, 1)
    assert api.get(f"/wallets/{made['id']}") == made
    assert "organisation_id" not in made


def test_a_second_wallet_in_a_currency_is_refused_and_names_the_first(api: Api) -> None:
    owner = customer(api)
    made = opened(api, customer_id=owner)
    found = api.refused("POST", "/wallets", {"customer_id": owner, "currency": "EUR"})
    assert found["status"] == 400
    assert made["id"].replace("-", "") in found["detail"]
    opened(api, customer_id=owner, currency="USD")
    currencies = [each["currency"] for each in api.get(f"/customers/{owner}/wallets")["data"]]
    assert currencies == ["EUR", "USD"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"currency": "EUR"}, "customer_id"),
        ({"customer_id": "nobody", "currency": "EUR"}, "customer_id"),
        ({"customer_id": "0" * 32, "currency": "EUR"}, "customer_id"),
        ({"customer_id": "0" * 32, "currency": "EURO"}, "currency"),
        ({"customer_id": "0" * 32, "currency": 978}, "currency"),
        ({"customer_id": "0" * 32, "currency": "EUR", "may_be_negative": "no"}, "may_be_negative"),
        ({"customer_id": "0" * 32, "currency": "EUR", "balance": "5"}, "balance"),
        ([], ""),
    ],
)
def test_what_a_wallet_cannot_be_made_of_is_named(api_postgresql: Api, body: Any, field: str) -> None:
    assert api_postgresql.wrong("/wallets", body).keys() == {field}


def test_money_goes_in_and_out_to_the_last_digit(api: Api) -> None:
    wallet = opened(api, customer_id=customer(api))
    largest = "9" * 18 + "." + "9" * 9
    entry = enter(api, wallet, "add", largest)
    assert (entry["amount"], entry["balance"], entry["actor"]) == (largest, largest, "api:test")
    entry = enter(api, wallet, "deduct", "999999999999999999")
    assert (entry["amount"], entry["balance"]) == ("-999999999999999999", "0.999999999")
    assert enter(api, wallet, "deduct", "0.999999998")["balance"] == "0.000000001", "no exponent"
    assert enter(api, wallet, "add", 7)["balance"] == "7.000000001"
    assert balance(api, wallet) == "7.000000001"
    ledger = api.get(f"/wallets/{wallet['id']}/entries")["data"]
    assert [each["amount"] for each in ledger] == [largest, "-999999999999999999", "-0.999999998", "7"]
    assert [each["balance"] for each in ledger][-1] == "7.000000001"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ('{"amount": 0.1, "reason": "r"}', 422),
        ('{"amount": 1e2, "reason": "r"}', 422),
        ('{"amount": 1234567890123456.789, "reason": "r"}', 422),
        ('{"amount": NaN, "reason": "r"}', 400),
        ('{"amount": 1e999999, "reason": "r"}', 400),
        ('{"amount": 1234567890123456789, "reason": "r"}', 400),
        ('{"amount": "NaN", "reason": "r"}', 422),
        ('{"amount": "1e3", "reason": "r"}', 422),
        ('{"amount": "0", "reason": "r"}', 422),
        ('{"amount": "-1", "reason": "r"}', 422),
        ('{"amount": "1.0000000001", "reason": "r"}', 422),
        ('{"amount": "1000000000000000000", "reason": "r"}', 422),
        ('{"amount": true, "reason": "r"}', 422),
        ('{"amount": null, "reason": "r"}', 422),
        ('{"amount": "1", "reason": " "}', 422),
        ('{"amount": "1"}', 422),
        ('{"amount": "1", "amount": "2", "reason": "r"}', 400),
        ('{"amount": "1", "reason": "\\u0000"}', 400),
    ],
)
def test_an_amount_that_is_not_exact_or_has_no_reason_moves_nothing(
    api_postgresql: Api, raw: str, status: int
) -> None:
    api = api_postgresql
    wallet = opened(api, customer_id=customer(api))
    for deed in ("add", "deduct"):
        answer = api.http.post(
            f"{api.served.url}/wallets/{wallet['id']}/{deed}",
            data=raw,
            headers={"x-api-key": api.key, "Content-Type": "application/json"},
            timeout=20,
        )
        assert answer.status_code == status, answer.text
    assert api.get(f"/wallets/{wallet['id']}/entries")["data"] == []


def test_more_than_the_balance_is_refused_unless_it_may_be_below_zero(api: Api) -> None:
    wallet = opened(api, customer_id=customer(api))
    path = f"/wallets/{wallet['id']}"
    enter(api, wallet, "add", "5")
    assert api.wrong(f"{path}/deduct", {"amount": "5.01", "reason": "r"}) == {
        "amount": "is more than the balance of 5"
    }
    change = api.call("PATCH", path, {"may_be_negative": True}, headers={"If-Match": '"2"'})
    assert (change.status_code, change.headers["ETag"]) == (200, '"3"')
    assert enter(api, wallet, "deduct", "5.01")["balance"] == "-0.01"
    assert api.wrong(path, {"may_be_negative": False}, method="PATCH").keys() == {"may_be_negative"}
    enter(api, wallet, "add", "0.01")
    assert api.call("PATCH", path, {"may_be_negative": False}).json()["may_be_negative"] is False


def test_who_read_an_old_balance_moves_nothing(api: Api) -> None:
    wallet = opened(api, customer_id=customer(api))
    path = f"/wallets/{wallet['id']}"
    enter(api, wallet, "add", "5", If_Match='"1"')
    for method, deed, body in (
        ("POST", "/add", {"amount": "1", "reason": "r"}),
        ("POST", "/deduct", {"amount": "1", "reason": "r"}),
        ("PATCH", "", {"may_be_negative": True}),
    ):
        assert api.call(method, path + deed, body, headers={"If-Match": '"1"'}).status_code == 412
    assert balance(api, wallet) == "5"


def test_a_repeated_call_moves_money_once(api: Api) -> None:
    wallet = opened(api, customer_id=customer(api))
    first = enter(api, wallet, "add", "5", Idempotency_Key="k1")
    assert enter(api, wallet, "add", "5", Idempotency_Key="k1") == first
    assert balance(api, wallet) == "5"
    body = {"amount": "6", "reason": "a test"}
    answer = api.call("POST", f"/wallets/{wallet['id']}/add", body, headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 422
    assert balance(api, wallet) == "5"


def test_fifty_programs_that_deduct_at_once_never_overdraw(api: Api) -> None:
    wallet = opened(api, customer_id=customer(api))
    enter(api, wallet, "add", "20.2")

    def work(number: int) -> int:
        answer = requests.post(
            f"{api.served.url}/wallets/{wallet['id']}/deduct",
            json={"amount": "1.01", "reason": f"call {number}"},
            headers={"x-api-key": api.key, "Idempotency-Key": f"call-{number}"},
            timeout=60,
        )
        return answer.status_code

    codes = together(50, work)
    assert sorted(set(codes)) == [201, 422]
    assert codes.count(201) == 20
    assert balance(api, wallet) == "0"
    ledger = api.get(f"/wallets/{wallet['id']}/entries", limit=200)["data"]
    assert [each["amount"] for each in ledger] == ["20.2"] + ["-1.01"] * 20


def test_a_ledger_is_read_in_pages_that_neither_skip_nor_repeat(api: Api) -> None:
    wallet = opened(api, customer_id=customer(api))
    path = f"/wallets/{wallet['id']}/entries"
    for number in range(1, 6):
        enter(api, wallet, "add", number)
    first = api.get(path, limit=2)
    enter(api, wallet, "add", 6)
    rest = api.get(path, limit=200, cursor=first["next_cursor"])
    assert [each["amount"] for each in first["data"] + rest["data"]] == ["1", "2", "3", "4", "5", "6"]
    assert rest["next_cursor"] is None
    for bad in ("x", "é", "AAAA", "!" * 22, first["next_cursor"] + "AA"):
        assert api.refused("GET", path, cursor=bad)["status"] == 422, bad
    assert api.refused("GET", path, limit=0)["status"] == 422


def test_wallets_are_listed_in_pages_and_by_customer(api: Api) -> None:
    owners = [customer(api, f"C{number}") for number in range(3)]
    made = [opened(api, customer_id=owner)["id"] for owner in owners]
    first = api.get("/wallets", limit=2)
    rest = api.get("/wallets", limit=2, cursor=first["next_cursor"])
    assert sorted(each["id"] for each in first["data"] + rest["data"]) == sorted(made)
    (mine,) = api.get("/wallets", customer_id=owners[1])["data"]
    assert mine["id"] == made[1]
    assert api.refused("GET", "/wallets", customer_id="x")["status"] == 422
    assert api.refused("GET", f"/customers/{'0' * 32}/wallets")["status"] == 404


def test_the_ledger_of_a_deleted_customer_stays_readable_and_closed(api: Api) -> None:
    owner = customer(api)
    wallet = opened(api, customer_id=owner)
    enter(api, wallet, "add", "5")
    assert api.call("DELETE", f"/customers/{owner}").status_code == 204
    assert balance(api, wallet) == "5"
    assert len(api.get(f"/wallets/{wallet['id']}/entries")["data"]) == 1
    assert "it can only be read" in str(
        api.wrong(f"/wallets/{wallet['id']}/deduct", {"amount": "5", "reason": "r"})
    )


def test_a_foreign_wallet_is_not_there(api: Api) -> None:
    wallet = opened(api, customer_id=customer(api))
    theirs = api.with_key(Scope.ADMIN, "theirs")
    path, body = f"/wallets/{wallet['id']}", {"amount": "1", "reason": "r"}
    for method, each, sent in (
        ("GET", path, None),
        ("GET", f"{path}/entries", None),
        ("PATCH", path, {"may_be_negative": True}),
        ("POST", f"{path}/add", body),
        ("POST", f"{path}/deduct", body),
        ("GET", f"/customers/{wallet['customer_id']}/wallets", None),
    ):
        assert theirs.refused(method, each, sent)["status"] == 404, each
    assert theirs.get("/wallets")["data"] == []
    given = {"customer_id": wallet["customer_id"], "currency": "USD"}
    assert theirs.wrong("/wallets", given) == {"customer_id": "there is no such customer"}
    assert balance(api, wallet) == "0"


def test_a_key_that_may_only_read_moves_nothing(api: Api) -> None:
    wallet = opened(api, customer_id=customer(api))
    reader = api.with_key(Scope.READ)
    assert (
        reader.refused("POST", f"/wallets/{wallet['id']}/add", {"amount": "1", "reason": "r"})["status"]
        == 403
    )
    assert balance(reader, wallet) == "0"
