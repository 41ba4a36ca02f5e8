"""A lane is held by one process at a time, until it is given back, runs out, or its holder is gone."""

from __future__ import annotations

import time

from sync.store import lanes
from sync.store.lanes import Lease
from tests.store.together import together
from tests.world import World


def take(world: World, owner: str, *, seconds: float = 60, dead: tuple[str, ...] = ()) -> Lease | None:
    with world.database.transaction() as tx:
        return lanes.take(tx, world.ids["crm"], "pull", owner=owner, seconds=seconds, dead_owners=dead)


def renew(world: World, lease: Lease) -> bool:
    with world.database.transaction() as tx:
        return lanes.renew(tx, lease, 60)


def holder(world: World) -> str | None:
    with world.database.reading() as tx:
        row = lanes.holder(tx, world.ids["crm"], "pull")
    return None if row is None else str(row["owner"])


def test_of_several_at_once_one_takes_it(world: World) -> None:
    """The first time, when there is no row yet, and every time after."""
    for _ in range(6):
        taken = [each for each in together(6, lambda number: take(world, f"w{number}")) if each]
        assert len(taken) == 1
        assert holder(world) == taken[0].owner
        assert take(world, "late") is None
        with world.database.transaction() as tx:
            lanes.give_back(tx, taken[0])
        assert holder(world) is None


def test_lanes_and_connections_are_apart(world: World) -> None:
    world.connect("other")
    with world.database.transaction() as tx:
        for name in ("crm", "other"):
            for lane in ("pull", "push"):
                assert lanes.take(tx, world.ids[name], lane, owner="w", seconds=60)
        assert lanes.owners(tx) == ["w"]


def test_a_lease_runs_out_unless_it_is_renewed(world: World) -> None:
    lease = take(world, "first", seconds=0.3)
    assert lease
    assert take(world, "second") is None
    assert renew(world, lease)
    time.sleep(0.35)
    assert take(world, "second") is None
    with world.database.transaction() as tx:
        assert lanes.renew(tx, lease, 0.05)
    time.sleep(0.1)
    assert holder(world) is None
    # Nobody took it meanwhile: the work is still ours to go on with.
    assert renew(world, lease)


def test_whoever_lost_a_lane_can_neither_renew_nor_give_back(world: World) -> None:
    lost = take(world, "zombie", seconds=-1)
    fresh = take(world, "second")
    assert lost
    assert fresh
    assert fresh.number > lost.number
    assert not renew(world, lost)
    with world.database.transaction() as tx:
        lanes.give_back(tx, lost)
    assert holder(world) == "second"
    assert renew(world, fresh)


def test_the_same_owner_is_fenced_from_its_earlier_lease(world: World) -> None:
    """A pool child that lost its lane and took it again works under a new number."""
    lost, fresh = take(world, "w", seconds=-1), take(world, "w")
    assert lost
    assert fresh
    assert not renew(world, lost)
    assert renew(world, fresh)


def test_a_holder_that_is_certainly_gone_is_succeeded_at_once(world: World) -> None:
    gone = take(world, "gone")
    assert gone
    assert take(world, "next") is None
    assert take(world, "next", dead=("someone",)) is None
    assert take(world, "next", dead=("gone",))
    assert not renew(world, gone)
