"""Keys of the API: shown once, kept as digests, good for what they say and for as long."""

from __future__ import annotations

import base64
import hmac
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from sync import apikeys
from sync.apikeys import Made, Scope, look, make, revoke
from sync.errors import BadInput, NotFoundError
from sync.store import apikeys as stored
from sync.store import audit, connections
from sync.store.keytables import api_keys
from sync.store.query import now, rows
from sync.store.schema import metadata, organisations
from sync.store.session import Database, Tx
from sync.store.types import later
from tests.store.together import together


def made(database: Database, *names: str, scope: Scope = Scope.READ, **options: Any) -> Made:
    return make(database, names or ("Acme",), scope, actor="test", **options)


def dump(database: Database) -> str:
    """Everything that the database holds, bytes in every spelling that a dump may have."""
    with database.reading() as tx:
        found = [row for table in metadata.sorted_tables for row in rows(tx, select(table))]
    values = [value for row in found for value in row.values()]
    blobs = [value for value in values if isinstance(value, bytes)]
    return "\n".join([*map(str, values), *(blob.hex() for blob in blobs), *(f"{blob!r}" for blob in blobs)])


def audited(tx: Tx, name: str) -> list[tuple[str, str, str]]:
    entries = audit.listing(tx, connections.organisation(tx, name))
    return [(each["action"], each["subject"], each["actor"]) for each in entries]


def age(database: Database, **times: float) -> None:
    """Move times of all keys, by so many seconds from now."""
    with database.transaction() as tx:
        tx.execute(update(api_keys).values({name: later(seconds) for name, seconds in times.items()}))


def test_a_key_tells_who_calls(database: Database) -> None:
    key = made(database, "Acme", "Bolt", "Acme", scope=Scope.REVIEW, name="invoices", rate=7)
    assert re.fullmatch(rf"cc_live_{key.id}_[A-Za-z0-9_-]{{43}}", key.key)
    holder = look(database, key.key)
    assert holder is not None
    assert (holder.id, holder.name, holder.scope, holder.rate) == (key.id, "invoices", Scope.REVIEW, 7)
    assert sorted(holder.organisations.values()) == ["Acme", "Bolt"] == sorted(key.organisations)
    with database.transaction() as tx:
        assert holder.organisations == {connections.organisation(tx, each): each for each in ("Acme", "Bolt")}
        assert tx.execute(select(func.count()).select_from(organisations)).scalar_one() == 2
        for name in ("Acme", "Bolt"):
            assert audited(tx, name) == [("api_key.added", key.id, "test")]


def test_the_secret_is_kept_nowhere(database: Database) -> None:
    key = made(database)
    look(database, key.key)
    revoke(database, key.id, actor="test")
    secret = key.key.removeprefix(f"cc_live_{key.id}_")
    raw = base64.urlsafe_b64decode(f"{secret}=")
    assert len(raw) == 32
    held = dump(database)
    assert key.id in held
    assert [held.count(each) for each in (secret, secret[:20], raw.hex(), f"{raw!r}")] == [0, 0, 0, 0]
    assert secret not in f"{key!r}"


def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(database: Database) -> None:
    key, other = made(database), made(database)
    secret = key.key.rpartition(f"{key.id}_")[2]
    wrong = [
        "",
        key.id,
        secret,
        key.key[:-1],
        f"{key.key}A",
        f"{key.key}\n",
        f" {key.key}",
        key.key.upper(),
        key.key[:-1] + ("A" if key.key[-1] != "A" else "B"),
        key.key.replace(key.id, other.id),
        key.key.replace(key.id, "0" * 32),
        key.key.replace("live", "test"),
        key.key.replace(secret, "é" * 43),
        "cc_live_" + "x" * 1_000_000,
    ]
    assert [look(database, each) for each in wrong] == [None] * len(wrong)
    assert look(database, key.key) is not None


def test_every_secret_is_compared_in_constant_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    whole = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return whole(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    key = made(database)
    for text in (key.key, key.key[:-4] + "AAAA", key.key.replace(key.id, "0" * 32)):
        look(database, text)
    assert compared == [(32, 32)] * 3


def test_a_key_expires_on_time(database: Database) -> None:
    key = made(database, expires=timedelta(days=90))
    assert key.expires_at is not None
    with database.reading() as tx:
        assert abs(key.expires_at - now(tx) - timedelta(days=90)) < timedelta(minutes=5)
    age(database, expires_at=3_600)
    assert look(database, key.key) is not None
    age(database, expires_at=0)
    assert look(database, key.key) is None


def test_a_revoked_key_is_good_for_nothing_at_once(database: Database) -> None:
    key, other = made(database), made(database)
    assert look(database, key.key) is not None
    assert revoke(database, key.id, actor="test")
    assert look(database, key.key) is None
    assert look(database, other.key) is not None
    assert not revoke(database, key.id, actor="test")
    with database.transaction() as tx:
        assert [entry[0] for entry in audited(tx, "Acme")] == ["api_key.revoked"] + ["api_key.added"] * 2


def test_an_unknown_key_cannot_be_revoked_and_what_was_pasted_is_not_repeated(database: Database) -> None:
    with pytest.raises(NotFoundError) as caught:
        revoke(database, made(database).key, actor="test")
    assert "cc_live" not in str(caught.value)


def test_its_use_is_noted_once_a_minute(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    key = made(database)

    def noted() -> Any:
        (row,) = apikeys.listing(database)
        return row["last_used_at"]

    assert noted() is None
    together(4, lambda _number: look(database, key.key))
    first = noted()
    assert first is not None
    age(database, last_used_at=3_600)
    before = noted()
    with database.transaction() as tx:
        stored.note_use(tx, key.id)  # of several calls at once, those that come late
    assert noted() == before
    with monkeypatch.context() as patched:
        patched.setattr(stored, "note_use", None)  # a call seldom costs a write
        assert look(database, key.key) is not None
    age(database, last_used_at=-stored.NOTED_EVERY)
    before = noted()
    look(database, key.key)
    assert noted() > before


def test_a_key_is_good_though_its_use_cannot_be_noted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_tx: Tx, _key_id: str) -> None:
        raise OperationalError("UPDATE", None, Exception("database is locked"))

    key = made(database)
    monkeypatch.setattr(stored, "note_use", locked)
    assert look(database, key.key) is not None


def test_each_scope_includes_those_before_it() -> None:
    assert [each.value for each in Scope] == ["read", "write", "review", "admin"]
    allowed = {one: [other.value for other in Scope if one.allows(other)] for one in Scope}
    assert allowed == {
        Scope.READ: ["read"],
        Scope.WRITE: ["read", "write"],
        Scope.REVIEW: ["read", "write", "review"],
        Scope.ADMIN: ["read", "write", "review", "admin"],
    }


def test_the_list_shows_what_keys_are_and_no_digest(database: Database) -> None:
    first, second = made(database, "B", "A"), made(database, name="mine")
    found = apikeys.listing(database)
    assert [row["id"] for row in found] == [first.id, second.id]
    assert [list(row["organisations"].values()) for row in found] == [["A", "B"], ["Acme"]]
    assert [row["name"] for row in found] == [f"key-{first.id[-8:]}", "mine"]
    assert all("digest" not in row for row in found)


@pytest.mark.parametrize(
    ("names", "options"),
    [
        ([], {}),
        ([" "], {}),
        (["a\nb"], {}),
        (["x" * 201], {}),
        (["A"], {"name": ""}),
        (["A"], {"name": "\x1b[31m"}),
        (["A"], {"expires": timedelta(0)}),
        (["A"], {"expires": timedelta(days=4_000)}),
        (["A"], {"rate": 0}),
        (["A"], {"rate": 100_001}),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    sqlite: Database, names: list[str], options: dict[str, Any]
) -> None:
    with pytest.raises(BadInput) as caught:
        make(sqlite, names, Scope.READ, actor="test", **options)
    assert len(caught.value.fields) == 1
    with sqlite.reading() as tx:
        assert rows(tx, select(organisations)) == []
    assert apikeys.listing(sqlite) == []
