"""Keys rotate while everything runs: nothing is overwritten, nothing is lost, and nobody has to restart."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, update

from connectors.access import Grant, Token
from sync import connect, keyfile, keys
from sync.errors import ConfigurationError
from sync.settings import Settings
from sync.store import connections as connections_store
from sync.store import sealed as sealed_store
from sync.store.schema import connections
from sync.store.seal import Seal
from sync.store.sealed import Kind
from sync.store.worktables import tokens
from sync.tokens import StoredTokens
from tasks import wiring
from tests.store.together import together
from tests.world import World

OLD, NEW = "o" * 32, "n" * 32
COUNT = 5


@dataclass
class Sealed:
    """A world with sealed credentials and tokens."""

    world: World

    def seal(self, name: str, seal: Seal, secrets: Mapping[str, str]) -> None:
        ids = {"organisation_id": self.world.organisation_id, "connection_id": self.world.ids[name]}
        with self.world.database.transaction() as tx:
            value = seal.close(secrets, **ids)
            connections_store.set_columns(tx, self.world.ids[name], credentials=value)

    def open(self, name: str, seal: Seal) -> dict[str, str]:
        connection = self.world.connection(name)
        ids = {"organisation_id": connection.organisation_id, "connection_id": connection.id}
        return seal.open(connection.row["credentials"], **ids)

    def tokens(self, name: str, seal: Seal) -> StoredTokens:
        return StoredTokens(self.world.database, seal, self.world.connection(name))


@pytest.fixture
def sealed(world: World) -> Sealed:
    made = Sealed(world)
    for number in range(COUNT):
        world.connect(f"c{number}")
        made.seal(f"c{number}", Seal([OLD]), {"token": f"t{number}"})
        made.tokens(f"c{number}", Seal([OLD])).renew(None, lambda _: Grant(Token("access")))
    return made


def test_everything_is_sealed_anew_and_the_old_key_can_go(
    sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "PAGE", 2)
    database, both = sealed.world.database, Seal([NEW, OLD])
    assert keys.status(database, both).by_key == {1: 0, 2: 2 * COUNT}
    report = keys.rotate(database, both)
    assert (report.renewed, report.by_key, report.unopened) == (2 * COUNT, {1: 2 * COUNT, 2: 0}, [])
    assert sealed.open("c3", Seal([NEW])) == {"token": "t3"}
    assert sealed.tokens("c3", Seal([NEW])).current() == Token("access")
    assert keys.rotate(database, both).renewed == 0


def test_what_changes_meanwhile_is_not_overwritten(sealed: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    database, both = sealed.world.database, Seal([NEW, OLD])
    replace = sealed_store.replace
    interfered: list[Kind] = []

    def late(tx: Any, kind: Kind, changes: Any) -> None:
        if not interfered and kind is Kind.CREDENTIALS:
            interfered.append(kind)
            mine = sealed.world.ids["c1"]
            ids = {"organisation_id": sealed.world.organisation_id, "connection_id": mine}
            value = Seal([OLD]).close({"token": "a person's"}, **ids)
            tx.execute(update(connections).where(connections.c.id == mine).values(credentials=value))
        replace(tx, kind, changes)

    monkeypatch.setattr(sealed_store, "replace", late)
    report = keys.rotate(database, both)
    assert interfered
    assert report.old == 0
    assert sealed.open("c1", Seal([NEW])) == {"token": "a person's"}


def test_it_rotates_while_workers_renew_tokens_and_people_change_credentials(sealed: Sealed) -> None:
    database, both = sealed.world.database, Seal([NEW, OLD])

    def work(number: int) -> None:
        if number == 0:
            for _ in range(3):
                keys.rotate(database, both)
            return
        name = f"c{number}"
        for turn in range(5):
            grant = Grant(Token(f"{name}-{turn}"), {"token": f"rotated-{turn}"})
            mine = sealed.tokens(name, both)
            mine.renew(mine.current(), lambda _, grant=grant: grant)  # type: ignore[misc]
            change = lambda known, turn=turn: {**known, "other": str(turn)}  # noqa: E731
            connect.change(database, both, sealed.world.connection(name), actor="test", credentials=change)

    together(COUNT, work)
    keys.rotate(database, both)
    for number in range(1, COUNT):
        assert sealed.open(f"c{number}", Seal([NEW])) == {"token": "rotated-4", "other": "4"}


def test_what_no_key_opens_is_named_and_left_alone(sealed: Sealed) -> None:
    database = sealed.world.database
    sealed.seal("c2", Seal(["x" * 32]), {"token": "lost"})
    report = keys.rotate(database, Seal([NEW, OLD]))
    assert report.unopened == ["c2"]
    assert report.by_key == {1: 2 * COUNT - 1, 2: 0}
    assert sealed.open("c2", Seal(["x" * 32])) == {"token": "lost"}


def embedded(folder: Path) -> Settings:
    return Settings(data=folder, database_url=None, secret_key=None)


def test_a_new_key_stands_in_front_in_a_private_file(tmp_path: Path) -> None:
    settings = embedded(tmp_path / "data")
    (first,) = settings.secret_keys()
    file = settings.key_file
    assert file
    known = keyfile.add(file)
    assert settings.secret_keys() == known
    assert known[1:] == [first]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    keyfile.drop(file, known[1:])
    assert settings.secret_keys() == known[:1]
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_rotations_at_once_lose_no_key(tmp_path: Path) -> None:
    settings = embedded(tmp_path)
    settings.secret_keys()
    file = settings.key_file
    assert file
    made = together(6, lambda _: keyfile.add(file)[0])
    assert set(made) < set(settings.secret_keys())
    assert len(settings.secret_keys()) == 7


def test_a_process_that_runs_takes_up_new_keys_by_itself(sealed: Sealed, tmp_path: Path) -> None:
    settings = embedded(tmp_path)
    running = wiring.open_seal(settings)
    sealed.seal("c1", running, {"token": "before"})
    file = settings.key_file
    assert file
    known = keyfile.add(file)
    sealed.seal("c1", Seal(known[:1]), {"token": "sealed by another"})
    assert sealed.open("c1", running) == {"token": "sealed by another"}
    known = keyfile.add(file)
    sealed.seal("c1", running, {"token": "sealed here"})
    assert sealed.open("c1", Seal(known[:1])) == {"token": "sealed here"}, "with the newest key"


def test_a_wrong_key_stops_a_run_at_once_and_no_crm_is_asked(sealed: Sealed) -> None:
    asked: list[str] = []
    database = sealed.world.database
    event.listen(database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    with pytest.raises(ConfigurationError, match="CONCORD_SECRET_KEY") as caught:
        wiring.open_connector(database, Seal([NEW]), sealed.world.connection("c1"))
    assert OLD not in str(caught.value)
    assert NEW not in str(caught.value)
    assert not [each for each in asked if each.startswith(("UPDATE", "INSERT"))]


def test_a_webhook_secret_copied_to_another_connection_is_refused(sealed: Sealed) -> None:
    seal = Seal([OLD])
    sealed.seal("c1", seal, {"token": "t", wiring.WEBHOOK_SECRET: "s" * 32})
    copied = sealed.world.connection("c1").row["credentials"]
    row = {**sealed.world.connection("c2").row, "credentials": copied, "connector": "hubspot"}
    with pytest.raises(ConfigurationError, match="another connection"):
        wiring.open_webhook(seal, row)
    own = {**sealed.world.connection("c1").row, "connector": "hubspot"}
    assert wiring.open_webhook(seal, own) is not None


def test_forgotten_tokens_are_no_sealed_values(sealed: Sealed) -> None:
    with sealed.world.database.transaction() as tx:
        tx.execute(update(tokens).values(sealed=None))
    assert keys.status(sealed.world.database, Seal([OLD])).by_key == {1: COUNT}
