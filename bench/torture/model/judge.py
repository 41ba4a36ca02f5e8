"""What must be true of a schedule of the model, judged by what stands in both CRMs, here and in the queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from bench.torture.history import PATHS, History, token
from bench.torture.model.engine import Engine
from bench.torture.model.state import Side
from bench.torture.oracle import Findings
from sync.core import normalise


@dataclass
class SmallOracle:
    """Judges one schedule.

    Args:
        ruled: paths of which a rule says who wins.
        disturbed: keys of which a record was deleted, merged or made twice.
        unknown: per CRM, keys of records that were gone before Concord knew that it had made them.
    """

    engine: Engine
    history: History
    ruled: Collection[str]
    disturbed: Collection[str]
    unknown: Mapping[str, Counter[str]]
    found: Findings = field(default_factory=Findings)

    def judge(self) -> None:
        """Everything, at rest."""
        lost = self.history.lost(set(self._heads()))
        self.found.lost += [
            f"{each.path} {each.number} of {each.site}" for each in lost if each.path not in self.ruled
        ]
        keys = Counter(each.key for each in self.engine.customers.values())
        self.found.duplicated += [f"{count} customers {key}" for key, count in keys.items() if count > 1]
        for name, side in self.engine.sides.items():
            self._written(name, side)
            self._apart(name, side)

    def _heads(self) -> Iterator[tuple[str, int]]:
        standing = [each.fields for each in self.engine.customers.values()]
        for side in self.engine.sides.values():
            standing += [side.crm.records[ref].fields for ref in side.crm.live()]
            for row in side.rows.values():
                standing += [dict(row.local), dict(row.remote), dict(row.landed)]
                standing += [{path: pair[end] for path, pair in row.baseline.items()} for end in (0, 1)]
        for values in standing:
            for path, each in values.items():
                number = token(path, each)
                if number is not None:
                    yield path, number

    def _written(self, name: str, side: Side) -> None:
        made = Counter(side.crm.records[each.ref].key for each in side.crm.past if each.created and each.ours)
        made -= self.unknown[name]
        self.found.duplicated += [
            f"{name} {key} made {count} times" for key, count in made.items() if count > 1
        ]
        for each in side.crm.past:
            if not each.ours or each.created:
                continue
            for path, after in each.after.items():
                before = each.before[path]
                if side.crm.conditional and normalise.identical(path, before, after):
                    self.found.echoes.append(f"{name} {each.ref} {path} was {after} already")
                if token(path, before) is not None and token(path, after) is None and path not in self.ruled:
                    self.found.lost.append(f"{name} {each.ref} {path} was emptied")

    def _apart(self, name: str, side: Side) -> None:
        asked = {row.subject for row in side.rows.values()} | {row.customer_id for row in side.rows.values()}
        for customer in self.engine.customers.values():
            records = side.crm.with_key(customer.key)
            if customer.key in self.disturbed or customer.id in asked or f"key:{customer.key}" in asked:
                continue
            if len(records) != 1:
                self.found.apart.append(f"{customer.key} has {len(records)} records in {name}")
                continue
            theirs = side.crm.records[records[0]].fields
            for path in PATHS.values():
                one, other = token(path, customer.fields[path]), token(path, theirs[path])
                if None not in (one, other) and one != other and path not in self.ruled:
                    self.found.apart.append(f"{name} {records[0]} {path}: {one} here, {other} there")
