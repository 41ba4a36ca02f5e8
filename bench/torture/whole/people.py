"""People who edit in both CRMs and here, one after the other, and what each of them had seen."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg

from bench.torture.whole.api import Api
from bench.torture.whole.installation import Installation, customer_key
from bench.torture.whole.values import PATHS, number_of, value_of

HERE = "here"


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit of a person. `seen`: the numbers of the values that its author had before him.

    What was seen in a CRM is what it replaced there, which the CRM's own history tells: None stands for that.
    """

    number: int
    site: str
    key: str
    path: str
    seen: tuple[int | None, ...] | None = None
    again: int | None = None  # the number of the value that a decision chose


@dataclass(slots=True)
class People:
    """Everybody who edits an installation.

    Args:
        installation: where.
        chance: whose edits, and of what.
        keys: of every customer.
    """

    installation: Installation
    chance: random.Random
    keys: list[str] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    refs: dict[str, dict[str, str]] = field(default_factory=dict)  # site → key → ref, or id here
    undone: list[tuple[str, str]] = field(default_factory=list)  # key and path of what was undone
    _number: int = 0

    def next_day(self) -> None:
        """A day passes, unless the database is away just now."""
        with suppress(psycopg.Error):
            self.installation.next_day()

    def release(self) -> bool:
        """Somebody approves what waits for that; False if nothing does."""
        api = self.installation.api
        waiting = api.get("/runs?state=needs_approval")["data"]
        for run in waiting:
            api.post(f"/runs/{run['id']}/approve")
        return bool(waiting)

    def number(self) -> int:
        """A number that no edit has."""
        self._number += 1
        return self._number

    def populate(self, count: int) -> None:
        """Customers in the first CRM, which are brought to the others, and to rest."""
        at = self.installation
        first, *others = at.crms
        for number in range(count):
            self.create(first, customer_key(number))
        for name in (first, *others, first):
            at.sync(name)
        at.quiet(60)
        self.learn()

    def learn(self) -> None:
        """Look up the refs of all records."""
        at = self.installation
        for name, crm in at.crms.items():
            self.refs[name] = {str(row["key"]): ref for ref, row in crm.records().items()}
        self.refs[HERE] = {row["external_id"]: row["id"] for row in at.api.all("/customers")}

    def create(self, site: str, key: str) -> None:
        """Somebody makes a customer, in a CRM or here."""
        numbers = {path: self.number() for path in PATHS}
        values = {path: value_of(path, number) for path, number in numbers.items()}
        self.keys.append(key)
        if site == HERE:
            made = self.installation.api.post("/customers", {"external_id": key, **values})
            made.raise_for_status()
            self.refs.setdefault(HERE, {})[key] = made.json()["id"]
        else:
            ref = self.installation.crms[site].create(key, values)
            self.refs.setdefault(site, {})[key] = ref
        self.edits += [Edit(number, site, key, path, ()) for path, number in numbers.items()]

    def file(self, key: str) -> tuple[str, list[Edit]]:
        """Somebody writes a file with a new customer: its text, and what it will have edited here."""
        numbers = {path: self.number() for path in PATHS}
        cells = [value_of(path, number) for path, number in numbers.items()]
        self.keys.append(key)
        made = [Edit(number, HERE, key, path, ()) for path, number in numbers.items()]
        return f"external_id,{','.join(PATHS)}\n{key},{','.join(cells)}\n", made

    def edit(self, site: str, key: str, path: str) -> Edit:
        """Somebody sets a field, in a CRM or here."""
        number = self.number()
        value, ref = value_of(path, number), self.refs[site][key]
        if site == HERE:
            before = self.installation.api.change(ref, path, value)
            made = Edit(number, site, key, path, (number_of(path, before[path]),))
        else:
            self.installation.crms[site].edit(ref, path, value)
            made = Edit(number, site, key, path)
        self.edits.append(made)
        return made

    def anybody(self, *, sites: tuple[str, ...] = ()) -> Edit:
        """Somebody sets some field of some customer somewhere."""
        chosen = sites or (*self.installation.crms, HERE)
        site = self.chance.choice(chosen)
        key = self.chance.choice([each for each in self.keys if each in self.refs[site]])
        return self.edit(site, key, self.chance.choice(PATHS))

    def apart(self, count: int) -> None:
        """Edits of which no two are of the same field of the same customer: nobody has anything to decide."""
        places = [(key, path) for key in self.keys for path in PATHS]
        sites = [*self.installation.crms, HERE]
        for turn, (key, path) in enumerate(self.chance.sample(places, count)):
            site = sites[turn % len(sites)]
            if key in self.refs[site]:
                self.edit(site, key, path)

    def undo(self, made: Edit, before: int | None) -> None:
        """Somebody takes back in a CRM what was made here: there he chooses the value before it."""
        self.undone.append((made.key, made.path))
        self.edits.append(Edit(self.number(), HERE, made.key, made.path, (made.number, before), again=before))

    def decide(self) -> bool:
        """Somebody decides the oldest question of a field; False if there is none."""
        api: Api = self.installation.api
        page = api.get("/conflicts?limit=1&kind=field_conflict")["data"]
        if not page:
            return False
        row = page[0]
        take = self.chance.choice(("theirs", "ours"))
        made = api.post(f"/conflicts/{row['id']}/resolve", {"take": take, "version": row["version"]})
        if made.status_code != 200:
            return True  # it has moved on
        keys = {identity: key for key, identity in self.refs[HERE].items()}
        for path in row["local"]:
            ours, theirs = number_of(path, row["local"][path]), number_of(path, row["remote"].get(path))
            seen = (ours, theirs, number_of(path, row["third"].get(path)))
            chosen = theirs if take == "theirs" else ours
            key = keys[row["customer_id"]]
            self.edits.append(Edit(self.number(), HERE, key, path, seen, again=chosen))
        return True
