"""People who use the pages: let in by a password alone, for as much as their role says, for so long."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from sync import passwords, signin, users
from sync.apikeys import Scope
from sync.errors import BadInput, NotFoundError, Taken
from sync.signin import FREE_TRIES, IDLE, LIFETIME, SignInRefused, look, sign_in
from sync.store import audit, connections, retention
from sync.store.query import rows
from sync.store.retention import Keep
from sync.store.session import Database
from sync.store.types import later
from sync.store.usertables import users as users_table
from sync.store.usertables import web_sessions
from sync.users import UserRole
from tests.store.test_apikeys import dump
from tests.store.together import together

EMAIL, PASSWORD = "Jane@acme.example", "correct horse battery"


def add(database: Database, role: UserRole = UserRole.REVIEWER, organisation: str = "Acme") -> None:
    users.add(database, EMAIL, PASSWORD, role, organisation, actor="test")


def actions(database: Database, organisation: str = "Acme") -> list[str]:
    with database.transaction() as tx:
        found = audit.listing(tx, connections.organisation(tx, organisation))
    return [each["action"] for each in reversed(found)]


def age(database: Database, **times: timedelta) -> None:
    """Move times of all sessions."""
    with database.transaction() as tx:
        moved = {name: later(each.total_seconds()) for name, each in times.items()}
        tx.execute(update(web_sessions).values(moved))


def test_a_person_signs_in_and_out(database: Database) -> None:
    add(database)
    token = sign_in(database, "jane@ACME.example ", PASSWORD)
    signed = look(database, token)
    assert signed is not None
    assert (signed.email, signed.here.organisation, signed.here.role) == (EMAIL, "Acme", UserRole.REVIEWER)
    assert signed.here.role.scope is Scope.REVIEW
    assert look(database, token + "x") is None
    kept = dump(database)
    assert token not in kept
    assert PASSWORD not in kept
    other = sign_in(database, EMAIL, PASSWORD)
    signin.sign_out(database, token)
    signin.sign_out(database, token)
    assert look(database, token) is None
    assert look(database, other) is not None
    assert actions(database) == ["user.added", "user.signed_in", "user.signed_in"]


@pytest.mark.parametrize(
    "times",
    [{"used_at": -IDLE}, {"expires_at": timedelta(0)}],
    ids=["idle", "lifetime"],
)
def test_a_session_ends_by_itself(database: Database, times: dict[str, timedelta]) -> None:
    add(database)
    token = sign_in(database, EMAIL, PASSWORD)
    age(database, used_at=timedelta(minutes=1) - IDLE)
    assert look(database, token) is not None, "its use is noted, which makes it fresh"
    with database.reading() as tx:
        (row,) = rows(tx, select(web_sessions))
    assert row["expires_at"] - row["created_at"] == LIFETIME
    assert row["expires_at"] - row["used_at"] > LIFETIME - timedelta(minutes=1)
    age(database, **times)
    assert look(database, token) is None


def test_wrong_passwords_lock_for_longer_and_longer(database: Database) -> None:
    add(database)
    pauses = []
    for tries in range(FREE_TRIES + 3):
        with pytest.raises(SignInRefused):
            sign_in(database, EMAIL, f"wrong {tries}")
        with database.transaction() as tx:
            (row,) = rows(tx, select(users_table, later(0).label("now")))
            pauses.append((row["locked_until"] or row["now"]) - row["now"])
            tx.execute(update(users_table).values(locked_until=later(-1)))
    seconds = [round(each.total_seconds(), -1) for each in pauses]
    assert seconds == [0, 0, 0, 0, 30, 60, 120, 240]
    assert actions(database).count("user.locked") == 4
    assert look(database, sign_in(database, EMAIL, PASSWORD)) is not None, "the lock is over"
    for tries in range(FREE_TRIES):
        with pytest.raises(SignInRefused):
            sign_in(database, EMAIL, f"wrong {tries}")
    with pytest.raises(SignInRefused):
        sign_in(database, EMAIL, PASSWORD)
    users.set_password(database, EMAIL, "another good password", actor="test")
    assert look(database, sign_in(database, EMAIL, "another good password")) is not None


def test_guesses_at_once_are_counted_one_by_one(postgresql: Database) -> None:
    add(postgresql)

    def guess(number: int) -> None:
        with pytest.raises(SignInRefused):
            sign_in(postgresql, EMAIL, f"wrong {number}")

    together(4, guess)
    with postgresql.reading() as tx:
        assert [row["failures"] for row in rows(tx, select(users_table))] == [4]


def test_nobody_learns_who_is_known(database: Database) -> None:
    add(database)
    users.add(database, "gone@acme.example", PASSWORD, UserRole.VIEWER, "Acme", actor="test")
    users.set_disabled(database, "gone@acme.example", disabled=True, actor="test")
    told = set()
    tries = [
        (EMAIL, "x"),
        ("nobody@acme.example", PASSWORD),
        ("gone@acme.example", PASSWORD),
        ("\0", "\ud800"),
    ]
    for email, password in tries:
        with pytest.raises(SignInRefused) as refused:
            sign_in(database, email, password)
        told.add(str(refused.value))
    assert len(told) == 1


def test_who_is_disabled_or_has_another_password_is_signed_out(database: Database) -> None:
    add(database)
    tokens = [sign_in(database, EMAIL, PASSWORD)]
    users.set_disabled(database, EMAIL, disabled=True, actor="test")
    assert look(database, tokens[0]) is None
    users.set_disabled(database, EMAIL, disabled=False, actor="test")
    assert look(database, tokens[0]) is None, "it does not come back"
    tokens.append(sign_in(database, EMAIL, PASSWORD))
    users.set_password(database, EMAIL, PASSWORD, actor="test")
    assert look(database, tokens[1]) is None
    assert actions(database)[1:] == [
        "user.signed_in",
        "user.disabled",
        "user.enabled",
        "user.signed_in",
        "user.password_set",
    ]


def test_a_person_may_have_roles_in_several_organisations(database: Database) -> None:
    add(database)
    users.set_role(database, EMAIL, UserRole.ADMIN, "Bolt", actor="test")
    token = sign_in(database, EMAIL, PASSWORD)
    signed = look(database, token)
    assert signed is not None
    (bolt,) = (each for each in signed.memberships.values() if each.organisation == "Bolt")
    signin.choose(database, token, bolt.organisation_id)
    signed = look(database, token)
    assert signed is not None
    assert (signed.here.organisation, signed.here.role) == ("Bolt", UserRole.ADMIN)
    with database.transaction() as tx:
        foreign = connections.organisation(tx, "Foreign")
    with pytest.raises(NotFoundError):
        signin.choose(database, token, foreign)
    users.set_role(database, EMAIL, None, "Bolt", actor="test")
    signed = look(database, token)
    assert signed is not None
    assert signed.here.organisation == "Acme", "a role that was taken away holds no more, at once"
    users.set_role(database, EMAIL, None, "Acme", actor="test")
    assert look(database, token) is None


def test_what_cannot_be_is_refused(database: Database) -> None:
    add(database)
    for email, password, field in (
        ("no address", PASSWORD, "email"),
        ("a@b.example", "short", "password"),
        ("a@b.example", "a" * 20, "password"),
        ("a@b.example", "ab" * 600, "password"),
    ):
        with pytest.raises(BadInput) as refused:
            users.add(database, email, password, UserRole.VIEWER, "Acme", actor="test")
        assert set(refused.value.fields) == {field}
    with pytest.raises(Taken, match="user role"):
        add(database)
    with pytest.raises(NotFoundError):
        users.set_role(database, "nobody@acme.example", UserRole.ADMIN, "Acme", actor="test")


def test_no_more_passwords_are_checked_at_once_than_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "PATIENCE", 0.01)
    for _ in range(passwords.AT_ONCE):
        assert passwords._turns.acquire(timeout=1)
    try:
        with pytest.raises(passwords.TooBusy):
            passwords.is_right(None, "x")
    finally:
        for _ in range(passwords.AT_ONCE):
            passwords._turns.release()
    assert not passwords.is_right("no digest", "x")


def test_people_go_when_the_audit_does_and_sessions_a_day_after_their_end(database: Database) -> None:
    add(database)
    sign_in(database, EMAIL, PASSWORD)
    age(database, expires_at=timedelta(hours=-23))
    with database.transaction() as tx:
        retention.forget_old(tx, Keep())
        assert len(rows(tx, select(web_sessions))) == 1
    age(database, expires_at=timedelta(hours=-25))
    with database.transaction() as tx:
        retention.forget_old(tx, Keep())
        assert rows(tx, select(web_sessions)) == []
        assert len(rows(tx, select(users_table))) == 1
