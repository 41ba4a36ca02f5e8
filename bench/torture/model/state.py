"""What the model keeps: customers, links, open rows and intents, as plain as they can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.torture.model.crm import SmallCrm
from connectors.records import FieldValue
from sync.core.actions import Conflict
from sync.core.diff import Baseline
from sync.core.match import CustomerView, LinkState, LinkView
from sync.core.policy import Policy

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(slots=True)
class Customer:
    """A customer."""

    id: str
    key: str
    fields: dict[str, FieldValue]
    version: int = 1

    def view(self) -> CustomerView:
        """As planning sees it."""
        return CustomerView(
            id=self.id,
            external_id=self.key,
            version=self.version,
            fields=dict(self.fields),
            updated_at=NOON,
        )


@dataclass(slots=True)
class Link:
    """A link, and whether something waits to be sent over it."""

    id: str
    customer_id: str
    ref: str
    state: LinkState
    baseline: Baseline
    dirty: bool = False

    def view(self) -> LinkView:
        """As planning sees it."""
        return LinkView(
            id=self.id,
            customer_id=self.customer_id,
            ref=self.ref,
            state=self.state,
            baseline=self.baseline,
        )


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be sent; without a ref a record is about to be made."""

    customer_id: str
    ref: str | None
    sent: Mapping[str, FieldValue]
    since: int = 0


@dataclass
class Side:
    """What is kept of one connection."""

    crm: SmallCrm
    policy: Policy
    links: dict[str, Link] = field(default_factory=dict)
    rows: dict[tuple[str, str, str], Conflict] = field(default_factory=dict)
    intents: list[Intent] = field(default_factory=list)
    cursor: int = 0
