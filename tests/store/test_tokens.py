"""One token for all workers of a connection: fetched once, kept sealed, forgotten with its credentials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import select, update

from connectors.access import Grant, Token
from connectors.errors import AuthFailed, Unavailable
from sync import connect
from sync.clock import utc_now
from sync.errors import ConfigurationError
from sync.store import connections as connections_store
from sync.store.query import Row, first
from sync.store.schema import connections
from sync.store.seal import TOKEN, Seal
from sync.store.session import Database
from sync.store.types import later
from sync.store.worktables import tokens
from sync.tokens import StoredTokens
from tests.store.together import together
from tests.world import World

SEAL = Seal(["k" * 32])


@dataclass
class Login:
    """A CRM's login that counts, and gives tokens of some lifetime."""

    seconds: float | None = None
    wait: float = 0.0
    rotated: Mapping[str, str] = field(default_factory=dict)
    seen: list[Mapping[str, str]] = field(default_factory=list)
    during: Callable[[], None] = lambda: None

    def __call__(self, credentials: Mapping[str, str]) -> Grant:
        self.seen.append(dict(credentials))
        mine = len(self.seen)
        Event().wait(self.wait)
        self.during()
        end = None if self.seconds is None else utc_now() + timedelta(seconds=self.seconds)
        return Grant(Token(f"token-{mine}", "https://crm.example", end), self.rotated)


@pytest.fixture
def crm(world: World) -> World:
    """A connection with sealed credentials."""
    ids = {"organisation_id": world.organisation_id, "connection_id": world.ids["crm"]}
    with world.database.transaction() as tx:
        sealed = SEAL.close({"refresh_token": "r1"}, **ids)
        connections_store.set_columns(tx, world.ids["crm"], credentials=sealed)
    return world


def set_credentials(world: World, credentials: Mapping[str, str]) -> None:
    connect.change(world.database, SEAL, world.connection(), actor="test", credentials=lambda _: credentials)


def credentials(world: World) -> dict[str, str]:
    connection = world.connection()
    return SEAL.open(
        connection.row["credentials"],
        organisation_id=connection.organisation_id,
        connection_id=connection.id,
    )


def shared(world: World, seal: Seal = SEAL) -> StoredTokens:
    return StoredTokens(world.database, seal, world.connection())


def row(world: World) -> Row:
    with world.database.reading() as tx:
        found = first(tx, select(tokens))
    assert found
    return found


def test_one_of_many_workers_fetches_and_all_get_its_token(crm: World) -> None:
    login = Login(wait=0.05)
    workers = [shared(crm) for _ in range(12)]
    found = together(12, lambda number: workers[number].renew(None, login).value)
    assert set(found) == {"token-1"}
    again = together(12, lambda number: workers[number].renew(Token("token-1"), login).value)
    assert set(again) == {"token-2"}
    assert len(login.seen) == 2


def test_the_token_is_kept_sealed_and_known_to_the_next_worker(crm: World) -> None:
    assert shared(crm).current() is None
    token = shared(crm).renew(None, Login())
    assert shared(crm).current() == token
    assert "token-1" not in row(crm)["sealed"]


def test_a_token_that_others_renewed_meanwhile_is_taken(crm: World) -> None:
    login = Login()
    slow, quick = shared(crm), shared(crm)
    stale = slow.renew(None, login)
    fresh = quick.renew(stale, login)
    assert slow.current() == stale, "it is not read again for every call"
    assert slow.renew(stale, login) == fresh
    assert len(login.seen) == 2


@pytest.mark.parametrize(("seconds", "good"), [(1_800, True), (61, True), (20, True), (0, False)])
def test_a_token_counts_as_ended_before_it_ends(crm: World, seconds: float, good: bool) -> None:
    shared(crm).renew(None, Login(seconds=seconds))
    assert (shared(crm).current() is not None) is good
    end = row(crm)["expires_at"]
    left = (end - utc_now()).total_seconds()
    assert left == pytest.approx(max(seconds - 60, seconds / 2), abs=5)


def test_a_worker_notices_that_its_token_has_ended(crm: World) -> None:
    passed = [0.0]
    mine = StoredTokens(crm.database, SEAL, crm.connection(), passed=lambda: passed[0])
    mine.renew(None, Login(seconds=1_800))
    assert mine.current() is not None
    with crm.database.transaction() as tx:
        tx.execute(update(tokens).values(expires_at=later(-1)))
    assert mine.current() is not None
    passed[0] = 1_741
    assert mine.current() is None


def test_a_worker_that_died_is_replaced_when_its_time_is_over(crm: World) -> None:
    with crm.database.transaction() as tx:
        tx.execute(tokens.insert().values(connection_id=crm.ids["crm"], number=0, renewing_until=later(0.3)))
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        Event().wait(seconds)

    waiting = StoredTokens(crm.database, SEAL, crm.connection(), sleep=sleep)
    assert waiting.renew(None, Login()).value == "token-1"
    assert 2 < len(looks) < 20
    assert all(0.05 <= each <= 0.1 for each in looks)


def test_no_transaction_is_open_while_the_crm_is_asked(crm: World) -> None:
    def look() -> None:
        other = Database(crm.database.url.render_as_string(hide_password=False))
        with closing(other), other.transaction() as tx:
            tx.execute(update(tokens).values(expires_at=later(5)))
            connections_store.set_columns(tx, crm.ids["crm"], state_reason="written meanwhile")

    shared(crm).renew(None, Login(during=look))
    assert crm.connection().row["state_reason"] == "written meanwhile"


def test_a_login_that_fails_lets_the_next_try(crm: World) -> None:
    def down(_credentials: Mapping[str, str]) -> Grant:
        raise Unavailable("The CRM is down.")

    with pytest.raises(Unavailable):
        shared(crm).renew(None, down)
    assert row(crm)["renewing_until"] is None
    assert shared(crm).renew(None, Login()).value == "token-1"


def test_a_rotated_refresh_token_is_stored_before_the_token_is_used(crm: World) -> None:
    shared(crm).renew(None, Login(rotated={"refresh_token": "r2"}))
    assert credentials(crm) == {"refresh_token": "r2"}
    login = Login()
    shared(crm).renew(Token("token-1"), login)
    assert login.seen == [{"refresh_token": "r2"}]


def test_new_credentials_forget_the_token(crm: World) -> None:
    shared(crm).renew(None, Login())
    set_credentials(crm, {"refresh_token": "other"})
    assert row(crm)["sealed"] is None
    assert shared(crm).current() is None


def test_a_new_address_forgets_the_token_and_gets_no_secret_from_who_knows_the_old_one(crm: World) -> None:
    old = shared(crm)
    old.renew(None, Login())
    connect.change(crm.database, SEAL, crm.connection(), actor="test", url="https://new.example")
    assert shared(crm).current() is None
    login = Login()
    with pytest.raises(Unavailable, match="URL was changed"):
        old.renew(Token("token-1"), login)
    assert login.seen == []


def test_a_token_fetched_with_old_credentials_is_not_kept(crm: World) -> None:
    login = Login()
    login.during = lambda: set_credentials(crm, {"refresh_token": "new"}) if len(login.seen) == 1 else None
    token = shared(crm).renew(None, login)
    assert login.seen == [{"refresh_token": "r1"}, {"refresh_token": "new"}]
    assert token.value == "token-2"
    assert shared(crm).current() == token


def test_refused_credentials_are_final_only_while_they_are_the_stored_ones(crm: World) -> None:
    refused = []

    def login(given: Mapping[str, str]) -> Grant:
        if given["refresh_token"] == "r1":
            refused.append(given)
            if len(refused) == 1:
                raise AuthFailed("invalid_grant")
            set_credentials(crm, {"refresh_token": "r2"})
            raise AuthFailed("invalid_grant")
        return Grant(Token("good"))

    with pytest.raises(AuthFailed):
        shared(crm).renew(None, login)
    assert shared(crm).renew(None, login).value == "good"
    assert len(refused) == 2


def test_a_rotated_refresh_token_that_came_late_is_not_lost(crm: World) -> None:
    def overtaken() -> None:
        with crm.database.transaction() as tx:
            tx.execute(update(tokens).values(number=tokens.c.number + 1, renewing_until=None))

    login = Login(rotated={"refresh_token": "r2"})
    login.during = lambda: overtaken() if len(login.seen) == 1 else None
    shared(crm).renew(None, login)
    assert [each["refresh_token"] for each in login.seen] == ["r1", "r2"]


def test_a_token_copied_from_another_connection_is_refused(crm: World) -> None:
    crm.connect("other")
    shared(crm).renew(None, Login())
    with crm.database.transaction() as tx:
        copy = {"connection_id": crm.ids["other"], "number": 1, "sealed": row(crm)["sealed"]}
        tx.execute(tokens.insert().values(copy))
    other = StoredTokens(crm.database, SEAL, crm.connection("other"))
    with pytest.raises(ConfigurationError, match="another connection"):
        other.current()


def test_a_token_does_not_pass_for_credentials_nor_they_for_a_token(crm: World) -> None:
    shared(crm).renew(None, Login())
    with crm.database.transaction() as tx:
        mine = first(tx, select(connections.c.credentials).where(connections.c.id == crm.ids["crm"]))
        assert mine
        sealed = row(crm)["sealed"]
        tx.execute(update(tokens).values(sealed=mine["credentials"]))
        connections_store.set_columns(tx, crm.ids["crm"], credentials=sealed)
    with pytest.raises(ConfigurationError, match="another connection"):
        shared(crm).current()
    with pytest.raises(ConfigurationError, match="another connection"):
        credentials(crm)
    ids = {"organisation_id": crm.organisation_id, "connection_id": crm.ids["crm"]}
    assert SEAL.open(sealed, **ids, purpose=TOKEN)["value"] == "token-1"


def test_a_wrong_key_stops_at_once_and_asks_nobody(crm: World) -> None:
    shared(crm).renew(None, Login())
    login = Login()
    stranger = shared(crm, Seal(["w" * 32]))
    for ask in (stranger.current, lambda: stranger.renew(None, login)):
        with pytest.raises(ConfigurationError, match="cannot be opened"):
            ask()
    with crm.database.transaction() as tx:
        tx.execute(tokens.delete())
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        stranger.renew(None, login)
    assert login.seen == []
    assert shared(crm).renew(None, Login()).value == "token-1", "nothing is held by who could not open it"


def test_a_connection_that_was_removed_ends_it(crm: World) -> None:
    mine = shared(crm)
    connect.remove(crm.database, crm.connection(), actor="test")
    with pytest.raises(Exception, match="does not exist any more"):
        mine.renew(None, Login())
