"""Who knew what: every edit of a person is an event, and knows the events that its author had seen.

Each value carries the number of its event, so that it is known again wherever it turns up, in whatever
spelling. An edit is kept if it still stands somewhere, waits in an open row, or is in the past of something
that does: then whoever overwrote it had seen it. Nothing here is read from Concord's tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from connectors.records import Address, FieldValue

PATHS = {
    "name": "customer_name",
    "email": "email",
    "phone": "phone_number",
    "billing_line1": "address",
}
"""CRM field → canonical path, of those by which a value is known."""

_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Event:
    """An edit or a decision of a person.

    Args:
        past: the numbers of all events that its author had seen, and theirs.
        excused: its value need not be kept: it is a blank, or went with its record or a rule.
    """

    number: int
    path: str
    site: tuple[str, str]
    past: frozenset[int]
    excused: bool = False


def token(path: str, value: object) -> int | None:
    """The number that a value carries; None if it is blank."""
    if isinstance(value, Address):
        value = value.line1
    if value is None or not str(value).strip():
        return None
    found = _DIGITS.findall(str(value))
    digits = "".join(found)
    return int(digits[-4:]) if digits else None


def spelled(path: str, number: int, way: int = 0) -> str:
    """The value of an event, in one of the ways in which it can be written; an address is its first line."""
    return {
        "customer_name": (f"Name {number}", f" Name {number} "),
        "email": (f"e{number}@example.com", f"E{number}@Example.com"),
        "phone_number": (f"+1 217 555 {number:04d}", f"(217) 555-{number:04d}"),
        "address": (f"{number} Main Street", f"{number} Main St"),
    }[path][way % 2]


class History:
    """All events of a schedule."""

    def __init__(self) -> None:
        self.events: dict[int, Event] = {}
        self.standing: dict[tuple[str, int], int] = {}  # (path, token) → the event that the value stands for
        self._also: dict[int, set[int]] = {}
        self._blank: dict[tuple[str, tuple[str, str]], int] = {}
        self._number = 0

    def number(self) -> int:
        """A number that no event has."""
        self._number += 1
        return self._number

    def past_of(self, path: str, tokens: Iterable[int | None], site: tuple[str, str]) -> frozenset[int]:
        """The events that somebody has seen who sees these values at a site."""
        past: set[int] = set()
        for each in tokens:
            event = self._blank.get((path, site)) if each is None else self.standing.get((path, each))
            if event is not None:
                past |= {event, *self.events[event].past}
        return frozenset(past)

    def edited(self, path: str, site: tuple[str, str], number: int | None, seen: Iterable[int | None]) -> int:
        """A person writes a value (None: a blank) at a site, and has seen others there."""
        past = self.past_of(path, seen, site)
        event = self.number() if number is None or number in self.events else number
        self.events[event] = Event(event, path, site, past, excused=number is None)
        if number is None:
            self._blank[path, site] = event
        else:
            self.standing[path, number] = event
        return event

    def decided(self, before: int | None, event: int) -> None:
        """A decision chose a value that stood already: whoever saw that may overwrite the choice."""
        if before is not None and event != before:
            self._also.setdefault(before, set()).add(event)

    def moved(self, here: tuple[str, str], there: tuple[str, str]) -> None:
        """All that was written at one site is at another one from now on."""
        for number, event in self.events.items():
            if event.site == here:
                self.events[number] = replace(event, site=there)
        for path in PATHS.values():
            if (path, here) in self._blank:
                self._blank[path, there] = self._blank.pop((path, here))

    def excuse(self, *, site: tuple[str, str] | None = None, path: str | None = None) -> None:
        """What was written at a site, or to a field, so far need not be kept: a person chose that."""
        for number, event in self.events.items():
            if (site is None or event.site == site) and (path is None or event.path == path):
                self.excuse_event(number)

    def excuse_event(self, number: int) -> None:
        """One event's value need not be kept."""
        event = self.events[number]
        self.events[number] = replace(event, excused=True)

    def lost(self, heads: Iterable[tuple[str, int]]) -> list[Event]:
        """Events that are in nobody's past and stand nowhere."""
        kept = {self.standing[head] for head in heads if head in self.standing}
        kept |= {number for number, event in self.events.items() if event.excused}
        new = kept
        while new:
            past = {
                each for number in new for each in (*self.events[number].past, *self._also.get(number, ()))
            }
            new = past - kept
            kept |= new
        return [event for number, event in self.events.items() if number not in kept]

    def knew(self, path: str, one: int, other: int) -> bool:
        """Whether the author of one value had seen the other."""
        first, second = self.standing.get((path, one)), self.standing.get((path, other))
        return first is not None and second is not None and second in self.events[first].past


def tokens_of(path: str, values: Iterable[FieldValue]) -> list[int | None]:
    """Of several values."""
    return [token(path, value) for value in values]
