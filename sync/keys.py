"""Rotation of the keys that credentials and tokens are sealed with, while everything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sync.store import connections, sealed
from sync.store.seal import Seal
from sync.store.sealed import Kind, Sealed
from sync.store.session import Database

PAGE = 200
_PASSES = 20
"""Most looks for values that were sealed with an old key while the others were sealed anew."""


@dataclass(frozen=True, slots=True)
class KeyReport:
    """How many values each key seals (1 is the newest), and those of whose values no key opens one.

    `renewed`: values that were sealed anew.
    """

    by_key: Mapping[int, int]
    unopened: Sequence[str]
    renewed: int = 0

    @property
    def old(self) -> int:
        """Values that are sealed with another than the newest key."""
        return sum(count for number, count in self.by_key.items() if number > 1)


def status(database: Database, seal: Seal) -> KeyReport:
    """Which keys are in use."""
    counts: Counter[int] = Counter(dict.fromkeys(range(1, seal.keys + 1), 0))
    unopened: set[str] = set()
    others: list[str] = []
    for kind in Kind:
        for values in _pages(database, kind):
            for each in values:
                number = seal.number(each.value)
                if number is None and kind in (Kind.HOOK, Kind.CHANNEL):
                    others.append(f"{kind.value} {each.owner_id}")
                elif number is None:
                    unopened.add(each.owner_id)
                else:
                    counts[number] += 1
    with database.reading() as tx:
        names = connections.names(tx, sorted(unopened))
    return KeyReport(dict(counts), sorted([*names.values(), *others]))


def rotate(database: Database, seal: Seal) -> KeyReport:
    """Seal every value with the newest key. What changes meanwhile is not overwritten, but seen again."""
    renewed = 0
    for _ in range(_PASSES):
        found = 0
        for kind in Kind:
            for values in _pages(database, kind):
                old = [each for each in values if (seal.number(each.value) or 1) > 1]
                changes = [(each, seal.renewed(each.value)) for each in old]
                with database.transaction() as tx:
                    sealed.replace(tx, kind, changes)
                found += len(old)
        if not found:
            break
        renewed += found
    report = status(database, seal)
    return KeyReport(report.by_key, report.unopened, renewed)


def _pages(database: Database, kind: Kind) -> Iterator[list[Sealed]]:
    after = ""
    while True:
        with database.reading() as tx:
            values = sealed.page(tx, kind, after=after, limit=PAGE)
        if not values:
            return
        yield values
        after = values[-1].owner_id
