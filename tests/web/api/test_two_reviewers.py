"""Several people decide one question at once while edits in the CRM land: one wins, and never blindly."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import requests
from sqlalchemy import func, select, update

from sync.decisions import Decision
from sync.errors import Conflicted
from sync.resolve import resolve
from sync.store.session import Database
from sync.store.worktables import audit, runs
from tests.web.api.conftest import Api
from tests.web.api.steered import Steered, steer

WAVE = 25
ROUNDS = int(os.environ.get("CONCORD_DECISION_ROUNDS", "100"))
"""Questions that are decided by three at once."""


@dataclass
class Race:
    """What came out: how often each kind of decider won, was too late, or saw the question move."""

    wins: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    moved: int = 0
    overtaken: int = 0


@pytest.fixture
def world(database: Database) -> Iterator[Steered]:
    """A site with a CRM, on both databases one after the other."""
    yield from steer(database)


def test_of_three_who_decide_at_once_one_wins_and_nothing_stale_is_written(world: Steered) -> None:
    refs = {f"k{n}": world.pair(f"k{n}")["crm"] for n in range(WAVE)}
    _look(world)
    ids = {each["external_id"]: each["id"] for each in world.api.get("/customers")["data"]}
    race = Race()
    waves = -(-ROUNDS // WAVE)
    for wave in range(waves):
        _wave(world, refs, ids, wave, race)
    assert sum(race.wins.values()) == waves * WAVE
    assert race.refused >= 2 * waves * WAVE
    with world.api.database.reading() as tx:
        decided = select(audit.c.subject, func.count()).where(audit.c.action == "conflict.resolved")
        counts = [count for _, count in tx.execute(decided.group_by(audit.c.subject))]
    assert set(counts) == {1}
    print(f"\n{world.api.database.dialect}: {waves * WAVE} rounds, {race}")  # noqa: T201


def _wave(world: Steered, refs: dict[str, str], ids: dict[str, str], wave: int, race: Race) -> None:
    """Open a question per record, and let each be decided while edits land in the CRM."""
    crm = world.crms["crm"]
    for n, (key, ref) in enumerate(refs.items()):
        crm.edit(ref, {"name": f"theirs {wave} {n}"})
        answer = world.api.call("PATCH", f"/customers/{ids[key]}", {"customer_name": f"ours {wave} {n}"})
        assert answer.status_code == 200, answer.text
    _look(world)
    rows = {row["ref"]: row["id"] for row in world.api.get("/conflicts", limit=200)["data"]}
    assert set(rows) == set(refs.values())
    edited: dict[str, str] = {}
    seen: dict[str, str] = {}

    def edit(n: int, ref: str) -> None:
        """What people and workers do meanwhile: an edit in the CRM, and now and then a look at it."""
        if n % 4 == 1:
            _look(world)
        if n % 2:
            edited[ref] = f"later {wave} {n}"
            crm.edit(ref, {"name": edited[ref]})
        if n % 4 == 3:
            _look(world)  # where it comes before the decisions, all three are too late

    with ThreadPoolExecutor(4) as pool:
        for n, ref in enumerate(refs.values()):
            seen[ref] = _decide(world, rows[ref], pool, race, partial(edit, n, ref), early=n % 8 == 7)
    _look(world)
    _look(world)
    for ref in refs.values():
        later = edited.get(ref)
        if later not in (None, seen[ref]):
            # Whoever won had not seen this edit: it stands in the CRM, whatever was decided.
            race.overtaken += 1
            assert crm.records[ref].values["name"] == later
    _clear(world)
    for key, ref in refs.items():
        assert crm.records[ref].values["name"] == world.value(key, "customer_name")


def _look(world: Steered) -> None:
    """Sync. The brake is to see nothing: so much is never edited at once in earnest."""
    with world.api.database.transaction() as tx:
        tx.execute(update(runs).values(approved=True))
    world.sync()


def _decide(
    world: Steered,
    row_id: str,
    pool: ThreadPoolExecutor,
    race: Race,
    edit: Callable[[], None],
    *,
    early: bool,
) -> str:
    """Let three decide until one has won, while somebody edits; returns the CRM's value that they saw.

    `early`: the edit is made, and seen, after they were shown the question and before they decide.
    """
    while True:
        shown = world.api.get(f"/conflicts/{row_id}")
        assert shown["state"] == "open"
        if early:
            edit()
            edit, early = _nothing, False
        gate = threading.Barrier(4)
        editing = pool.submit(_at, gate, edit)
        outcomes = list(pool.map(lambda way: way(world.api, shown, gate), WAYS))  # noqa: B023
        editing.result()
        edit = _nothing
        winners = [who for who, won in outcomes if won]
        race.refused += 3 - len(winners)
        assert len(winners) <= 1, outcomes
        if winners:
            decided = world.api.get(f"/conflicts/{row_id}")
            assert (decided["version"], decided["remote"]) == (shown["version"], shown["remote"])
            race.wins[winners[0]] = race.wins.get(winners[0], 0) + 1
            return str(shown["remote"]["customer_name"])
        race.moved += 1
        assert world.api.get(f"/conflicts/{row_id}")["version"] > shown["version"]


def _at(gate: threading.Barrier, edit: Callable[[], None]) -> None:
    gate.wait(60)
    edit()


def _nothing() -> None:
    """The edit is made once."""


Way = Callable[[Api, dict[str, Any], threading.Barrier], tuple[str, bool]]


def _by_http(take: str) -> Way:
    http = requests.Session()

    def decide(api: Api, shown: dict[str, Any], gate: threading.Barrier) -> tuple[str, bool]:
        gate.wait(60)
        answer = http.post(
            f"{api.served.url}/conflicts/{shown['id']}/resolve",
            json={"take": take, "version": shown["version"]},
            headers={"x-api-key": api.key},
            timeout=60,
        )
        if answer.status_code == 200:
            return f"http {take}", True
        assert answer.status_code == 409, answer.text
        assert "conflict" in answer.json(), answer.text
        fresh = answer.json()["conflict"]
        assert fresh["state"] == "resolved" or fresh["version"] > shown["version"], fresh
        return f"http {take}", False

    return decide


def _by_use_case(api: Api, shown: dict[str, Any], gate: threading.Barrier) -> tuple[str, bool]:
    decision = Decision(values={"customer_name": "edited " + shown["local"]["customer_name"]})
    row_id = shown["id"].replace("-", "")
    gate.wait(60)
    try:
        resolve(api.database, api.organisation_id, row_id, decision, actor="test", version=shown["version"])
    except Conflicted:
        return "use-case", False
    return "use-case", True


def _clear(world: Steered) -> None:
    """Whatever was asked anew because of a later edit is decided, so that the next wave begins clean."""
    while world.api.get("/conflicts/counts")["total"]:
        body = {"decision": {"take": "theirs"}, "limit": 1_000}
        found = world.api.post("/conflicts/resolve", body, status=200)
        assert set(found["counts"]) <= {"resolved"}, found
        _look(world)
    _look(world)


WAYS: Sequence[Way] = (_by_http("ours"), _by_http("theirs"), _by_use_case)
