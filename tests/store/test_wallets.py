"""A wallet is a ledger: the balance is the sum of its entries, always, whoever writes at the same moment."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from sync import wallets
from sync.billing import parse
from sync.core import money
from sync.errors import BadInput, NotFoundError, Taken, VersionMoved
from sync.store import wallets as store
from sync.store.billtables import wallet_entries
from sync.store.connections import organisation
from sync.store.query import Row
from sync.store.query import rows as all_rows
from sync.store.session import Database
from sync.store.worktables import audit
from tests.store.together import together
from tests.world import World

TINY = "0.000000001"


def entry(amount: object, reason: str = "a test") -> wallets.EntryInput:
    return parse(wallets.EntryInput, {"amount": amount, "reason": reason}, "entry")


def opened(world: World, **given: Any) -> Row:
    """A wallet, of a new customer unless one is named."""
    data = {"currency": "EUR", **given}
    data.setdefault("customer_id", world.add())
    body = parse(wallets.WalletInput, data, "wallet")
    return wallets.create(world.database, world.organisation_id, body, actor="anna")


def add(world: World, wallet: Row, amount: object, **more: Any) -> Row:
    return wallets.add(
        world.database, world.organisation_id, wallet["id"], entry(amount), actor="anna", **more
    )


def deduct(world: World, wallet: Row, amount: object, **more: Any) -> Row:
    given = entry(amount)
    return wallets.deduct(world.database, world.organisation_id, wallet["id"], given, actor="anna", **more)


def now_of(world: World, wallet: Row) -> Row:
    with world.database.reading() as tx:
        return wallets.get(tx, world.organisation_id, wallet["id"])


def ledger(database: Database, wallet: Row) -> list[Row]:
    with database.reading() as tx:
        return store.entries(tx, wallet["id"], limit=10_000)


def adds_up(world: World, wallet: Row) -> Decimal:
    """The balance, which must be that of every way to reckon it."""
    balance = Decimal(0)
    for each in ledger(world.database, wallet):
        balance += each["amount"]
        assert each["balance"] == balance
    found: Decimal = now_of(world, wallet)["balance"]
    assert found == balance
    return balance


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


def test_a_ledger_keeps_its_order_though_a_clock_goes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = opened(world)
    late = "0199ffffffff7000bfffffffffffffff"
    monkeypatch.setattr(store, "new_id", lambda: late)
    add(world, wallet, "1")
    monkeypatch.setattr(store, "new_id", lambda: "0100" + late[4:])
    add(world, wallet, "2")
    monkeypatch.undo()
    add(world, wallet, "3")
    assert [each["amount"] for each in ledger(world.database, wallet)][:2] == [1, 2]
    adds_up(world, wallet)


def test_fifty_deductions_at_once_never_overdraw(world: World) -> None:
    wallet = opened(world)
    add(world, wallet, "20.2")
    url = world.database.url.render_as_string(hide_password=False)

    def work(number: int) -> bool:
        own = Database(url)
        try:
            given = entry("1.01", f"deduction {number}")
            wallets.deduct(own, world.organisation_id, wallet["id"], given, actor="anna")
        except BadInput as refusal:
            assert "more than the balance" in str(refusal.fields["amount"])
            return False
        finally:
            own.close()
        return True

    assert sum(together(50, work)) == 20
    assert adds_up(world, wallet) == 0
    assert len(ledger(world.database, wallet)) == 21
    assert now_of(world, wallet)["version"] == 22


def test_of_two_wallets_made_at_once_one_is_there(world: World) -> None:
    customer_id = world.add()

    def work(_: int) -> str:
        try:
            return str(opened(world, customer_id=customer_id)["id"])
        except Taken:
            return ""

    made = [each for each in together(8, work) if each]
    with world.database.reading() as tx:
        found = wallets.page(tx, world.organisation_id, customer_id=customer_id, limit=10)
    assert [each["id"] for each in found] == made


_moves = st.lists(st.tuples(st.booleans(), st.decimals(Decimal(TINY), 30, places=9)), max_size=12)


@settings(max_examples=15)
@given(moves=_moves)
def test_the_sum_of_the_entries_is_the_balance(
    world_of_moves: World, moves: list[tuple[bool, Decimal]]
) -> None:
    world, wallet = world_of_moves, opened(world_of_moves)
    expected = Decimal(0)
    for adds, amount in moves:
        if adds:
            add(world, wallet, f"{amount:f}")
            expected += amount
        elif amount <= expected:
            deduct(world, wallet, f"{amount:f}")
            expected -= amount
        else:
            with pytest.raises(BadInput):
                deduct(world, wallet, f"{amount:f}")
    assert adds_up(world, wallet) == expected


@pytest.fixture(scope="module")
def world_of_moves(sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One world for all examples: each takes a customer of its own."""
    path = tmp_path_factory.mktemp("moves") / "concord.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    yield World(database)
    database.close()


def test_entries_are_never_changed_by_later_ones(world: World) -> None:
    wallet = opened(world)
    add(world, wallet, "1")
    before = ledger(world.database, wallet)
    deduct(world, wallet, "0.5")
    with world.database.reading() as tx:
        statement = select(wallet_entries).where(wallet_entries.c.wallet_id == wallet["id"])
        after = all_rows(tx, statement.order_by(wallet_entries.c.id))
    assert after[:1] == before
