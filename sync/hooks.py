"""Hooks: the addresses of programs that are told what happens in an organisation, and of what."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from connectors.errors import Misconfigured
from connectors.records import JSON
from sync.clock import new_id
from sync.errors import BadInput, NotFoundError
from sync.store import audit, hooks
from sync.store.query import Row, now
from sync.store.seal import HOOK, Seal
from sync.store.session import Database, Tx

MOST = 20
"""Hooks of one organisation."""
LONGEST_URL = 2_000
SECRET = "whsec_"  # noqa: S105 - how a secret begins
_SECRET_BYTES = 32

CheckUrl = Callable[[str], str]
"""Gives back an address that may be called, or raises `Misconfigured`."""


class HookEvent(StrEnum):
    """What a hook can be told of."""

    CONFLICT_OPENED = "conflict.opened"
    RUN_FINISHED = "run.finished"
    CUSTOMER_UPDATED = "customer.updated"


@dataclass(frozen=True, slots=True)
class MadeHook:
    """A new hook. Its secret can never be had again."""

    row: Row
    secret: str = field(repr=False)


def add(
    database: Database,
    seal: Seal,
    organisation_id: str,
    *,
    url: str,
    events: Sequence[HookEvent],
    check: CheckUrl,
    actor: str,
) -> MadeHook:
    """Add a hook, which is told of what happens from now on.

    Args:
        database: where it is kept.
        seal: what its secret is sealed with.
        organisation_id: whose it is.
        url: where its program listens.
        events: of what it is told.
        check: says whether the address may be called.
        actor: who does it.

    Raises:
        BadInput: the address may not be called, it is told of nothing, or there are too many.
    """
    address, names = _checked(url, check), _names(events)
    made, secret = new_id(), SECRET + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    sealed = seal.close({"secret": secret}, organisation_id=organisation_id, connection_id=made, purpose=HOOK)
    with database.transaction() as tx:
        hooks.keep_others_out(tx, organisation_id)
        if len(hooks.listing(tx, organisation_id, limit=MOST)) >= MOST:
            raise BadInput(f"An organisation has {MOST} hooks at most.", cure="Remove one first.")
        hooks.add(
            tx,
            id=made,
            organisation_id=organisation_id,
            url=address,
            events=names,
            secret=sealed,
            state=hooks.ACTIVE,
            failures=0,
            created_by=actor,
            created_at=now(tx),
        )
        details: dict[str, JSON] = {"events": [*names]}
        _note(tx, organisation_id, made, actor=actor, action="hook.added", details=details)
        return MadeHook(_found(tx, organisation_id, made), secret)


def change(
    database: Database,
    organisation_id: str,
    hook_id: str,
    *,
    check: CheckUrl,
    actor: str,
    url: str | None = None,
    events: Sequence[HookEvent] | None = None,
    active: bool | None = None,
) -> Row:
    """Change what is given. A hook that is made active again begins anew, with what still waits for it.

    Raises:
        NotFoundError: there is no such hook.
        BadInput: the address may not be called, or it is told of nothing.
    """
    columns: dict[str, object] = {}
    if url is not None:
        columns["url"] = _checked(url, check)
    if events is not None:
        columns["events"] = _names(events)
    if active is not None:
        columns["state"] = hooks.ACTIVE if active else hooks.PAUSED
        columns["reason"] = None
    if active or url is not None:
        columns |= {"failures": 0, "failing_since": None, "problem": None, "not_before": None}
    with database.transaction() as tx:
        _found(tx, organisation_id, hook_id, lock=True)
        if columns:
            hooks.save(tx, hook_id, **columns)
            details: dict[str, JSON] = {"changed": [*sorted({"url", "events", "state"} & columns.keys())]}
            _note(tx, organisation_id, hook_id, actor=actor, action="hook.changed", details=details)
        return _found(tx, organisation_id, hook_id)


def remove(database: Database, organisation_id: str, hook_id: str, *, actor: str) -> None:
    """Remove a hook; what it was to be told is told no more.

    Raises:
        NotFoundError: there is no such hook.
    """
    with database.transaction() as tx:
        _found(tx, organisation_id, hook_id, lock=True)
        hooks.remove(tx, hook_id)
        _note(tx, organisation_id, hook_id, actor=actor, action="hook.removed", details={})


def find(tx: Tx, organisation_id: str, hook_id: str) -> Row:
    """One hook, with how many deliveries are `waiting`: `hooks.MANY` + 1 stands for more than that.

    Raises:
        NotFoundError: there is no such hook.
    """
    return _found(tx, organisation_id, hook_id)


def secret_of(seal: Seal, row: Row) -> str:
    """What the messages of a hook are signed with."""
    opened = seal.open(
        row["secret"], organisation_id=row["organisation_id"], connection_id=row["id"], purpose=HOOK
    )
    return opened["secret"]


def _found(tx: Tx, organisation_id: str, hook_id: str, *, lock: bool = False) -> Row:
    row = hooks.find(tx, organisation_id, hook_id, lock=lock)
    if row is None:
        raise NotFoundError("There is no hook of this id.", cure="See them with: concord hook list")
    return row


def _checked(url: str, check: CheckUrl) -> str:
    if len(url) > LONGEST_URL:
        raise BadInput(
            f"url: has more than {LONGEST_URL:,} characters.",
            fields={"url": f"has more than {LONGEST_URL:,} characters"},
        )
    try:
        return check(url)
    except Misconfigured as error:
        raise BadInput(f"url: {error.reason}.", cure=error.cure, fields={"url": str(error)}) from None


def _names(events: Sequence[HookEvent]) -> list[str]:
    names = [each.value for each in HookEvent if each in events]
    if not names:
        known = ", ".join(HookEvent)
        raise BadInput(
            "events: name at least one.", cure=f"There are {known}.", fields={"events": "is empty"}
        )
    return names


def _note(
    tx: Tx, organisation_id: str, hook_id: str, *, actor: str, action: str, details: dict[str, JSON]
) -> None:
    audit.write(tx, organisation_id, actor=actor, action=action, subject=hook_id, details=details)
