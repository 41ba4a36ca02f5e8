"""The org: everything that the handlers and the control routes share, wired together once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from connectors.salesforce.sandbox.clock import Clock, parse_iso, seconds_of
from connectors.salesforce.sandbox.cursors import Cursors
from connectors.salesforce.sandbox.errors import ApiError
from connectors.salesforce.sandbox.ids import IdMaker, numbered
from connectors.salesforce.sandbox.knobs import Knobs
from connectors.salesforce.sandbox.organisation import FOUNDED, organisation_view
from connectors.salesforce.sandbox.outbound import Outbound
from connectors.salesforce.sandbox.records import Records
from connectors.salesforce.sandbox.sessions import Sessions
from connectors.salesforce.sandbox.store import Actor, Change, Store
from connectors.salesforce.sandbox.view import View
from connectors.sandbox.control import ControlError
from connectors.sandbox.faults import Faults
from connectors.sandbox.journal import Journal

INTEGRATION_USER = "Integration User"
SEEDER = "Data Loader"
SEEDED_BEFORE = 86_400
"""Seconds by which the first accounts are older than the org's start."""


class SalesforceState:
    """One org's state; implements `connectors.sandbox.control.SandboxState`.

    Args:
        seed: decides ids, credentials and faults.
        knobs: where the knobs stand at first.
        path: the journal; None keeps nothing.
    """

    def __init__(self, *, seed: int, knobs: Knobs, path: Path | None) -> None:
        random = Random(seed)  # noqa: S311 - repeatable on purpose
        self._pod = f"{random.randrange(10)}{chr(97 + random.randrange(26))}{random.randrange(10)}"
        self.organisation = numbered(f"00D{self._pod}", random.randrange(62**5))
        self.knobs = knobs
        self.schema = knobs.schema()
        self.schema_since = FOUNDED
        self.faults = Faults(seed)
        self.clock = Clock()
        self.calls: Counter[str] = Counter()
        self.writes = 0
        self.used = 0
        self.users: dict[str, str] = {}
        self.integration_user = self.user_id(INTEGRATION_USER)
        self.sessions = Sessions(
            f"3MVG9{_token(seed, 'id', 40)}", _token(seed, "secret", 32).upper(), self.organisation
        )
        self.cursors = Cursors(self._pod)
        self.view = View(self.schema)
        self.organisations = organisation_view(self.organisation, self._pod)
        self.journal = Journal(path)
        self.store = Store(self.journal, self.schema, self._committed)
        self.listeners: list[Callable[[Sequence[Change]], None]] = []
        self.outbound = Outbound(
            organisation=self.organisation,
            pod=self._pod,
            seed=seed,
            rows=self.store.rows,
            schema=lambda: self.schema,
        )
        self.ids = IdMaker("001", self._pod, random.randrange(62**4))
        self.records = Records(
            self.store, self.clock, self.ids, lambda: self.schema, lambda user: user in self.users.values()
        )
        self._set_clock(knobs)
        self._load()

    def actor(self, client: str | None = None) -> Actor:
        """Who writes through the API."""
        return Actor(self.integration_user, INTEGRATION_USER, "api", client)

    def person(self, name: str) -> Actor:
        """Who writes through the pages."""
        return Actor(self.user_id(name), name, "ui")

    def user_id(self, name: str) -> str:
        """The id of a user; the same name has the same id in every run."""
        if name not in self.users:
            number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
            self.users[name] = numbered(f"005{self._pod}", number)
        return self.users[name]

    def visible(self) -> View:
        """The view, with everything in it that is due."""
        self.view.advance(self.clock.now())
        return self.view

    def counts(self) -> Mapping[str, Any]:
        """Calls by kind, rows written through the API, live records."""
        live = sum(1 for row in self.store.rows.values() if not row["IsDeleted"])
        return {"calls": dict(self.calls), "writes": self.writes, "records": live}

    def reset_counts(self) -> None:
        """Count from nothing again."""
        self.calls.clear()
        self.writes = 0

    def person_edit(self, record_id: str, fields: Mapping[str, Any], *, user: str) -> Mapping[str, Any]:
        """An edit in the CRM's pages."""
        with self._as_person():
            return {"id": self.records.update(record_id, self._typed(fields), self.person(user))}

    def person_create(self, fields: Mapping[str, Any], *, user: str) -> Mapping[str, Any]:
        """A new account made in the CRM's pages."""
        with self._as_person():
            return {"id": self.records.create(self._typed(fields), self.person(user))}

    def person_delete(self, record_id: str, *, user: str) -> Mapping[str, Any]:
        """An account thrown away in the CRM's pages."""
        with self._as_person():
            return {"id": self.records.delete(record_id, self.person(user))}

    def person_undelete(self, record_id: str, *, user: str) -> Mapping[str, Any]:
        """An account taken out of the recycle bin."""
        with self._as_person():
            return {"id": self.records.undelete(record_id, self.person(user))}

    def person_merge(self, winner: str, losers: Sequence[str], *, user: str) -> Mapping[str, Any]:
        """Accounts merged in the CRM's pages."""
        with self._as_person():
            return {"id": self.records.merge(winner, losers, self.person(user))}

    def raw_records(self) -> Iterable[Mapping[str, Any]]:
        """Every committed row, deleted ones too; fields without a value are left out."""
        return self.store.rows.values()

    def history(self, since: int) -> Iterable[Mapping[str, Any]]:
        """Every change after number `since`."""
        return (change.shown() for change in self.store.history if change.seq > since)

    def settings(self) -> Mapping[str, Any]:
        """The knobs."""
        return {**self.knobs.shown(), "webhooks": self.outbound.settings()}

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Set some knobs; `webhooks` has knobs of its own."""
        webhooks = self.outbound.checked(settings.get("webhooks", {}))
        knobs = self.knobs.changed({name: each for name, each in settings.items() if name != "webhooks"})
        self._set_clock(knobs)
        old, self.knobs = self.knobs, knobs
        if (knobs.external_id, knobs.extra_fields) != (old.external_id, old.extra_fields):
            self.schema = knobs.schema()
            self.schema_since = self.clock.stamp()
            self.store.index(self.schema)
            self.view.index(self.schema)
        if "daily_limit" in settings:
            self.used = 0
        if not knobs.visibility_delay:
            self.view.advance(None)
        self.outbound.use(*webhooks)

    def seed(self, population: Iterable[Mapping[str, Any]]) -> None:
        """Fill the org with accounts, stamped a day ago: no run takes them for fresh changes.

        Raises:
            ApiError: an account that the org would not take.
        """
        offset, self.clock.offset = self.clock.offset, self.clock.offset - SEEDED_BEFORE
        try:
            with self.store.transaction():
                for fields in population:
                    self.records.create(fields, self.person(SEEDER))
        finally:
            self.clock.offset = offset

    def close(self) -> None:
        """Send no more messages, and give the journal's file back."""
        self.outbound.outbox.close()
        self.journal.close()

    @contextmanager
    def _as_person(self) -> Iterator[None]:
        """One transaction, whose refusal reaches the control routes as theirs."""
        try:
            with self.store.transaction():
                yield
        except ApiError as error:
            raise ControlError(f"{error.code}: {error.message}") from error

    def _typed(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Fields as the pages send them: line breaks of long texts are CR LF."""
        typed = dict(fields)
        for name, value in fields.items():
            field = self.schema.find(name)
            if field is not None and field.type == "textarea" and isinstance(value, str):
                typed[name] = "\r\n".join(value.splitlines())
        return typed

    def _committed(self, changes: Sequence[Change]) -> None:
        if changes[0].actor.source == "api":
            self.writes += len(changes)
        delay = self.knobs.visibility_delay
        self.view.show((change.after for change in changes), due=self.clock.now() + delay if delay else None)
        self.outbound.tell(changes)
        for listener in self.listeners:
            listener(changes)

    def _load(self) -> None:
        self.store.load()
        self.view.show(self.store.rows.values())
        for change in self.store.history:
            self.users.setdefault(change.actor.user, change.actor.user_id)
        if self.store.rows:
            self.ids.after(max(self.store.rows))

    def _set_clock(self, knobs: Knobs) -> None:
        if isinstance(knobs.freeze_clock, str):
            stamp = parse_iso(knobs.freeze_clock)
            if stamp is None:
                raise ControlError(f"freeze_clock is no ISO 8601 time: {knobs.freeze_clock}")
            self.clock.stopped = seconds_of(stamp)
        elif not knobs.freeze_clock:
            self.clock.stopped = None
        elif self.clock.stopped is None:
            self.clock.stopped = self.clock.now() - self.clock.offset
        self.clock.offset = knobs.clock_offset


def _token(seed: int, purpose: str, length: int) -> str:
    return hashlib.sha256(f"concord sandbox {seed} {purpose}".encode()).hexdigest()[:length]
