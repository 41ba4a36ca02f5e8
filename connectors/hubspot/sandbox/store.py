"""All companies of the account, with what points at them: ids, aliases of merged ids, unique values.

Every write becomes one journal entry, and the entry is what changes the state, live as in replay: what
comes back after a restart is what was there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from sortedcontainers import SortedList

from connectors.hubspot.sandbox.company import Change, Company, Source, iso
from connectors.hubspot.sandbox.index import SearchIndex
from connectors.hubspot.sandbox.schema import Property, Schema
from connectors.sandbox.journal import Journal

_MADE = {"create", "merge"}


class Store:
    """The companies, their history and the schema.

    Args:
        journal: keeps every entry, and is replayed at once; one without a file keeps nothing.
        index: told of every record that changed.

    Attributes:
        seed: of the account; None before `begin`.
        tell: called with every change once it is committed, and with none that is replayed.
    """

    def __init__(self, journal: Journal, index: SearchIndex) -> None:
        self.schema = Schema()
        self.log: list[Change] = []
        self.aliases: dict[int, int] = {}
        self._companies: dict[int, Company] = {}
        self._live: SortedList[int] = SortedList()
        self._archived: SortedList[int] = SortedList()
        self._unique: dict[str, dict[str, int]] = {}
        self._journal = journal
        self._index = index
        self._next_id = 0
        self.seed: int | None = None
        self.tell: Callable[[Change], None] = _tell_nobody
        for entry in journal.replay():
            self._apply(entry)

    def begin(self, seed: int, first_id: int) -> None:
        """Start an account that has no journal yet; the seed comes back with it."""
        entry = {"kind": "begin", "seed": seed, "first_id": first_id}
        self._apply(entry)
        self._journal.append(entry)

    def close(self) -> None:
        """Give the journal's file back."""
        self._journal.close()

    def __len__(self) -> int:
        """How many live companies there are."""
        return len(self._live)

    def __iter__(self) -> Iterator[Company]:
        """Live and archived companies by id."""
        return iter([self._companies[each] for each in sorted(self._companies)])

    def find(self, ref: str, *, archived: bool = False) -> Company | None:
        """The company with this id or one that it had before a merge."""
        if not ref.isdecimal():
            return None
        at = int(ref)
        while at in self.aliases:
            at = self.aliases[at]
        company = self._companies.get(at)
        return company if company and (company.archived_at is not None) == archived else None

    def find_by(self, name: str, value: str) -> Company | None:
        """The live company with this value of a unique property, to the letter."""
        owner = self._unique.get(name, {}).get(value)
        return None if owner is None else self._companies[owner]

    def page(self, after: int, count: int, *, archived: bool) -> list[Company]:
        """Up to `count` companies with ids above `after`, by id."""
        ids = self._archived if archived else self._live
        found = islice(ids.irange(minimum=after, inclusive=(False, True)), count)
        return [self._companies[each] for each in found]

    def next_id(self) -> int:
        """The id that the next record will have."""
        return self._next_id

    def create(self, values: Mapping[str, str], source: Source, at: int) -> Company:
        """Make a company with these values; blanks are left out."""
        after = {name: value for name, value in values.items() if value}
        self._commit("create", self._next_id, source, at, after)
        return self._companies[self._next_id - 1]

    def update(self, company: Company, values: Mapping[str, str], source: Source, at: int) -> None:
        """Set these values, "" to clear one; those that stay the same make no history."""
        after = {name: value for name, value in values.items() if company.values.get(name, "") != value}
        self._commit("update", company.id, source, at, after)

    def archive(self, company: Company, source: Source, at: int) -> None:
        """Put a company in the recycle bin; its unique values become free."""
        self._commit("archive", company.id, source, at, {})

    def restore(self, company: Company, source: Source, at: int) -> None:
        """Bring a company back from the recycle bin; its unique values must be free."""
        self._commit("restore", company.id, source, at, {})

    def merge(self, primary: Company, other: Company, source: Source, at: int) -> Company:
        """Make one new record of two: the primary's values, its blanks filled from the other.

        Source: HubSpot changelog, updated merge functionality for contacts and companies.
        """
        mine = {name: value for name, value in primary.values.items() if self._writable(name)}
        others = {name: value for name, value in other.values.items() if self._writable(name)}
        self._commit("merge", self._next_id, source, at, others | mine, merged=(primary.id, other.id))
        return self._companies[self._next_id - 1]

    def define(self, definition: Property) -> None:
        """Add a property or change one."""
        self._commit_property(definition.name, definition)

    def undefine(self, name: str) -> None:
        """Take a property away."""
        self._commit_property(name, None)

    def double_values(self, name: str) -> list[str]:
        """The values of a property that several live companies have."""
        seen: set[str] = set()
        doubles = set()
        for each in self._live:
            value = self._companies[each].values.get(name)
            if value and value in seen:
                doubles.add(value)
            seen.add(value or "")
        return sorted(doubles)

    def _writable(self, name: str) -> bool:
        definition = self.schema.get(name)
        return definition is None or not definition.read_only

    def _commit(
        self,
        kind: str,
        record: int,
        source: Source,
        at: int,
        after: Mapping[str, str],
        *,
        merged: tuple[int, int] | None = None,
    ) -> None:
        entry: dict[str, Any] = {
            "kind": kind,
            "id": record,
            "at": at,
            "source": [source.type, source.id, source.user, source.user_id],
            "after": after,
        }
        if merged:
            entry["merged"] = merged
        self._apply(entry)
        self._journal.append(entry)
        self.tell(self.log[-1])

    def _commit_property(self, name: str, definition: Property | None) -> None:
        fields = {each: getattr(definition, each) for each in Property.__dataclass_fields__ if definition}
        entry = {"kind": "property", "name": name, "definition": fields}
        self._apply(entry)
        self._journal.append(entry)

    def _apply(self, entry: Mapping[str, Any]) -> None:
        if entry["kind"] == "begin":
            self.seed, self._next_id = entry["seed"], entry["first_id"]
            return
        if entry["kind"] == "property":
            self._apply_property(entry["name"], entry["definition"])
            return
        record, at, source = entry["id"], entry["at"], Source(*entry["source"])
        merged = tuple(entry["merged"]) if "merged" in entry else None
        made = entry["kind"] in _MADE
        company = self._begin(record, at, source, merged) if made else self._companies[record]
        after: dict[str, str] = entry["after"]
        before = {name: company.values[name] for name in after if name in company.values}
        change = Change(len(self.log) + 1, at, record, entry["kind"], source, before, after, merged)
        self.log.append(change)
        company.changes.append(change)
        self._leave(company)
        self._set(company, after, change)
        self._enter(company)
        self._index.put(company)

    def _begin(self, record: int, at: int, source: Source, merged: tuple[int, int] | None) -> Company:
        values = {
            "createdate": iso(at),
            "hs_object_id": str(record),
            "hs_object_source": source.type,
            "hs_object_source_id": source.id,
            "hs_object_source_label": source.type,
        }
        company = Company(record, at, at, values)
        if merged:
            parents = [self._companies.pop(each) for each in merged]
            for parent in parents:
                self._leave(parent)
                self._index.drop(parent)
                self.aliases[parent.id] = record
            company.created = min(parent.created for parent in parents)
            values["createdate"] = iso(company.created)
            values["hs_merged_object_ids"] = ";".join(map(str, _ancestors(parents)))
            company.changes = sorted((each for parent in parents for each in parent.changes), key=_seq)
        self._companies[record] = company
        self._next_id = record + 1
        return company

    def _set(self, company: Company, after: Mapping[str, str], change: Change) -> None:
        company.modified = change.at
        if change.kind in ("archive", "restore"):
            company.archived_at = change.at if change.kind == "archive" else None
        values = {**company.values, **after, "hs_lastmodifieddate": iso(change.at)}
        if change.source.user_id is not None:
            values["hs_updated_by_user_id"] = str(change.source.user_id)
        company.values = {name: value for name, value in values.items() if value}

    def _leave(self, company: Company) -> None:
        if company.archived_at is not None:
            self._archived.discard(company.id)
            return
        self._live.discard(company.id)
        for name, owners in self._unique.items():
            value = company.values.get(name)
            if value and owners.get(value) == company.id:
                del owners[value]

    def _enter(self, company: Company) -> None:
        if company.archived_at is not None:
            self._archived.add(company.id)
            return
        self._live.add(company.id)
        for name, owners in self._unique.items():
            if value := company.values.get(name):
                owners[value] = company.id

    def _apply_property(self, name: str, fields: Mapping[str, Any]) -> None:
        if not fields:
            self.schema.drop(name)
        else:
            options = tuple((label, value) for label, value in fields["options"])
            self.schema.put(Property(**{**fields, "options": options}))
        if name in self.schema.unique():
            self._unique[name] = {
                value: each for each in self._live if (value := self._companies[each].values.get(name))
            }
        else:
            self._unique.pop(name, None)


def _tell_nobody(_: Change) -> None:
    pass


def _seq(change: Change) -> int:
    return change.seq


def _ancestors(parents: Iterable[Company]) -> list[int]:
    """The ids that become one, those of earlier merges too."""
    found: list[int] = []
    for parent in parents:
        found += [int(each) for each in parent.values.get("hs_merged_object_ids", "").split(";") if each]
        found.append(parent.id)
    return found
