"""Customers that a record without a certain pair may belong to. A suggestion is shown, never acted on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, select

from sync.core import normalise
from sync.core.actions import ConflictKind
from sync.store.conflicts import StoredConflict
from sync.store.query import rows
from sync.store.schema import customers, links
from sync.store.session import Tx

MOST = 5
_KINDS = (ConflictKind.MISSING_EXTERNAL_ID, ConflictKind.AMBIGUOUS_MATCH)
_FREE_MAIL = frozenset(
    {"gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com", "gmx.de", "web.de"}
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A living customer that has no link on the row's connection yet, and what speaks for it."""

    customer_id: str
    external_id: str | None
    customer_name: str
    why: str


def suggest(tx: Tx, row: StoredConflict) -> list[Suggestion]:
    """The likeliest customers for a row, the best reason first: e-mail, then name, then e-mail domain."""
    if row.row["kind"] not in _KINDS:
        return []
    linked = exists().where(
        links.c.connection_id == row.row["connection_id"], links.c.customer_id == customers.c.id
    )
    found: dict[str, Suggestion] = {}
    for why, condition in _reasons(row):
        statement = select(customers.c.id, customers.c.external_id, customers.c.customer_name).where(
            customers.c.organisation_id == row.row["organisation_id"],
            customers.c.deleted_at.is_(None),
            ~linked,
            condition,
        )
        for each in rows(tx, statement.order_by(customers.c.id).limit(MOST)):
            suggestion = Suggestion(each["id"], each["external_id"], each["customer_name"], why)
            found.setdefault(suggestion.customer_id, suggestion)
    return list(found.values())[:MOST]


def _reasons(row: StoredConflict) -> Iterator[tuple[str, ColumnElement[bool]]]:
    theirs = row.conflict().remote
    name, email = theirs.get("customer_name"), theirs.get("email")
    if isinstance(email, str) and email.strip():
        yield "the same e-mail address", customers.c.email_fold == normalise.email(email)
    if isinstance(name, str) and name.strip():
        yield "the same name", func.lower(customers.c.customer_name) == normalise.text(name).lower()
    domain = normalise.email(email).rpartition("@")[2] if isinstance(email, str) else ""
    if domain and domain not in _FREE_MAIL:
        yield "the same e-mail domain", customers.c.email_fold.endswith(f"@{domain}", autoescape=True)
