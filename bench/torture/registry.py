"""The parts of the programme, by name. A new part is one more line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a part is asked for.

    Args:
        seed: the first seed; those of a part follow one another.
        count: how much of it: schedules, triples, machines, kills. None is the part's own for its form.
        form: `usual`, `short` or `nightly`.
        workers: processes at work at once.
        first: stop at the first finding.
    """

    seed: int = 1
    count: int | None = None
    form: str = "usual"
    workers: int = 2
    first: bool = False

    def of(self, *, short: int, usual: int, nightly: int) -> int:
        """How much to do."""
        return self.count or {"short": short, "usual": usual, "nightly": nightly}[self.form]


@dataclass(slots=True)
class Result:
    """What a part came to.

    Args:
        figures: name → number, as printed.
        wrong: every finding, one a line; none is the promise.
        lost: and the like: the four counts of the last line of the whole programme.
    """

    figures: dict[str, object] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    lost: int = 0
    duplicated: int = 0
    phantom_deletes: int = 0
    echoes: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """One part: what it is, and its command. `in_short`: whether `make torture-short` has it."""

    about: str
    run: Callable[[Order], Result]
    in_short: bool = True


Parts = Mapping[str, Part]
