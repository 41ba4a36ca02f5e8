"""What a connector brings to the conformance suite: itself, and a CRM whose people the tests can play."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol

from connectors.port import Connector, Cursor, Observation, Page, Presence, Update
from connectors.records import Address, Fields, FieldValue


class Playground(Protocol):
    """A CRM without records, and a connector to it that does not sleep between its retries.

    Attributes:
        connector: the connector under test.
        page: the most records that a page of a listing shows.
        refused: a field, and a value that the CRM does not take for it.
        unknown_ref: a ref that no record has.
        secrets: texts that no error may show, beside what the tests write.
    """

    @property
    def connector(self) -> Connector: ...

    @property
    def page(self) -> int: ...

    @property
    def refused(self) -> tuple[str, str]: ...

    @property
    def unknown_ref(self) -> str: ...

    @property
    def secrets(self) -> Sequence[str]: ...

    def create(self, fields: Fields, key: str | None = None) -> str:
        """Make a record as a person does; its ref."""
        ...

    def edit(self, ref: str, fields: Fields) -> None:
        """Change some canonical fields as a person does."""
        ...

    def delete(self, ref: str) -> None:
        """Delete a record as a person does."""
        ...

    def undelete(self, ref: str) -> None:
        """Bring it back."""
        ...

    def merge(self, winner: str, loser: str) -> str:
        """Merge two records; the ref of the one that is left."""
        ...

    def records(self) -> int:
        """How many live records there are."""
        ...

    def break_once(self, kind: str) -> None:
        """Let the next write go wrong.

        `lost_answer`: it happens, and its answer does not arrive. `rate_limited`: it is refused as one
        too many. Skips the test where the CRM knows nothing of the kind.
        """
        ...

    def shut(self, *, shut: bool) -> None:
        """Let every call fail without effect, as in an outage; and let it pass again."""
        ...

    def freeze(self) -> None:
        """Stop the CRM's clock at the present moment, so that all changes from now on share one time.

        Called again, it stops the clock at a later moment. Skips the test where that is absurd.
        """
        ...

    def stranger(self) -> Connector:
        """A connector with wrong credentials, to be closed by the test; skips where there are none."""
        ...


def customer(number: int, **more: FieldValue) -> dict[str, FieldValue]:
    """The fields of a customer."""
    return {
        "customer_name": f"Customer {number}",
        "email": f"billing-{number}@example.com",
        "phone_number": f"+49 30 5550{number:04d}",
        "address": Address(line1=f"Lange Allee {number}", city="Berlin", zipCode="10117", country="Germany"),
        **more,
    }


def live(crm: Playground, ref: str) -> Observation:
    """The record as a direct read shows it."""
    found = crm.connector.get_many([ref])[ref]
    assert found.presence is Presence.LIVE
    return found


def fields(crm: Playground, ref: str) -> Fields:
    """Its canonical fields."""
    return crm.connector.decode(live(crm, ref))


def update(crm: Playground, ref: str, values: Fields, external_id: str | None = None) -> Update:
    """An update of the record as it is now."""
    found = live(crm, ref)
    before = {path: value for path, value in crm.connector.decode(found).items() if path in values}
    return Update(
        ref=ref, fields=values, expected_version=found.version, before=before, external_id=external_id
    )


def calls(connector: Connector) -> int:
    """How many calls were made."""
    return sum(connector.calls().values())


def walk(
    read: Callable[[Cursor | None], Page],
    cursor: Cursor | None = None,
    between: Callable[[], object] = lambda: None,
) -> tuple[list[Observation], Cursor]:
    """All pages from a cursor to the end; `between` runs after each but the last.

    No page may have its own or an earlier one's cursor, and each cursor must outlive being kept as JSON.
    """
    seen, passed = [], []
    while True:
        page = read(cursor)
        seen += list(page.observations)
        cursor = json.loads(json.dumps(page.cursor))
        assert isinstance(cursor, dict)
        if not page.more:
            return seen, cursor
        assert cursor not in passed
        passed.append(cursor)
        assert len(passed) < 1000
        between()


def texts_of(error: BaseException) -> str:
    """All that a log could show of an error: itself, what it was raised from, and how it prints."""
    found = ["".join(traceback.format_exception(error))]
    chain: BaseException | None = error
    while chain is not None:
        found += [str(chain), repr(chain), repr(chain.args), repr(vars(chain))]
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    return "\n".join(found)
