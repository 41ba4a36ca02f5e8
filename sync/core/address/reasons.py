"""Making reasons, and what is known of two places while they are compared."""

from __future__ import annotations

from typing import NamedTuple

from sync.core.address.place import Place
from sync.core.address.postal import names_a_street
from sync.core.address.verdict import ComponentReason
from sync.core.address.verdict import ComponentVerdict as V

Pair = tuple[str, str]


class Context(NamedTuple):
    """What is already known of two places when their premises are compared."""

    left: Place
    right: Place
    tolerant: bool
    same_postal: bool
    same_city: bool = False

    @property
    def country(self) -> str | None:
        """The country of either side."""
        return self.left.country or self.right.country

    @property
    def same_postal_street(self) -> bool:
        """Whether both have a postal code that stands for one street."""
        return self.same_postal and names_a_street(self.left.postal, self.country)


def reason(component: str, verdict: V, why: str, raw: Pair, normal: Pair) -> ComponentReason:
    """A reason; empty texts become None."""
    return ComponentReason(
        component, verdict, raw[0] or None, raw[1] or None, normal[0] or None, normal[1] or None, why
    )


def one_sided(component: str, raw: Pair, normal: Pair) -> list[ComponentReason] | None:
    """The reasons if at most one side has the component; None if both have it."""
    if normal[0] and normal[1]:
        return None
    if normal[0]:
        return [reason(component, V.ONLY_LOCAL, "Only billing has it.", raw, normal)]
    if normal[1]:
        return [reason(component, V.ONLY_REMOTE, "Only the CRM has it.", raw, normal)]
    return []


def both_more(component: str, why: str, pair: Pair) -> list[ComponentReason]:
    """Each side has something that the other lacks."""
    return [reason(component, side, why, pair, pair) for side in (V.ONLY_LOCAL, V.ONLY_REMOTE)]
