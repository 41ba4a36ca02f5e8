"""Faults on demand: what a CRM does wrong, drawn from a seed so that a run can be repeated.

A rule names a call kind (as the sandbox counts them, or "*"), a fault and how often it strikes.
`Faults.draw` decides for one call; `carry_out` does what is the same for both CRMs (hang, drop, do the
work and then fail) and asks the CRM's own `Refusals` for the wording. The fault `partial` and, inside
batches, `lock` are left to the handler, which finds the rule in `request.state.fault`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from random import Random
from typing import Any

from starlette.requests import Request
from starlette.responses import Response


class Fault(StrEnum):
    """What goes wrong."""

    RATE_LIMIT = "rate_limit"
    """Too many calls: 429, or Salesforce's 403 REQUEST_LIMIT_EXCEEDED. Nothing is done."""
    SERVER_ERROR = "server_error"
    """500; nothing is done."""
    UNAVAILABLE_HTML = "unavailable_html"
    """503 with a page of HTML; nothing is done."""
    TIMEOUT_BEFORE = "timeout_before"
    """Hangs for `seconds`, then closes the connection; nothing is done."""
    TIMEOUT_AFTER = "timeout_after"
    """Does the work, then hangs for `seconds` and closes the connection without an answer."""
    ERROR_AFTER = "error_after"
    """Does the work, then answers 500."""
    LOCK = "lock"
    """The record is held by another writer; nothing is done."""
    PARTIAL = "partial"
    """In a batch a `share` of the rows fails as locked; the others land. Passed over elsewhere."""
    EXPIRE_TOKEN = "expire_token"  # noqa: S105 - no password
    """401 as for a token that has expired; nothing is done, and the token is no longer good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """One fault and when it strikes.

    Args:
        kind: a call kind, or "*" for every one.
        fault: what goes wrong.
        rate: chance per call, 0 to 1.
        times: stop after so many; None never stops.
        seconds: how long a hang lasts.
        share: for `partial`, the share of the rows that fail.
    """

    kind: str = "*"
    fault: Fault
    rate: float = 1.0
    times: int | None = None
    seconds: float = 30.0
    share: float = 0.5

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> FaultRule:
        """Read a rule from JSON.

        Raises:
            ValueError: a key or a value that a rule does not have.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"a fault rule has no {unknown[0]!r}; it has {', '.join(sorted(known))}")
        if "fault" not in values:
            raise ValueError("a fault rule needs a fault")
        rule = cls(**{**values, "fault": Fault(values["fault"])})
        _check_number("rate", rule.rate, most=1)
        _check_number("share", rule.share, most=1)
        _check_number("seconds", rule.seconds)
        if rule.times is not None:
            _check_number("times", rule.times)
        if not isinstance(rule.kind, str):
            raise ValueError("kind is a text")
        return rule


class Faults:
    """The rules in force, and what they have injected.

    Args:
        seed: the same seed and the same sequence of calls draw the same faults.
    """

    def __init__(self, seed: int) -> None:
        self.injected: Counter[tuple[str, Fault]] = Counter()
        self._random = Random(seed)  # noqa: S311 - repeatable on purpose
        self._rules: list[FaultRule] = []
        self._left: list[int | None] = []

    @property
    def rules(self) -> tuple[FaultRule, ...]:
        """The rules in force, in the order in which they are tried."""
        return tuple(self._rules)

    def set(self, rules: Iterable[FaultRule]) -> None:
        """Put these rules in force instead of those before."""
        self._rules = list(rules)
        self._left = [rule.times for rule in self._rules]

    def clear(self) -> None:
        """Let every call through again; the counts stay."""
        self.set(())

    def draw(self, kind: str, *, batch: bool = False, locks: bool = True) -> FaultRule | None:
        """The fault that strikes this call, if any: the first rule that fits and whose chance comes up.

        Args:
            kind: the call kind.
            batch: whether the call writes rows that can fail one by one; else `partial` is passed over.
            locks: whether the call can meet a lock; else `lock` is passed over.
        """
        passed_over = {*(() if batch else (Fault.PARTIAL,)), *(() if locks else (Fault.LOCK,))}
        for place, rule in enumerate(self._rules):
            left = self._left[place]
            if rule.kind not in ("*", kind) or left == 0 or rule.fault in passed_over:
                continue
            if self._random.random() >= rule.rate:
                continue
            if left is not None:
                self._left[place] = left - 1
            self.injected[kind, rule.fault] += 1
            return rule
        return None

    def failing(self, rule: FaultRule, rows: int) -> frozenset[int]:
        """The places of the rows of a batch that `partial` fails: at least one, in a seeded choice."""
        count = min(rows, max(1, round(rows * rule.share)))
        return frozenset(self._random.sample(range(rows), count))

    def counts(self) -> dict[str, dict[str, int]]:
        """How many faults were injected: {kind: {fault: n}}."""
        result: dict[str, dict[str, int]] = {}
        for (kind, fault), count in sorted(self.injected.items()):
            result.setdefault(kind, {})[fault.value] = count
        return result


Refusals = Mapping[Fault, Callable[[Request], Response]]
"""How a CRM words its refusals: RATE_LIMIT, SERVER_ERROR, UNAVAILABLE_HTML, LOCK and EXPIRE_TOKEN."""


async def carry_out(
    request: Request,
    rule: FaultRule | None,
    work: Callable[[Request], Awaitable[Response]],
    refusals: Refusals,
) -> Response:
    """Answer a call under the fault drawn for it.

    The rule is put in `request.state.fault` for handlers of batches. A `lock` on a kind whose handler
    words it itself can be left out of `refusals`: then the work is called.
    """
    request.state.fault = rule
    fault = rule.fault if rule else None
    if rule is None or fault is None or fault is Fault.PARTIAL:
        return await work(request)
    if fault is Fault.TIMEOUT_BEFORE:
        await asyncio.sleep(rule.seconds)
        return await drop(request)
    if fault is Fault.TIMEOUT_AFTER:
        await work(request)
        await asyncio.sleep(rule.seconds)
        return await drop(request)
    if fault is Fault.ERROR_AFTER:
        await work(request)
        return refusals[Fault.SERVER_ERROR](request)
    refuse = refusals.get(fault)
    return refuse(request) if refuse else await work(request)


async def drop(request: Request) -> Response:
    """Cut the connection of this request without an answer (a 504 where the server cannot)."""
    cut = request.scope.get("state", {}).get("drop_connection")
    if cut is not None:
        cut(request.scope["client"])
        # The cut takes effect on the next turn of the loop: what is sent then goes nowhere.
        await asyncio.sleep(0)
    return Response(status_code=504)


def _check_number(name: str, value: object, *, most: float | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is a number")
    if value < 0 or (most is not None and value > most):
        raise ValueError(f"{name} is out of range")
