"""The address check against labelled pairs: `python -m bench.address [--quiet] [folder]`.

For every set, level and country it prints precision, recall and milliseconds per pair, and then
every disagreement with the label, so that a person can judge the label. *Same* is `match`,
`equivalent` or `partial`. The set `printed` is read by
`bench.address_printed`, the set `generated` is made by `bench.address_pairs`.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.address_pairs import Pair, pairs_of_world
from bench.address_printed import NAME, pairs_of_prints
from connectors.records import Address
from sync.core.address import AddressVerdict, Level, check
from sync.core.address.place import read

DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "addresses"
FIELDS = {
    "line1": "line1",
    "line2": "line2",
    "city": "city",
    "region": "state",
    "postcode": "zipCode",
    "country": "country",
}


@dataclass(slots=True)
class Score:
    """Counts over one group of pairs."""

    right_same: int = 0
    wrong_same: int = 0
    missed: int = 0
    right_different: int = 0
    seconds: float = 0.0
    again: float = 0.0

    def add(self, pair: Pair, verdict: AddressVerdict, seconds: float, again: float) -> None:
        """Count one pair."""
        said = verdict.outcome.same
        self.right_same += said and pair.is_same
        self.wrong_same += said and not pair.is_same
        self.missed += not said and pair.is_same
        self.right_different += not said and not pair.is_same
        self.seconds += seconds
        self.again += again

    def __str__(self) -> str:
        said, meant = self.right_same + self.wrong_same, self.right_same + self.missed
        pairs = said + self.missed + self.right_different
        precision = f"{self.right_same / said:.3f}" if said else "    -"
        recall = f"{self.right_same / meant:.3f}" if meant else "    -"
        new, again = (seconds / max(1, pairs) * 1000 for seconds in (self.seconds, self.again))
        counts = f"{pairs:7} pairs   precision {precision}   recall {recall}"
        return f"{counts}   {new:.3f} ms a pair, {again:.3f} ms once read"


@dataclass(slots=True)
class Report:
    """What one set gives at one level."""

    total: Score = field(default_factory=Score)
    countries: defaultdict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    disagreements: list[tuple[Pair, AddressVerdict]] = field(default_factory=list)


def address_of(row: dict[str, str], side: str) -> Address:
    parts = {name: row[f"{side}_{column}"].strip() or None for column, name in FIELDS.items()}
    return Address(**parts)


def pairs_of(path: Path) -> Iterator[Pair]:
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            sides = address_of(row, "a"), address_of(row, "b")
            yield Pair(row["pair_id"], row["country"], row["label"] == "1", *sides)


def measure(pairs: Iterable[Pair], level: Level) -> Report:
    """Check every pair twice: new, with the tables warm, and once its addresses have been read."""
    report = Report()
    for pair in pairs:
        start = time.process_time()
        verdict = check(pair.left, pair.right, level=level)
        middle = time.process_time()
        check(pair.left, pair.right, level=level)
        times = middle - start, time.process_time() - middle
        report.total.add(pair, verdict, *times)
        report.countries[pair.country].add(pair, verdict, *times)
        if verdict.outcome.same != pair.is_same:
            report.disagreements.append((pair, verdict))
    return report


def print_disagreements(report: Report) -> None:
    for pair, verdict in report.disagreements:
        label = "same" if pair.is_same else "different"
        print(f"  {pair.name}: labelled {label}, said {verdict.outcome}")
        for address in (pair.left, pair.right):
            print("      " + " | ".join(address.parts().values()))
        for reason in verdict.reasons:
            if reason.verdict != "same":
                sides = f"{reason.local_normal or '-'} / {reason.remote_normal or '-'}"
                print(f"      {reason.component}: {reason.verdict} ({sides}). {reason.why}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--quiet", action="store_true", help="do not list the disagreements")
    options = parser.parse_args()
    paths = sorted(options.folder.glob("*pairs*.csv"))
    if not paths:
        raise SystemExit(f"no *pairs*.csv in {options.folder}")
    sets = {path.stem: list(pairs_of(path)) for path in paths}
    if (prints := options.folder / NAME).exists():
        sets["printed"] = list(pairs_of_prints(prints))
    sets["generated"] = list(pairs_of_world())
    for name, pairs in sets.items():
        measure(pairs, Level.TOLERANT)  # the tables are loaded before anything is timed
        for level in (Level.NORMALISED, Level.TOLERANT):
            read.cache_clear()
            report = measure([pair for pair in pairs if level in pair.levels], level)
            print(f"{name:24} {level:10} {report.total}")
            for country, score in sorted(report.countries.items()):
                print(f"  {country:22} {'':10} {score}")
            if not options.quiet:
                print_disagreements(report)


if __name__ == "__main__":
    main()
