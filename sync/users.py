"""People who use the pages: added, given roles, disabled. Who may sign in, and what they may do where."""

from __future__ import annotations

from enum import StrEnum

from email_validator import EmailNotValidError, validate_email

from connectors.records import JSON
from sync import passwords
from sync.apikeys import Scope
from sync.clock import new_id
from sync.core import normalise
from sync.errors import BadInput, NotFoundError, Taken
from sync.store import audit, connections, users, websessions
from sync.store.query import Row, now
from sync.store.session import Database, Tx
from sync.store.usertables import users as table


class UserRole(StrEnum):
    """What a person may do in an organisation; each role includes those before it."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    ADMIN = "admin"

    @property
    def scope(self) -> Scope:
        """What a program's key would be called that may do as much."""
        return {"viewer": Scope.READ, "reviewer": Scope.REVIEW, "admin": Scope.ADMIN}[self.value]


def add(
    database: Database, email: str, password: str, role: UserRole, organisation: str, *, actor: str
) -> Row:
    """Let a new person in, with a role in one organisation, which is made if it is not there yet.

    Raises:
        BadInput: the address or the password cannot be taken.
        Taken: this person is known already.
    """
    address, kept = _address(email), passwords.digest(password)
    with database.transaction() as tx:
        folded = normalise.email(address)
        if users.find(tx, folded) is not None:
            raise Taken(
                f"There is a user {address} already.",
                cure=f"Give them a role there: concord user role {address} {role.value}",
                fields={"email": "belongs to another user"},
            )
        row = {
            "id": new_id(),
            "email": address,
            "email_fold": folded,
            "password": kept,
            "failures": 0,
            "created_by": actor,
            "created_at": now(tx),
        }
        users.add(tx, row)
        _give(tx, row, role, organisation, actor=actor, action="user.added")
        return _shown(tx, folded)


def set_role(database: Database, email: str, role: UserRole | None, organisation: str, *, actor: str) -> Row:
    """Give a person a role in an organisation, or another one, or (None) none any more.

    Raises:
        NotFoundError: there is no such person.
    """
    with database.transaction() as tx:
        row = _find(tx, email)
        _give(tx, row, role, organisation, actor=actor, action="user.role_set")
        return _shown(tx, row["email_fold"])


def set_disabled(database: Database, email: str, *, disabled: bool, actor: str) -> Row:
    """Let a person in no more, and end their sessions; or let them in again.

    Raises:
        NotFoundError: there is no such person.
    """
    with database.transaction() as tx:
        row = _find(tx, email)
        at = now(tx) if disabled else None
        users.save(tx, row["id"], disabled_at=at, failures=0, locked_until=None)
        websessions.end_all(tx, row["id"])
        _note(tx, row, actor=actor, action="user.disabled" if disabled else "user.enabled")
        return _shown(tx, row["email_fold"])


def set_password(database: Database, email: str, password: str, *, actor: str) -> None:
    """Give a person another password; it ends their sessions, and a lock.

    Raises:
        NotFoundError: there is no such person.
        BadInput: the password cannot be taken.
    """
    kept = passwords.digest(password)
    with database.transaction() as tx:
        row = _find(tx, email)
        users.save(tx, row["id"], password=kept, failures=0, locked_until=None)
        websessions.end_all(tx, row["id"])
        _note(tx, row, actor=actor, action="user.password_set")


def listing(database: Database) -> list[Row]:
    """Everybody, by e-mail address, with their `roles` (name of the organisation → role)."""
    with database.reading() as tx:
        return users.listing(tx)


def people(database: Database, organisation_id: str) -> list[str]:
    """The e-mail addresses of those who have a role in an organisation, sorted."""
    with database.glance() as tx:
        return users.of_organisation(tx, organisation_id)


def _find(tx: Tx, email: str) -> Row:
    row = users.find(tx, normalise.email(email), lock=True)
    if row is None:
        raise NotFoundError("There is no user of this e-mail address.", cure="See: concord user list")
    return row


def _shown(tx: Tx, folded: str) -> Row:
    (row,) = users.listing(tx, table.c.email_fold == folded)
    return row


def _give(tx: Tx, row: Row, role: UserRole | None, organisation: str, *, actor: str, action: str) -> None:
    organisation_id = connections.organisation(tx, organisation)
    users.set_role(tx, row["id"], organisation_id, role and role.value)
    details: dict[str, JSON] = {"email": row["email"], "role": role and role.value}
    audit.write(tx, organisation_id, actor=actor, action=action, subject=row["id"], details=details)


def _note(tx: Tx, row: Row, *, actor: str, action: str) -> None:
    for each in users.roles(tx, row["id"]):
        audit.write(tx, each, actor=actor, action=action, subject=row["id"], details={"email": row["email"]})


def _address(email: str) -> str:
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise BadInput(f"email: {error}", fields={"email": str(error)}) from None
