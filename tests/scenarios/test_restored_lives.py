"""Seeded lives on all sides, before a backup and after it, and then the backup is put back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from connectors.memory import KEY
from connectors.port import Presence
from connectors.records import JSON
from sync.store.session import Database
from tests.scenarios.restoring import SqliteSafe
from tests.scenarios.test_restored import FIELDS, RULES, Place, check, place_of, values
from tests.world import World


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rules", list(RULES))
def test_whatever_happened_in_between(sqlite: Database, tmp_path: Path, rules: str, seed: int) -> None:
    lives(place_of(SqliteSafe(sqlite, tmp_path), rules), seed)


def lives(place: Place, seed: int) -> None:
    """People edit on all sides, before and after the backup, with syncs in between."""
    dice, world = random.Random(f"restored {seed}"), place.world
    for _ in range(8):
        _step(world, dice)
    place.safe.back_up()
    for _ in range(16):
        _step(world, dice)
    before = values(world)
    place.safe.restore()
    place.release()
    check(place, before)
    for name in world.crms:
        world.sync(name, full=True)
    check(place, before)


def _step(world: World, dice: random.Random) -> None:
    kind = dice.choice(("here", "there", "there", "sync", "sync", "new", "new there", "gone"))
    name = dice.choice(list(world.crms))
    crm = world.crms[name]
    living = [ref for ref, each in crm.records.items() if each.presence is Presence.LIVE]
    number = dice.randrange(4)
    if kind == "here" and (keys := list(world.customers())):
        path, key = dice.choice(FIELDS), dice.choice(keys)
        value = f"{key}{number}@x.example" if path == "email" else f"+1212555010{number}"
        world.change(key, f"{path}={value}")
    elif kind == "there" and living:
        ref = dice.choice(living)
        mine = crm.records[ref].values[KEY]
        news: dict[str, JSON] = (
            {"email": f"{mine}{number}@x.example"}
            if dice.random() < 0.5
            else {"phone": f"+1212555010{number}"}
        )
        crm.edit(ref, news)
    elif kind == "sync":
        world.sync(name)
    elif kind == "new":
        world.add(f"n{dice.randrange(10**9)}")
    elif kind == "new there":
        crm.create({KEY: f"t{dice.randrange(10**9)}", "name": "T"})
    elif kind == "gone" and len(living) > 2 and dice.random() < 0.5:
        crm.delete(dice.choice(living))
