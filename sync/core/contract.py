"""A contract's rules: what it must hold, which of its phases runs, and how its status moves.

Times are half-open: a contract or a phase runs from its start on, up to its end and not at it, so that one
phase may begin at the moment at which another ends. A phase without an end runs to the start of the next
one, the last to the end of the contract. Between phases there may be gaps.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import urlsplit

from sync.core.money import currency


class Status(StrEnum):
    """Where a contract stands."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    DISPUTED = "disputed"
    EXPIRED = "expired"


FIRST = (Status.ACTIVE, Status.DRAFT)
"""What a contract may be when it is made."""

RUNNING = (Status.ACTIVE, Status.PAUSED, Status.DISPUTED)
"""A customer of such a contract cannot be deleted."""

MOVES: Mapping[Status, tuple[Status, ...]] = {
    Status.DRAFT: (Status.ACTIVE,),
    Status.ACTIVE: (Status.PAUSED, Status.DISPUTED),
    Status.PAUSED: (Status.ACTIVE,),
    Status.DISPUTED: (Status.ACTIVE,),
    Status.EXPIRED: (),
}
"""Where a person may move it. From each status time alone moves it to `expired`, and nothing out of it."""

FIXED_AT_THE_END = ("currency", "start_date", "end_date", "phases")
"""An expired contract does not come back: whoever goes on makes a new one."""

RENEWALS = ("do_not_renew", "renew_with_default_contract", "renew_with_existing")
SUPPORTED_RENEWAL = RENEWALS[0]

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, tzinfo=UTC)
"""A day before the calendar ends: a database shows times in the zone of its session."""

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The times of a phase."""

    start_date: datetime
    end_date: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the rules look at."""

    currency: str
    start_date: datetime
    end_date: datetime | None = None
    phases: Sequence[Phase]
    renewal_policy: str = SUPPORTED_RENEWAL
    contract_link: str | None = None


def read_time(text: str) -> datetime:
    """A moment in ISO 8601; a date alone is its midnight, and what names no zone is in UTC.

    Raises:
        ValueError: it is none, or lies outside of what can be kept; the text says why.
    """
    if not _TIME.fullmatch(text):
        raise ValueError("must be a date or time in ISO 8601, such as 2026-01-31 or 2026-01-31T09:30:00Z")
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError("is no day or time of the calendar") from None
    moment = found if found.tzinfo else found.replace(tzinfo=UTC)
    # Compared before it is converted: near the ends of the calendar it cannot be.
    if not EARLIEST <= moment <= LATEST:
        raise ValueError(f"must lie between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}")
    return moment.astimezone(UTC)


def problems(terms: Terms) -> dict[str, str]:
    """Field → why it cannot stand; a phase by its place as given: `phases.0.end_date`."""
    wrong = {}
    if currency(terms.currency) is None:
        wrong["currency"] = "is no currency of ISO 4217"
    if terms.end_date is not None and terms.end_date <= terms.start_date:
        wrong["end_date"] = "must be after start_date"
    if terms.renewal_policy not in RENEWALS:
        wrong["renewal_policy"] = f"must be one of {', '.join(RENEWALS)}"
    elif terms.renewal_policy != SUPPORTED_RENEWAL:
        wrong["renewal_policy"] = f"is not supported yet; only {SUPPORTED_RENEWAL} is"
    if terms.contract_link is not None and not _is_web_address(terms.contract_link):
        wrong["contract_link"] = "must be an http or https URL"
    if not terms.phases:
        wrong["phases"] = "must hold at least one phase"
    # Dates that are wrong themselves say nothing of the phases.
    return wrong | _phase_problems(terms, None if "end_date" in wrong else terms.end_date)


def _phase_problems(terms: Terms, last: datetime | None) -> dict[str, str]:
    wrong = {}
    before: int | None = None
    for number in sorted(range(len(terms.phases)), key=lambda each: terms.phases[each].start_date):
        phase = terms.phases[number]
        start, end = f"phases.{number}.start_date", f"phases.{number}.end_date"
        if phase.start_date < terms.start_date:
            wrong[start] = "is before the contract's start_date"
        elif last is not None and phase.start_date >= last:
            wrong[start] = "is not before the contract's end_date"
        elif before is not None and _reaches(terms.phases[before], phase.start_date):
            wrong[start] = f"overlaps phases.{before}"
        if phase.end_date is not None and phase.end_date <= phase.start_date:
            wrong[end] = "must be after start_date"
        elif phase.end_date is not None and last is not None and phase.end_date > last:
            wrong[end] = "is after the contract's end_date"
        before = number
    return wrong


def _reaches(phase: Phase, moment: datetime) -> bool:
    """Whether a phase that does not begin later still runs at a moment at which another begins."""
    return moment == phase.start_date or (phase.end_date is not None and moment < phase.end_date)


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return whole and parts.scheme in ("http", "https") and not _NOT_IN_URLS.search(text)


def first_problem(status: str) -> str | None:
    """Why a contract cannot be made with a status, or None if it can."""
    if status in FIRST:
        return None
    return f"must be {' or '.join(FIRST)} when a contract is made"


def move_problem(before: Status, after: str) -> str | None:
    """Why a person cannot move a contract from one status to another, or None if it may be, or stays."""
    if after == before or after in MOVES[before]:
        return None
    if after not in list(Status):
        return f"must be one of {', '.join(Status)}"
    if after == Status.EXPIRED:
        return "turns to expired by itself when end_date is reached"
    allowed = " or ".join(MOVES[before])
    return f"cannot become {after}: {before} can become {allowed or 'nothing else'}"


def change_problems(status: Status, changed: Collection[str]) -> dict[str, str]:
    """Field → why it cannot be changed while the contract is what it is; the status itself apart."""
    if status is Status.EXPIRED:
        why = "cannot be changed: the contract has expired"
        return {field: why for field in FIXED_AT_THE_END if field in changed}
    if status is not Status.DRAFT and "currency" in changed:
        return {"currency": "can be changed only while the contract is a draft"}
    return {}


def status_at(status: str, end_date: datetime | None, moment: datetime) -> Status:
    """What a contract is at a moment: its end is not waited for."""
    return Status.EXPIRED if end_date is not None and end_date <= moment else Status(status)


def current_phase(phases: Sequence[Phase], end_date: datetime | None, moment: datetime) -> int | None:
    """Which of a valid contract's phases runs at a moment, by its place; None between them and outside."""
    if end_date is not None and end_date <= moment:
        return None
    begun = [number for number, phase in enumerate(phases) if phase.start_date <= moment]
    if not begun:
        return None
    last = max(begun, key=lambda number: phases[number].start_date)
    end = phases[last].end_date
    return last if end is None or moment < end else None
