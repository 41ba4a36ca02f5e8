"""T2: perturbed triples of baseline, local and CRM through the planner alone.

The three are made of the same few values, so that they meet often. Each must settle in one go, whatever the
order of its fields; a second look finds nothing; swapping the sides swaps the decisions; without a baseline
nothing is erased; and no address moves to another place unasked.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bench.torture.registry import Order, Result
from connectors.records import FieldValue
from sync.core import normalise
from sync.core.address import Outcome, check
from sync.core.decide import Decision
from sync.core.diff import Baseline, as_address, changed
from sync.core.policy import (
    AddressPolicy,
    Blanks,
    Direction,
    FirstLink,
    OnBothChanged,
    OnPartial,
    Policy,
    Rule,
)
from sync.core.reconcile import Sides, accepted_pair, reconcile
from tests.core.strategies import ADDRESSES, FIELDS, VALUES
from tests.core.test_laws import MIRROR, applied, mirrored, mirrored_policy

CHUNK = 2_000
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _value(chance: random.Random, path: str) -> FieldValue:
    return chance.choice(VALUES.get(path, ADDRESSES))


def triple(chance: random.Random) -> Sides:
    """Two sides, each a perturbation of what they may have agreed on."""
    agreed = {path: (_value(chance, path), _value(chance, path)) for path in FIELDS}
    local = {path: chance.choice((agreed[path][0], _value(chance, path))) for path in FIELDS}
    remote = {path: chance.choice((agreed[path][1], local[path], _value(chance, path))) for path in FIELDS}
    baseline: Baseline | None = None
    if chance.random() < 0.7:
        baseline = {path: agreed[path] for path in FIELDS if chance.random() < 0.85}
    accepted = {
        path: accepted_pair(local[path], remote[path])
        for path in ("address", "ship_to_address")
        if chance.random() < 0.15
    }
    times = (None, NOON, NOON + timedelta(hours=1))
    return Sides(
        local=local,
        remote=remote,
        baseline=baseline,
        local_at=chance.choice(times),
        remote_at=chance.choice(times),
        accepted=accepted,
    )


def policy(chance: random.Random) -> Policy:
    """Any rules, the default ones most often."""
    rules = {
        path: Rule(
            direction=chance.choice([*Direction]),
            on_both_changed=chance.choice([*OnBothChanged]),
            blanks=chance.choice([*Blanks]),
            first_link=chance.choice([None, *FirstLink]),
        )
        for path in FIELDS
        if chance.random() < 0.3
    }
    return Policy(
        fields=FIELDS,
        rules=rules,
        first_link=chance.choice([*FirstLink]),
        address_policy=chance.choice([*AddressPolicy]),
        on_partial=chance.choice([*OnPartial]),
    )


def wrong(seen: Sides, rules: Policy, chance: random.Random) -> Iterator[str]:
    """The laws that one triple breaks."""
    first = reconcile(seen, rules)
    shuffled = replace(rules, fields=tuple(chance.sample(rules.fields, len(rules.fields))))
    if reconcile(seen, shuffled) != first:
        yield "the order of the fields matters"
    again = reconcile(applied(seen, first), rules)
    if (
        again.held != first.held
        or again.to_local
        or again.to_remote
        or set(again.conflicts) - set(first.conflicts)
    ):
        yield "a second look finds work"
    other = reconcile(mirrored(seen), mirrored_policy(rules))
    swapped = {path: MIRROR.get(each.decision, each.decision) for path, each in first.rulings.items()}
    if other.held != first.held or {p: each.decision for p, each in other.rulings.items()} != swapped:
        yield "swapping the sides does not swap the decisions"
    for moved, before in ((first.to_local, seen.local), (first.to_remote, seen.remote)):
        for path, value in moved.items():
            erases = normalise.blank(value) and not normalise.blank(before[path])
            if erases and (seen.baseline is None or path not in seen.baseline):
                yield f"{path} is erased without a baseline"
            if erases and rules.rule(path).blanks is Blanks.KEEP and path not in seen.accepted:
                yield f"{path} is blanked though blanks are kept"
    yield from _vanished(seen, first.rulings, rules)
    verdict = check(as_address(seen.local["address"]), as_address(seen.remote["address"]))
    moves = "address" in first.to_local or "address" in first.to_remote
    free = rules.address_policy is AddressPolicy.THREE_WAY or "address" in seen.accepted
    if verdict.outcome is Outcome.MISMATCH and moves and not free and not _let_stand(seen):
        yield "an address moved to another place unasked"


def _vanished(seen: Sides, rulings: object, rules: Policy) -> Iterator[str]:
    for path, ruling in rulings.items():  # type: ignore[attr-defined]
        if ruling.overwrites or ruling.decision not in (Decision.TAKE_CRM, Decision.PUSH_LOCAL):
            continue
        side = 0 if ruling.decision is Decision.TAKE_CRM else 1
        value = (seen.local, seen.remote)[side][path]
        pair = None if seen.baseline is None else seen.baseline.get(path)
        known = pair is not None and not changed(path, pair[side], value)
        says_more = not normalise.blank(value) and not path.endswith(("address", "phone_number"))
        if says_more and not known and not normalise.same(path, seen.local[path], seen.remote[path]):
            yield f"an edit of {path} vanished unseen"


def _let_stand(seen: Sides) -> bool:
    pair = None if seen.baseline is None else seen.baseline.get("address")
    return pair is not None and not (
        changed("address", pair[0], seen.local["address"])
        or changed("address", pair[1], seen.remote["address"])
    )


def judge(seed: int) -> list[str]:
    """What is wrong with the triple of a seed."""
    chance = random.Random(seed)
    return [f"seed {seed}: {each}" for each in wrong(triple(chance), policy(chance), chance)]


def _judge_all(seeds: range) -> list[str]:
    return [line for seed in seeds for line in judge(seed)]


def plans(order: Order) -> Result:
    """Every triple of the seeds."""
    count = order.of(short=100_000, usual=100_000, nightly=1_000_000)
    seeds = [
        range(start, min(start + CHUNK, order.seed + count))
        for start in range(order.seed, order.seed + count, CHUNK)
    ]
    started = time.monotonic()
    found: list[str] = []
    if order.workers <= 1:
        for chunk in seeds:
            found += _judge_all(chunk)
            if found and order.first:
                break
    else:
        with multiprocessing.get_context("spawn").Pool(order.workers) as pool:
            found = [line for part in pool.imap_unordered(_judge_all, seeds) for line in part]
    took = time.monotonic() - started
    return Result(figures={"triples": count, "triples a second": round(count / took)}, wrong=found)
