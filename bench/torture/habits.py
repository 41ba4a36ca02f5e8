"""How often what happens in a schedule: what people do, and how much goes wrong meanwhile.

Each schedule draws its habits, so that what is rare in one is common in another; a hunt for one fault asks
for those that meet it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

WEIGHTS: Mapping[str, int] = {
    "edit a record": 26,
    "edit a customer": 18,
    "sync": 14,
    "work": 12,
    "decide": 7,
    "create a record": 6,
    "create a customer": 3,
    "delete a record": 2,
    "bring back a record": 2,
    "respell a record": 2,
    "touch a record": 2,
    "merge records": 1,
    "merge records into a new one": 1,
    "delete a customer": 1,
    "change a key": 1,
    "compare all": 1,
    "resync": 1,
    "wait": 5,
}
"""What happens at a step → how often, beside the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """Chances, each of one occasion.

    Args:
        weights: what differs from `WEIGHTS`.
        meanwhile: of a touch of a CRM: that someone edits some record, and half as often some customer.
        race: of a write: that someone edits just this record before it, or this customer after it.
        beside: of a touch of a CRM: that another worker is woken beside the one at work.
        taken_over: of a touch of a CRM: that the lease runs out and another worker takes over.
        killed: of a process: that it is killed early.
        failing: of a write: that something is wrong with its answer.
        refused: of any other call: that the CRM is down or busy.
        late: of an edit: that the CRM's index shows it after an hour only.
    """

    weights: Mapping[str, int] = field(default_factory=dict)
    meanwhile: float = 0.05
    race: float = 0.08
    beside: float = 0.01
    taken_over: float = 0.01
    killed: float = 0.2
    failing: float = 0.14
    refused: float = 0.03
    late: float = 0.01

    @property
    def all_weights(self) -> dict[str, int]:
        """Of every step, in a fixed order."""
        return {**WEIGHTS, **self.weights}


USUAL = Habits()
STILL = Habits(
    meanwhile=0.0, race=0.0, beside=0.0, taken_over=0.0, killed=0.0, failing=0.0, refused=0.0, late=0.0
)
BIASES: Mapping[str, Habits] = {
    "usual": USUAL,
    "lives": Habits(
        weights={
            "create a record": 10,
            "create a customer": 6,
            "delete a record": 7,
            "bring back a record": 6,
            "merge records": 5,
            "merge records into a new one": 5,
            "delete a customer": 4,
            "change a key": 4,
            "edit a record": 14,
            "edit a customer": 12,
        },
        killed=0.1,
    ),
    "races": Habits(race=0.4, meanwhile=0.1, beside=0.04, killed=0.1),
    "creating": Habits(weights={"create a customer": 14, "create a record": 12}, race=0.3, meanwhile=0.1),
    "broken": Habits(killed=0.45, failing=0.3, taken_over=0.03),
    "spelling": Habits(weights={"respell a record": 20, "touch a record": 8, "edit a customer": 24}),
    "late": Habits(weights={"wait": 12, "compare all": 3}, late=0.15),
    "still": STILL,
    "calm": Habits(killed=0.0, failing=0.0, taken_over=0.0, beside=0.03, race=0.2),
}
SHARES: Mapping[str, int] = {
    "usual": 44,
    "lives": 16,
    "races": 12,
    "creating": 8,
    "broken": 8,
    "spelling": 4,
    "late": 4,
    "calm": 4,
}
"""Bias → its share of the schedules."""
