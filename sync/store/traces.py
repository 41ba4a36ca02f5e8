"""By what the traces of a customer are found, in tables that name it and in those that name its records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Text, or_, select, tuple_, type_coerce

from sync.core.actions import ConflictKind, customer_subject, key_subject, subject_of
from sync.store.billtables import contacts, contracts, wallets
from sync.store.query import Row, one_of, rows
from sync.store.schema import conflicts, links
from sync.store.session import Tx
from sync.store.worktables import changes, intents


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """By what the traces of a customer are found.

    Args:
        customer: its row, as it was.
        refs: (connection, record) of every record that it was ever joined to.
        ids: of rows that are about it: contacts, contracts, wallets, rows of the queue.
        removed: how many rows were removed or emptied, by table.
    """

    organisation_id: str
    customer: Row
    refs: frozenset[tuple[str, str]]
    ids: frozenset[str]
    removed: dict[str, int] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The customer's id."""
        return str(self.customer["id"])

    @property
    def names(self) -> frozenset[str]:
        """The texts by which people may have named it."""
        columns = ("external_id", "external_fold", "email", "email_fold", "phone_number", "customer_name")
        known = {str(self.customer[name]) for name in columns if self.customer[name]}
        return frozenset(known | {ref for _, ref in self.refs} | {self.id, str(UUID(self.id))})

    def subjects(self, connection_id: str) -> list[str]:
        """The subjects of plans and questions about it on a connection."""
        mine = [customer_subject(self.id)]
        if self.customer["external_fold"]:
            mine.append(key_subject(self.customer["external_fold"]))
        return mine + [subject_of(ref) for connection, ref in self.refs if connection == connection_id]


def find_traces(tx: Tx, organisation_id: str, customer: Row) -> Traces:
    """Read by what the traces of a locked customer are found."""
    mine = customer["id"]
    refs: set[tuple[str, str]] = set()
    for table in (links, changes, conflicts, intents):
        found = select(table.c.connection_id, table.c.ref).where(table.c.customer_id == mine)
        refs |= {(row["connection_id"], row["ref"]) for row in rows(tx, found.distinct()) if row["ref"]}
    ids: set[str] = set()
    for table in (contacts, contracts, wallets):
        ids |= set(tx.execute(select(table.c.id).where(table.c.customer_id == mine)).scalars())
    traces = Traces(
        organisation_id=organisation_id, customer=customer, refs=frozenset(refs), ids=frozenset(ids)
    )
    questions = select(conflicts.c.id).where(about(traces))
    ids |= set(tx.execute(questions).scalars())
    return Traces(
        organisation_id=organisation_id, customer=customer, refs=frozenset(refs), ids=frozenset(ids)
    )


def about(traces: Traces) -> Any:
    """Condition: a row of the queue that is about the customer, or shows something of it."""
    place = tuple_(conflicts.c.connection_id, conflicts.c.ref)
    ways = [
        conflicts.c.customer_id == traces.id,
        # Of two that were merged the row shows both.
        (conflicts.c.kind == ConflictKind.REMOTE_MERGED)
        & type_coerce(conflicts.c.reasons, Text).contains(traces.id),
        one_of(conflicts.c.subject, traces.subjects("")),
    ]
    if traces.refs:
        pairs = sorted(traces.refs)
        ways += [
            place.in_(pairs),
            tuple_(conflicts.c.connection_id, conflicts.c.subject).in_(
                [(connection, subject_of(ref)) for connection, ref in pairs]
            ),
        ]
    return (conflicts.c.organisation_id == traces.organisation_id) & or_(*ways)
