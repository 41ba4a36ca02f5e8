"""The account as the control routes see it: what people do in HubSpot's own pages, and the oracle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.company import Change, Company, iso, person
from connectors.hubspot.sandbox.errors import Refusal
from connectors.hubspot.sandbox.knobs import Knobs
from connectors.sandbox.control import ControlError
from connectors.sandbox.faults import Faults


class HubSpotState:
    """Implements `connectors.sandbox.control.SandboxState` for an account."""

    def __init__(self, account: Account) -> None:
        self.account = account

    @property
    def faults(self) -> Faults:
        """The faults in force."""
        return self.account.faults

    def counts(self) -> Mapping[str, Any]:
        """Calls by kind, rows written since the reset, and live companies."""
        account = self.account
        return {"calls": dict(account.calls), "writes": account.writes, "records": len(account.store)}

    def reset_counts(self) -> None:
        """Set the counts of calls and writes to nothing."""
        self.account.calls.clear()
        self.account.writes = 0

    def person_edit(self, record_id: str, fields: Mapping[str, Any], *, user: str) -> Mapping[str, Any]:
        """Change properties as a person; null clears one, as an emptied field does."""
        company = self._live(record_id)
        given = {name: "" if value is None else value for name, value in fields.items()}
        values, errors = self.account.check(given, company)
        if errors:
            raise ControlError(errors[0].message)
        self.account.change(company, values, person(user), self.account.clock.now())
        return _named(company)

    def person_create(self, fields: Mapping[str, Any], *, user: str) -> Mapping[str, Any]:
        """Make a company as a person."""
        try:
            return _named(self.account.create(fields, person(user)))
        except Refusal as refusal:
            raise ControlError(refusal.message) from refusal

    def person_delete(self, record_id: str, *, user: str) -> Mapping[str, Any]:
        """Put a company in the recycle bin as a person."""
        company = self._live(record_id)
        self.account.writes += 1
        self.account.store.archive(company, person(user), self.account.clock.now())
        return _named(company)

    def person_undelete(self, record_id: str, *, user: str) -> Mapping[str, Any]:
        """Bring a company back from the recycle bin as a person."""
        store = self.account.store
        company = store.find(record_id, archived=True)
        if company is None:
            raise ControlError(f"no company {record_id} is in the recycle bin")
        for name in store.schema.unique():
            if store.find_by(name, company.values.get(name, "")):
                raise ControlError(f"another company has the {name} of {record_id} by now")
        self.account.writes += 1
        store.restore(company, person(user), self.account.clock.now())
        return _named(company)

    def person_merge(self, winner: str, losers: Sequence[str], *, user: str) -> Mapping[str, Any]:
        """Merge companies as a person, one after the other; each merge makes a new id."""
        company = self._live(winner)
        others = [self._live(each) for each in losers]
        if len({company.id, *(each.id for each in others)}) <= len(others):
            raise ControlError("the companies to merge are not all different")
        for other in others:
            self.account.writes += 1
            company = self.account.store.merge(company, other, person(user), self.account.clock.now())
        return _named(company)

    def raw_records(self) -> Iterable[Mapping[str, Any]]:
        """Every company by id, archived ones too, then every id that was merged away."""
        for company in self.account.store:
            archived = company.archived_at is not None
            yield {"id": str(company.id), "archived": archived, "properties": company.values}
        for old, new in self.account.store.aliases.items():
            yield {"id": str(old), "merged_into": str(new)}

    def history(self, since: int) -> Iterable[Mapping[str, Any]]:
        """Every change after number `since`, oldest first; a merge names the two ids it took."""
        return map(_entry, self.account.store.log[since:])

    def settings(self) -> Mapping[str, Any]:
        """The knobs and where they stand."""
        knobs = {each.name: getattr(self.account.knobs, each.name) for each in fields(Knobs)}
        return {**knobs, "webhooks": self.account.webhooks.settings()}

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Set knobs, all or none."""
        self.account.configure(settings)

    def _live(self, record_id: str) -> Company:
        company = self.account.store.find(record_id)
        if company is None:
            raise ControlError(f"there is no company {record_id}")
        return company


def _named(company: Company) -> Mapping[str, Any]:
    return {"id": str(company.id)}


def _entry(change: Change) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "seq": change.seq,
        "at": iso(change.at),
        "id": str(change.id),
        "user": change.source.user,
        "source": change.source.type,
        "kind": change.kind,
        "changed": {name: [change.before.get(name), value] for name, value in change.after.items()},
    }
    if change.merged:
        entry["merged"] = [str(each) for each in change.merged]
    return entry
