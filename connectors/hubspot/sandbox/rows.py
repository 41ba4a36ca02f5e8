"""The rows of one batch: each checked before any is written, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.call import Answer, Call, View
from connectors.hubspot.sandbox.company import Company, iso
from connectors.hubspot.sandbox.errors import (
    PropertyError,
    Refusal,
    missing_in_batch,
    properties_refused,
    properties_text,
)

Row: TypeAlias = Mapping[str, Any]


@dataclass(slots=True)
class Step:
    """One row, checked: what to write to which company (None: a new one), or why not."""

    row: Row
    company: Company | None
    given: Mapping[str, Any]
    values: dict[str, str] = field(default_factory=dict)
    errors: list[PropertyError] = field(default_factory=list)
    refusal: Refusal | None = None

    @property
    def bad(self) -> bool:
        """Whether the row cannot be written."""
        return bool(self.errors or self.refusal)


class Plan:
    """The rows of a batch, each checked against the account and against the rows before it."""

    def __init__(self, account: Account) -> None:
        self.steps: list[Step] = []
        self._account = account
        self._claimed: dict[tuple[str, str], int] = {}
        self._made = 0

    def add(self, row: Row, company: Company | None, given: Mapping[str, Any]) -> None:
        """Check one more row; `company` is None for a new one."""
        step = Step(row, company, given)
        try:
            if company is None:
                step.values, step.errors = self._account.check_new(given)
            else:
                step.values, step.errors = self._account.check(given, company)
        except Refusal as refusal:
            step.refusal = refusal
        if not step.bad:
            self._claim(step, company.id if company else self._account.store.next_id() + self._made)
        if company is None and not step.bad:
            self._made += 1
        self.steps.append(step)

    def _claim(self, step: Step, target: int) -> None:
        for name in self._account.store.schema.unique():
            value = step.values.get(name)
            if value and self._claimed.setdefault((name, value), target) != target:
                step.errors.append(self._account.taken(name, value, target, self._claimed[name, value]))


class Outcome:
    """What became of the rows, and the answer that says so."""

    def __init__(self, account: Account, call: Call, traces: Sequence[str] | None = None) -> None:
        self.results: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []
        self._account = account
        self._call = call
        self._traced = traces is not None
        self._started = account.clock.now()
        self._view = View(account.store.schema, account.portal_id, ())

    def write(self, plan: Plan, rows: int, *, tell_new: bool = False) -> None:
        """Write the rows that are good.

        Raises:
            Refusal: one is not, and the rows carry no trace ids; nothing was written.
        """
        bad = [step for step in plan.steps if step.bad]
        if bad and not self._traced:
            raise self._whole(bad)
        rule = self._call.partial
        locked = self._account.faults.failing(rule, rows) if rule and rows else frozenset()
        for place, step in enumerate(plan.steps):
            if step.bad:
                self._refuse(step)
            elif place in locked:
                self._locked(step)
            else:
                self._write(step, tell_new=tell_new)

    def answer(self, status: int, missing: Sequence[str] = ()) -> Answer:
        """207 where a row failed; the API of 2026-09 says so in a body of its usual status.

        Source: HubSpot public API specification, batch endpoints per version.
        """
        errors = self.errors + ([missing_in_batch(missing)] if missing else [])
        body: dict[str, Any] = {
            "completedAt": iso(self._account.clock.now()),
            "status": "COMPLETE",
            "startedAt": iso(self._started),
            "results": self.results,
        }
        if errors:
            body |= {"errors": errors, "numErrors": len(errors)}
            status = status if self._call.version == "2026-09" else 207
        return Answer(status, body)

    def _write(self, step: Step, *, tell_new: bool) -> None:
        account, company = self._account, step.company
        if company is None:
            company = account.make(step.values, account.api, self._started)
        else:
            account.change(company, step.values, account.api, self._started)
        result = self._view.written(company, step.given)
        if tell_new:
            result["new"] = step.company is None
        if self._traced:
            result["objectWriteTraceId"] = step.row["objectWriteTraceId"]
        self.results.append(result)

    def _refuse(self, step: Step) -> None:
        if step.refusal:
            message, context = step.refusal.message, dict(step.refusal.context or {})
        else:
            message, context = properties_text(step.errors, self._account.portal_id), {}
        self._fail(step, "VALIDATION_ERROR", message, context)

    def _locked(self, step: Step) -> None:
        self._fail(step, "LOCKED", "This record is locked by another request.", {})

    def _fail(self, step: Step, category: str, message: str, context: dict[str, Any]) -> None:
        if self._traced:
            context["objectWriteTraceId"] = [step.row["objectWriteTraceId"]]
        elif step.company is not None:
            context["ids"] = [str(step.company.id)]
        error = {"status": "error", "category": category, "message": message, "context": context}
        self.errors.append(error)

    def _whole(self, bad: Sequence[Step]) -> Refusal:
        errors = [error for step in bad for error in step.errors]
        if errors:
            return properties_refused(errors, self._account.portal_id)
        return next(step.refusal for step in bad if step.refusal)
