"""What the address check answers: an outcome, and a reason for every component.

*Same* is `match`, `equivalent` or `partial`; a record may go on with these. `one_sided` and
`mismatch` are for the caller's rules and for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Level(StrEnum):
    """How much of a difference in spelling the check sees through."""

    EXACT = "exact"
    NORMALISED = "normalised"
    TOLERANT = "tolerant"


class Outcome(StrEnum):
    """The verdict over two whole addresses."""

    MATCH = "match"
    EQUIVALENT = "equivalent"
    PARTIAL = "partial"
    ONE_SIDED = "one_sided"
    MISMATCH = "mismatch"

    @property
    def same(self) -> bool:
        """Whether both sides may be taken for one place."""
        return self in (Outcome.MATCH, Outcome.EQUIVALENT, Outcome.PARTIAL)


class ComponentVerdict(StrEnum):
    """The verdict over one component. Only `different` makes a mismatch."""

    SAME = "same"
    SPELLING = "spelling"
    TYPO = "typo"
    ONLY_LOCAL = "only_local"
    ONLY_REMOTE = "only_remote"
    DIFFERENT = "different"


Richer = Literal["local", "remote"] | None


@dataclass(frozen=True, slots=True)
class ComponentReason:
    """Why one component agrees or not.

    Attributes:
        component: `country`, `postal_code`, `region`, `city`, `street`, `house_number`, `unit`,
            `po_box`, `building` or `address` (the whole, at level `exact`).
        verdict: what was found.
        local: the local side as typed, None where it has none.
        remote: the CRM side as typed.
        local_normal: the form of `local` that was compared.
        remote_normal: the form of `remote` that was compared.
        why: one plain sentence for the person who reviews it.
    """

    component: str
    verdict: ComponentVerdict
    local: str | None
    remote: str | None
    local_normal: str | None
    remote_normal: str | None
    why: str


@dataclass(frozen=True, slots=True)
class AddressVerdict:
    """The outcome with its reasons.

    `richer` is set for `partial` only: the side that has more, or None where each side has
    something that the other lacks.
    """

    outcome: Outcome
    reasons: tuple[ComponentReason, ...] = ()
    richer: Richer = None
