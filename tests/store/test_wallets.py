"""A wallet is a ledger: the balance is the sum of its entries, and never less than it may be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from sync import wallets
from sync.billing import parse
from sync.core import money
from sync.errors import BadInput, NotFoundError, Taken, VersionMoved
from sync.store.billtables import wallet_entries
from sync.store.connections import organisation
from sync.store.query import rows as all_rows
from sync.store.worktables import audit
from tests.store.ledgers import TINY, add, adds_up, deduct, entry, ledger, now_of, opened
from tests.world import World


def test_money_comes_back_as_it_went_in(world: World) -> None:
    wallet = opened(world)
    largest = "9" * 18 + "." + "9" * 9
    assert add(world, wallet, largest)["balance"] == Decimal(largest)
    deduct(world, wallet, "9" * 18)
    assert adds_up(world, wallet) == Decimal("0." + "9" * 9)
    deduct(world, wallet, "0.999999998")
    assert money.plain(adds_up(world, wallet)) == TINY
    deduct(world, wallet, TINY)
    assert adds_up(world, wallet) == 0


def test_a_tenth_three_times_is_three_tenths(world: World) -> None:
    wallet = opened(world)
    for _ in range(3):
        add(world, wallet, "0.1")
    deduct(world, wallet, "0.3")
    assert adds_up(world, wallet) == 0


def test_an_entry_tells_who_why_and_what_was_left(world: World) -> None:
    wallet = opened(world)
    wallets.add(world.database, world.organisation_id, wallet["id"], entry(5, " top-up "), actor="anna")
    wallets.deduct(world.database, world.organisation_id, wallet["id"], entry("1.50", "invoice"), actor="ben")
    first, second = ledger(world.database, wallet)
    assert (first["actor"], first["reason"], first["amount"], first["balance"]) == ("anna", "top-up", 5, 5)
    assert (second["actor"], second["reason"]) == ("ben", "invoice")
    assert (second["amount"], second["balance"]) == (Decimal("-1.5"), Decimal("3.5"))
    assert now_of(world, wallet)["version"] == 3
    with world.database.reading() as tx:
        noted = all_rows(tx, select(audit).where(audit.c.subject == wallet["id"]).order_by(audit.c.id))
    assert [(each["actor"], each["action"]) for each in noted] == [
        ("anna", "wallet.created"),
        ("anna", "wallet.added"),
        ("ben", "wallet.deducted"),
    ]
    assert noted[2]["details"] == {"entry": second["id"], "amount": "-1.5", "balance": "3.5"}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"amount": "1", "reason": ""}, "reason"),
        ({"amount": "1", "reason": "  "}, "reason"),
        ({"amount": "1"}, "reason"),
        ({"amount": "1", "reason": "a\0"}, "reason"),
        ({"amount": "1", "reason": "x" * 501}, "reason"),
        ({"amount": 0.1, "reason": "r"}, "amount"),
        ({"amount": "0", "reason": "r"}, "amount"),
        ({"reason": "r"}, "amount"),
        ({"amount": "1", "reason": "r", "balance": "9"}, "balance"),
    ],
)
def test_an_entry_needs_an_exact_amount_and_a_reason(data: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(wallets.EntryInput, data, "entry")
    assert list(caught.value.fields) == [field]


def test_a_wallet_never_goes_below_zero_unless_it_may(world: World) -> None:
    strict, loose = opened(world), opened(world, may_be_negative=True)
    add(world, strict, "5")
    with pytest.raises(BadInput, match="more than the balance of 5") as caught:
        deduct(world, strict, "5.000000001")
    assert list(caught.value.fields) == ["amount"]
    assert adds_up(world, strict) == 5, "nothing of what was refused is left"
    deduct(world, loose, "5")
    assert adds_up(world, loose) == -5


def test_a_balance_that_is_too_long_to_be_kept_is_refused(world: World) -> None:
    wallet = opened(world)
    add(world, wallet, "9" * 18)
    with pytest.raises(BadInput, match="more than 18 digits before the point"):
        add(world, wallet, "1")
    assert adds_up(world, wallet) == int("9" * 18)


def test_what_may_be_negative_changes_only_while_it_is_not(world: World) -> None:
    wallet = opened(world)
    args = (world.database, world.organisation_id, wallet["id"])
    loose, strict = wallets.WalletChange(may_be_negative=True), wallets.WalletChange(may_be_negative=False)
    assert wallets.change(*args, loose, actor="anna", version=1)["version"] == 2
    assert wallets.change(*args, loose, actor="anna", version=2)["version"] == 2, "nothing has changed"
    deduct(world, wallet, "5")
    with pytest.raises(BadInput, match="the balance is -5; add what is missing first"):
        wallets.change(*args, strict, actor="anna")
    add(world, wallet, "2")
    add(world, wallet, "3")
    assert wallets.change(*args, strict, actor="anna")["may_be_negative"] is False
    with pytest.raises(BadInput):
        deduct(world, wallet, "1")


def test_who_names_an_old_version_writes_nothing(world: World) -> None:
    wallet = opened(world)
    add(world, wallet, "5", version=1)
    with pytest.raises(VersionMoved):
        deduct(world, wallet, "1", version=1)
    assert adds_up(world, wallet) == 5
    deduct(world, wallet, "1", version=2)


def test_a_customer_has_one_wallet_per_currency(world: World) -> None:
    first = opened(world)
    opened(world, customer_id=first["customer_id"], currency="usd")
    with pytest.raises(Taken, match=first["id"]):
        opened(world, customer_id=first["customer_id"], currency="eur")
    opened(world)


@pytest.mark.parametrize("currency", ["", "EURO", "XXX", "ZZZ"])
def test_a_wallet_is_in_a_currency_that_there_is(world: World, currency: str) -> None:
    with pytest.raises(BadInput) as caught:
        opened(world, currency=currency)
    assert list(caught.value.fields) == ["currency"]


def test_a_wallet_needs_a_living_customer_of_the_organisation(world: World) -> None:
    gone = world.add()
    world.delete(gone)
    with world.database.transaction() as tx:
        other = organisation(tx, "other")
    body = wallets.WalletInput(customer_id=world.add(), currency="EUR")
    with pytest.raises(BadInput, match="there is no such customer"):
        wallets.create(world.database, other, body, actor="anna")
    for customer_id in (gone, "0" * 32):
        with pytest.raises(BadInput, match="there is no such customer"):
            opened(world, customer_id=customer_id)


def test_a_deleted_customers_wallet_can_be_read_and_nothing_moves(world: World) -> None:
    wallet = opened(world)
    add(world, wallet, "5")
    world.delete(wallet["customer_id"])
    for move in (add, deduct):
        with pytest.raises(BadInput, match="it can only be read"):
            move(world, wallet, "1")
    assert adds_up(world, wallet) == 5


def test_another_organisation_finds_no_wallet(world: World) -> None:
    wallet = opened(world)
    with world.database.transaction() as tx:
        other = organisation(tx, "other")
    with pytest.raises(NotFoundError):
        wallets.add(world.database, other, wallet["id"], entry(1), actor="eve")
    with world.database.reading() as tx:
        with pytest.raises(NotFoundError):
            wallets.get(tx, other, wallet["id"])
        with pytest.raises(NotFoundError):
            wallets.entries(tx, other, wallet["id"], limit=10)
        assert wallets.page(tx, other, limit=10) == []
    assert adds_up(world, wallet) == 0


def test_pages_follow_one_another(world: World) -> None:
    wallet = opened(world)
    opened(world, customer_id=wallet["customer_id"], currency="USD")
    other = opened(world)
    for number in range(1, 6):
        add(world, wallet, number)
    with world.database.reading() as tx:
        organisation_id, customer_id = world.organisation_id, wallet["customer_id"]
        mine = wallets.page(tx, organisation_id, customer_id=customer_id, limit=10)
        assert {each["currency"] for each in mine} == {"EUR", "USD"}
        everyone = wallets.page(tx, organisation_id, limit=2)
        everyone += wallets.page(tx, organisation_id, after=everyone[-1]["id"], limit=2)
        assert {each["id"] for each in everyone} == {other["id"], *(each["id"] for each in mine)}
        first = wallets.entries(tx, organisation_id, wallet["id"], limit=3)
        rest = wallets.entries(tx, organisation_id, wallet["id"], after=first[-1]["id"], limit=3)
    assert [each["amount"] for each in (*first, *rest)] == [1, 2, 3, 4, 5]


def test_entries_are_never_changed_by_later_ones(world: World) -> None:
    wallet = opened(world)
    add(world, wallet, "1")
    before = ledger(world.database, wallet)
    deduct(world, wallet, "0.5")
    with world.database.reading() as tx:
        statement = select(wallet_entries).where(wallet_entries.c.wallet_id == wallet["id"])
        after = all_rows(tx, statement.order_by(wallet_entries.c.id))
    assert after[:1] == before
