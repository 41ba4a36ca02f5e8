"""The steps of a sync around Concord's planner, on dictionaries; it may be killed between any two of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.torture.model.crm import StaleError
from bench.torture.model.state import Customer, Intent, Link, Side
from connectors.records import FieldValue
from sync.core import normalise
from sync.core.actions import (
    AdjustLink,
    Conflict,
    ConflictKind,
    CreateCustomer,
    MakeLink,
    RecordPlan,
    UpdateCrm,
    UpdateCustomer,
    key_subject,
    subject_of,
)
from sync.core.departed import Departure, named_in, plan_departed
from sync.core.diff import Baseline
from sync.core.landing import after_receipt, after_unknown, merged
from sync.core.match import LinkState, Standing
from sync.core.plan import plan_record

FROZEN = LinkState.FROZEN


@dataclass
class Engine:
    """Both connections and the customers between them.

    Args:
        paths: canonical fields, all of them mapped.
        touch: is called between any two steps, and may raise to end the process there.
        page: records of a page.
    """

    paths: Sequence[str]
    sides: dict[str, Side]
    touch: Callable[[str, str | None], None]
    page: int = 2
    customers: dict[str, Customer] = field(default_factory=dict)
    made: int = 0

    def sync(self, name: str, *, full: bool = False) -> None:
        """Settle what the last process left, then pull, push and create."""
        side = self.sides[name]
        self._settle(side)
        self._pull(side, full=full)
        for ref in [link.ref for link in side.links.values() if link.dirty]:
            self._push(side, ref)
        self._create(side)

    def changed_here(self, customer_id: str, *, but: Side | None = None) -> None:
        """A customer was changed: it is news to every connection but one."""
        for side in self.sides.values():
            for link in side.links.values():
                if link.customer_id == customer_id and side is not but:
                    link.dirty = True

    def customer_of(self, key: str) -> Customer | None:
        """The customer with a key."""
        return next((each for each in self.customers.values() if each.key == key), None)

    def _settle(self, side: Side) -> None:
        for intent in list(side.intents):
            self.touch(side.crm.name, intent.ref)
            link = side.links.get(intent.ref) if intent.ref else None
            if intent.ref and link and side.crm.records[intent.ref].live:
                pairs = after_unknown(intent.sent, side.crm.records[intent.ref].fields)
                link.baseline = merged(link.baseline, pairs)
                self._unseen(side, link, intent)
            if link:
                link.dirty = True
            side.intents.remove(intent)

    def _pull(self, side: Side, *, full: bool) -> None:
        log = side.crm.changed
        while side.cursor < len(log) or full:
            end = len(log) if full else min(side.cursor + self.page, len(log))
            refs = list(dict.fromkeys(side.crm.records if full else log[side.cursor : end]))
            self.touch(side.crm.name, None)
            for ref in refs:
                for each in self._with_its_like(side, ref):
                    self._look(side, each)
            side.cursor, full = end, False
            self.touch(side.crm.name, None)

    def _look(self, side: Side, ref: str) -> None:
        plan = self._planned(side, ref)
        self._apply(side, plan)
        adjusted = [each for each in plan.actions if isinstance(each, AdjustLink)]
        frozen = [each.link_id for each in adjusted if each.state is FROZEN]
        for link in [each for each in side.links.values() if each.id in frozen]:
            for other in side.crm.with_key(self.customers[link.customer_id].key):
                self._apply(side, self._planned(side, other))  # it is offered in place of what went away
        for winner in [each.ref for each in adjusted if each.ref is not None]:
            asked = {each for row in plan.conflicts for each in named_in(row.reasons, "refs")}
            for other in sorted({winner} | asked - {ref}):
                self._look(side, other)
            self._no_longer_offered(side, winner)
        if not side.crm.records[ref].live and ref not in side.links:
            self._no_longer_offered(side, ref)

    def _no_longer_offered(self, side: Side, ref: str) -> None:
        """Look again at the records that went away, in whose place this one may have been offered."""
        for link in [each for each in side.links.values() if each.state is FROZEN]:
            if self.customers[link.customer_id].key == side.crm.records[ref].key:
                self._look(side, link.ref)

    def _with_its_like(self, side: Side, ref: str) -> list[str]:
        """A record, what it was merged into, and all that share its key."""
        record = side.crm.records[ref]
        others = [each for each in side.crm.with_key(record.key) if each != ref]
        return [ref, *([record.merged_into] if record.merged_into else []), *others]

    def _planned(self, side: Side, ref: str) -> RecordPlan:
        record = side.crm.records[ref]
        link = side.links.get(ref)
        if not record.live:
            winner = record.merged_into
            theirs = side.links.get(winner) if winner else None
            gone = Departure(
                ref=ref,
                link=link.view() if link else None,
                customer=self.customers[link.customer_id].view() if link else None,
                merged_into=winner,
                winner_link=theirs.view() if theirs else None,
                winner_customer=self.customers[theirs.customer_id].view() if theirs else None,
                heirs=self._heirs(side, self.customers[link.customer_id]) if link else frozenset(),
            )
            return plan_departed(gone, self._rows(side, ref, winner))
        customer = self.customers[link.customer_id] if link else self.customer_of(record.key)
        own = None
        if customer and not link:
            own = next((each for each in side.links.values() if each.customer_id == customer.id), None)
        standing = Standing(
            remote=side.crm.view(ref),
            link=link.view() if link else None,
            customer=customer.view() if customer else None,
            customer_link=own.view() if own else None,
            rivals=() if link else tuple(each for each in side.crm.with_key(record.key) if each != ref),
        )
        offered = own.ref if own and own.state is FROZEN else None
        return plan_record(standing, self._rows(side, ref, offered), side.policy)

    def _heirs(self, side: Side, customer: Customer) -> frozenset[str]:
        return frozenset(ref for ref in side.crm.with_key(customer.key) if ref not in side.links)

    def _rows(self, side: Side, *refs: str | None) -> list[Conflict]:
        subjects = {subject_of(ref) for ref in refs if ref}
        return [row for row in side.rows.values() if row.subject in subjects]

    def _apply(self, side: Side, plan: RecordPlan) -> UpdateCrm | None:
        """Do what a plan does here, in one step; what goes to the CRM waits, and is returned."""
        going: UpdateCrm | None = None
        for action in plan.actions:
            if isinstance(action, CreateCustomer):
                customer = self.add(action.external_id or action.ref, action.fields)
                self._link(side, customer.id, action.ref, LinkState.ACTIVE, action.baseline)
            elif isinstance(action, UpdateCustomer):
                known = self.customers[action.customer_id]
                known.fields.update({path: change.after for path, change in action.changes.items()})
                known.version += 1
                self.changed_here(known.id, but=side)
            elif isinstance(action, MakeLink):
                self._link(side, action.customer_id, action.ref, action.state, action.baseline)
            elif isinstance(action, AdjustLink):
                self._adjust(side, action)
            elif isinstance(action, UpdateCrm):
                side.links[action.ref].dirty = True
                going = action
        side.rows = {name: row for name, row in side.rows.items() if row.subject not in plan.subjects}
        for row in plan.conflicts:
            side.rows[row.subject, row.kind.value, row.field] = row
        return going

    def add(self, key: str, values: Mapping[str, FieldValue]) -> Customer:
        """A new customer."""
        self.made += 1
        customer = Customer(str(self.made), key, {path: values.get(path) for path in self.paths})
        self.customers[customer.id] = customer
        return customer

    def _link(self, side: Side, customer_id: str, ref: str, state: LinkState, baseline: Baseline) -> None:
        side.links[ref] = Link(f"{side.crm.name}:{ref}", customer_id, ref, state, dict(baseline))

    def _adjust(self, side: Side, action: AdjustLink) -> None:
        link = next(each for each in side.links.values() if each.id == action.link_id)
        link.baseline = merged(link.baseline, action.baseline)
        link.state = action.state or link.state
        if action.ref is not None:
            del side.links[link.ref]
            side.links[action.ref] = link
            link.ref = action.ref

    def _push(self, side: Side, ref: str) -> None:
        link = side.links.get(ref)
        if link is None or not side.crm.records[ref].live:
            return
        self.touch(side.crm.name, ref)
        since = side.crm.records[ref].version
        planned = self._planned(side, ref)
        going = self._apply(side, planned)
        version = self.customers[link.customer_id].version
        if going is None:
            link.dirty = False
            return
        sent = {path: change.after for path, change in going.changes.items()}
        intent = Intent(link.customer_id, ref, sent, since)
        side.intents.append(intent)
        self.touch(side.crm.name, ref)
        try:
            side.crm.edit(ref, sent, ours=True, expected=since)
        except StaleError:
            side.intents.remove(intent)
            return  # still dirty: planned again on what is there by then
        self.touch(side.crm.name, ref)
        link.baseline = merged(link.baseline, after_receipt(sent, side.crm.records[ref].fields))
        self._unseen(side, link, intent)
        side.intents.remove(intent)
        link.dirty = self.customers[link.customer_id].version != version

    def _unseen(self, side: Side, link: Link, intent: Intent) -> None:
        """Ask the history which values of others our write overwrote: each waits for a person."""
        if side.crm.conditional:
            return
        for path, foreign in side.crm.overwritten(link.ref, intent.since, intent.sent).items():
            if normalise.same(path, foreign, intent.sent[path]):
                continue
            row = Conflict(
                kind=ConflictKind.FIELD_CONFLICT,
                subject=subject_of(link.ref),
                field=path,
                ref=link.ref,
                customer_id=link.customer_id,
                local={path: intent.sent[path]},
                remote={path: foreign},
                landed={path: intent.sent[path]},
                sticky=True,
            )
            side.rows[row.subject, row.kind.value, path] = row

    def _create(self, side: Side) -> None:
        linked = {link.customer_id for link in side.links.values()}
        for customer in list(self.customers.values()):
            doubt = key_subject(normalise.fold(customer.key))
            if customer.id in linked or any(row.subject == doubt for row in side.rows.values()):
                continue
            self.touch(side.crm.name, None)
            if side.crm.with_key(customer.key):
                continue  # the next pull meets it
            sent = {path: value for path, value in customer.fields.items() if not normalise.blank(value)}
            intent = Intent(customer.id, None, sent)
            side.intents.append(intent)
            version = customer.version
            self.touch(side.crm.name, None)
            if not side.crm.with_key(customer.key):
                ref = side.crm.create(customer.key, {path: sent.get(path) for path in self.paths}, ours=True)
                self.touch(side.crm.name, ref)
                self._link(
                    side,
                    customer.id,
                    ref,
                    LinkState.ACTIVE,
                    after_receipt(sent, dict(side.crm.records[ref].fields)),
                )
                side.links[ref].dirty = customer.version != version
            side.intents.remove(intent)
