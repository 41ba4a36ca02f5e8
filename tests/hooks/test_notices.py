"""People are told once per cause, by digests, and not at night."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from sync import channels, keys, notices
from sync.channels import Cause, ChannelInput, Digest
from sync.clock import id_at
from sync.core.actions import Conflict, ConflictKind
from sync.errors import BadInput, Taken
from sync.notices import Teller
from sync.store import channels as store
from sync.store import conflicts, connections
from sync.store.connections import ConnectionState
from sync.store.hooktables import channels as table
from sync.store.query import Row, now
from sync.store.schema import conflicts as conflicts_table
from sync.store.seal import Seal
from sync.store.session import Database
from tests.hooks.conftest import KEY, SITE
from tests.world import World


@dataclass
class People:
    """A world, and a channel's notices as they are sent, without a process for each."""

    world: World
    sent: list[tuple[str, str]] = field(default_factory=list)
    problem: str = ""

    def __post_init__(self) -> None:
        self.world.connect()
        self.state(ConnectionState.ACTIVE)

    @property
    def teller(self) -> Teller:
        return Teller(self.world.database, Seal([KEY]), self._send, SITE)

    def _send(self, url: str, title: str, text: str) -> str:
        assert url == "jsons://hooks.acme.example/people"
        if not self.problem:
            self.sent.append((title, text))
        return self.problem

    def add(self, **given: Any) -> Row:
        wanted = ChannelInput(name=f"n{len(self.all())}", url="jsons://hooks.acme.example/people", **given)
        mine = self.world.organisation_id
        made = channels.add(
            self.world.database, Seal([KEY]), mine, wanted, read=lambda _url: "json", actor="test"
        )
        with self.world.database.transaction() as tx:
            tx.execute(update(table).values(told={"mark": "0" * 32, "said": []}))
        return made

    def all(self) -> list[Row]:
        with self.world.database.reading() as tx:
            return store.listing(tx, self.world.organisation_id)

    def state(self, state: ConnectionState, reason: str | None = None) -> None:
        with self.world.database.transaction() as tx:
            connections.set_state(tx, self.world.ids["crm"], state, reason)

    def ask(self, *kinds: ConflictKind, age: int = 120) -> None:
        """Open questions that have stood for so many seconds."""
        with self.world.database.transaction() as tx:
            at = now(tx)
            for number, kind in enumerate(kinds):
                known = {row.id for row in conflicts.listing(tx, self.world.organisation_id)}
                subject = f"ref:{kind}:{number}:{len(known)}"
                conflicts.open_more(
                    tx,
                    organisation_id=self.world.organisation_id,
                    connection_id=self.world.ids["crm"],
                    wanted=[Conflict(kind=kind, subject=subject, ref=subject)],
                    run_id="0" * 32,
                    at=at,
                )
                (row,) = [
                    each for each in conflicts.listing(tx, self.world.organisation_id) if each.id not in known
                ]
                made = id_at(at - timedelta(seconds=age))[:12] + row.id[12:]
                tx.execute(update(conflicts_table).where(conflicts_table.c.id == row.id).values(id=made))

    def tell(self, *, due: bool = True) -> list[tuple[str, str]]:
        """Let the next look come; what was sent."""
        if due:
            with self.world.database.transaction() as tx:
                tx.execute(update(table).values(look_at=now(tx)))
        notices.tell(self.teller)
        found, self.sent[:] = list(self.sent), []
        return found


@pytest.fixture
def people(database: Database) -> People:
    return People(World(database))


def test_what_stands_still_is_told_once_until_it_is_mended(people: People) -> None:
    people.add()
    people.state(ConnectionState.HALTED, "too many changes")
    ((title, text),) = people.tell()
    assert title == "Concord: crm was stopped"
    assert text == f"crm was stopped, since something looks wrong. too many changes\n{SITE}/desk"
    assert people.tell() == []
    people.state(ConnectionState.AUTH_FAILED, "refused")
    assert [title for title, _ in people.tell()] == ["Concord: crm cannot sign in to its CRM"]
    people.state(ConnectionState.ACTIVE)
    assert people.tell() == []
    people.state(ConnectionState.AUTH_FAILED, "refused")
    assert len(people.tell()) == 1
    people.state(ConnectionState.NEEDS_APPROVAL)
    assert [title for title, _ in people.tell()] == ["Concord: crm waits for the approval of a plan"]


def test_new_questions_are_told_as_counts_after_they_have_settled(people: People) -> None:
    people.add(digest=Digest.AT_ONCE)
    kinds = (ConflictKind.ADDRESS_MISMATCH, ConflictKind.ADDRESS_MISMATCH, ConflictKind.EMAIL_TAKEN)
    people.ask(*kinds, ConflictKind.INVALID_RECORD)
    people.ask(ConflictKind.ADDRESS_MISMATCH, age=10)
    ((title, text),) = people.tell()
    assert title == "Concord: 3 new questions; 1 new record with a mistake"
    assert text.splitlines() == [
        f"3 new questions, 4 in all: {SITE}/desk/conflicts",
        "- address mismatch: 2",
        "- email taken: 1",
        f"1 new record with a mistake, 1 in all: {SITE}/desk/conflicts?kind=invalid_record",
        "- invalid record: 1",
        f"{SITE}/desk",
    ]
    assert people.tell() == []
    people.ask(ConflictKind.KEY_CHANGED, age=61)
    (row,) = people.all()
    assert row["told"]["mark"] < id_at(datetime.now(UTC))
    with people.world.database.transaction() as tx:
        before = {"mark": id_at(now(tx) - timedelta(seconds=90)), "said": []}
        tx.execute(update(table).values(told=before))
    assert [title for title, _ in people.tell()] == ["Concord: 1 new question"]


def test_each_channel_is_told_of_its_causes_alone(people: People) -> None:
    people.add(causes=[Cause.QUARANTINED], digest=Digest.AT_ONCE)
    people.state(ConnectionState.HALTED)
    people.ask(ConflictKind.EMAIL_TAKEN)
    assert people.tell() == []
    people.ask(ConflictKind.PUSH_REJECTED, age=61)
    with people.world.database.transaction() as tx:
        tx.execute(update(table).values(told={"mark": "0" * 32, "said": []}))
    assert [title for title, _ in people.tell()] == ["Concord: 1 new record with a mistake"]


def test_a_digest_waits_for_its_time_and_what_stands_still_does_not(people: People) -> None:
    row = people.add(digest=Digest.DAILY, daily_at="08:00", timezone="Europe/Berlin")
    assert row["digest_at"].astimezone(channels.rhythm(row).zone).strftime("%H:%M") == "08:00"
    people.ask(ConflictKind.EMAIL_TAKEN)
    assert people.tell() == []
    people.state(ConnectionState.HALTED)
    assert [title for title, _ in people.tell()] == ["Concord: crm was stopped"]
    with people.world.database.transaction() as tx:
        tx.execute(update(table).values(digest_at=now(tx)))
    assert [title for title, _ in people.tell()] == ["Concord: 1 new question"]
    (after,) = people.all()
    assert after["digest_at"] > datetime.now(UTC)
    assert people.tell() == []


def test_nothing_is_told_in_quiet_hours(people: People) -> None:
    at = datetime.now(UTC)
    quiet = f"{at - timedelta(hours=1):%H:%M}-{at + timedelta(hours=1):%H:%M}"
    people.add(quiet=quiet, digest=Digest.AT_ONCE)
    people.state(ConnectionState.HALTED)
    assert people.tell() == []
    (row,) = people.all()
    assert timedelta(minutes=58) < row["look_at"] - at <= timedelta(minutes=61)
    mine = people.world.organisation_id
    seal = Seal([KEY])
    given = ChannelInput(quiet="none")
    channels.change(
        people.world.database, seal, mine, row["id"], given, read=lambda _url: "json", actor="test"
    )
    assert len(people.tell(due=False)) == 1


def test_what_was_not_taken_is_told_later(people: People) -> None:
    people.add()
    people.state(ConnectionState.HALTED)
    people.problem = "the service did not take it"
    assert people.tell() == []
    (row,) = people.all()
    assert (row["problem"], row["failures"], row["sent_at"]) == (people.problem, 1, None)
    people.problem = ""
    assert people.tell(due=False) == [], "it rests"
    assert len(people.tell()) == 1
    (row,) = people.all()
    assert (row["problem"], row["failures"]) == (None, 0)
    people.state(ConnectionState.ACTIVE)
    channels.change(
        people.world.database,
        Seal([KEY]),
        people.world.organisation_id,
        row["id"],
        ChannelInput(active=False),
        read=lambda _url: "json",
        actor="test",
    )
    people.state(ConnectionState.HALTED)
    assert people.tell() == []


def test_a_value_that_cannot_be_is_refused_by_name(people: People) -> None:
    people.add()
    for name, value in (
        ("name", " "),
        ("daily_at", "8"),
        ("quiet", "22-6"),
        ("timezone", "Mars/Base"),
        ("causes", []),
        ("url", "x" * 3_000),
    ):
        given: dict[str, Any] = {"name": "x", "url": "jsons://x.example", name: value}
        with pytest.raises(BadInput) as caught:
            channels.add(
                people.world.database,
                Seal([KEY]),
                people.world.organisation_id,
                ChannelInput(**given),
                read=lambda _url: "json",
                actor="test",
            )
        assert name in caught.value.fields
    with pytest.raises(Taken):
        people_named(people, "n0")
    with pytest.raises(BadInput, match="no url"):
        channels.add(
            people.world.database,
            Seal([KEY]),
            people.world.organisation_id,
            ChannelInput(name="y"),
            read=lambda _url: "json",
            actor="test",
        )


def people_named(people: People, name: str) -> Row:
    given = ChannelInput(name=name, url="jsons://x.example")
    mine = people.world.organisation_id
    return channels.add(
        people.world.database, Seal([KEY]), mine, given, read=lambda _url: "json", actor="test"
    )


def test_its_url_is_sealed_and_rotates(people: People) -> None:
    row = people.add()
    assert "acme" not in str(people.all())
    keys.rotate(people.world.database, Seal(["n" * 40, KEY]))
    (after,) = people.all()
    assert channels.url_of(Seal(["n" * 40]), after) == "jsons://hooks.acme.example/people"
    assert f"channel {row['id']}" in keys.status(people.world.database, Seal(["x" * 40])).unopened
