"""A connection as its pages have it: found, framed with the steps of its set-up; what is wrong in a form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fastapi.responses import Response
from pydantic import ValidationError

from connectors.errors import ConnectorError
from connectors.registry import Plugin, plugin
from sync.connect import digest_of
from sync.errors import BadInput, ConcordError, NotFoundError
from sync.rules import ConnectionSettings, problems_of
from sync.sampling import Account, look_into
from sync.store import connections
from sync.store.connections import FILES, WAITING, StoredConnection
from sync.store.session import Tx
from sync.users import UserRole
from web.api.connections import CHECK_PATIENCE
from web.pages import words
from web.pages.finding import id_of
from web.pages.render import redirect, render
from web.pages.visit import Visit
from web.problems import Refusal

LIST = "/desk/connections"
STEPS = (
    ("check", "Test"),
    ("map", "Map"),
    ("rules", "Rules"),
    ("policies", "Addresses"),
    ("scope", "Scope"),
    ("schedule", "Schedule"),
    ("", "First plan"),
)
"""The steps of a set-up that follow the credentials: page and name."""


_COMMAND = re.compile(r" \(concord [^)]*\)")


class WrongForm(Exception):
    """What is wrong in a form, by the name of its field; under an empty name what is wrong with all of it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("The form cannot be taken.")
        self.problems = dict(problems)


@contextmanager
def checked() -> Iterator[None]:
    """Whatever refuses a value of a form says so by its field.

    Raises:
        WrongForm: something is wrong with it.
    """
    try:
        yield
    except ValidationError as error:
        raise WrongForm({name: str(why) for name, why in problems_of(error).items()}) from None
    except Refusal as error:
        if error.status != 422:
            raise
        places = [(each["loc"], str(each["msg"])) for each in error.errors]
        found = {".".join(map(str, loc[1:])): why for loc, why in places if isinstance(loc, list)}
        raise WrongForm(found or {"": error.reason}) from None
    except BadInput as error:
        raise WrongForm({name: str(why) for name, why in error.fields.items()} or {"": str(error)}) from None


def found(asked: Visit, tx: Tx | None = None) -> StoredConnection:
    """The connection of the address.

    Raises:
        NotFoundError: there is none of this organisation, or it is that of its files.
    """
    if tx is None:
        with asked.database.reading() as own:
            return found(asked, own)
    missing = NotFoundError("There is no connection of this id.")
    try:
        stored = connections.load(tx, id_of(asked, "connection", "connection"))
    except NotFoundError:
        raise missing from None
    if stored.organisation_id != asked.caller.organisation_id or stored.row["connector"] == FILES:
        raise missing
    return stored


def plugin_of(connection: StoredConnection) -> Plugin:
    """The connector of a connection."""
    return plugin(str(connection.row["connector"]))


def is_new(connection: StoredConnection) -> bool:
    """Whether it is being set up: its first plan was not carried out yet."""
    return bool(connection.row["first_sync"] == WAITING)


def frame(
    asked: Visit,
    connection: StoredConnection,
    template: str,
    step: str | None,
    *,
    problems: Mapping[str, str] | None = None,
    shown: str | None = None,
    **values: Any,
) -> Response:
    """A page of a connection, with the steps of its set-up while it is new.

    `shown`: what stands for the settings that it shows, where that is more than the connection's own.
    """
    return render(
        asked,
        template,
        connection=connection,
        here=f"{LIST}/{connection.id}",
        steps=STEPS if is_new(connection) and step is not None and asked.may(UserRole.ADMIN) else (),
        new=is_new(connection),
        step=step,
        problems=problems or {},
        shown=shown or digest_of(connection),
        admin=asked.may(UserRole.ADMIN),
        product=words.product(str(connection.row["connector"])),
        cure=cure,
        **values,
    )


def onwards(asked: Visit, connection: StoredConnection, step: str, said: str) -> Response:
    """After a step: the next one of a set-up, or back to the connection."""
    names = [name for name, _ in STEPS]
    following = names[names.index(step) + 1] if is_new(connection) and step in names else ""
    place = f"{LIST}/{connection.id}" + (f"/{following}" if following else "")
    return redirect(asked, place if is_new(connection) and following else f"{place}?said={said}")


def peek(
    asked: Visit, connection: StoredConnection, settings: ConnectionSettings | None = None
) -> tuple[Account | None, str]:
    """A look into the account; without one, why there is none.

    Raises:
        Refusal: 503, too many requests of this process ask CRMs at the moment.
    """
    try:
        with asked.site.outward.required():
            services = asked.site.services
            return look_into(services, connection, settings, patience=CHECK_PATIENCE), ""
    except (ConnectorError, ConcordError) as error:
        return None, told(error)


def told(error: ConnectorError | ConcordError) -> str:
    """An error in the words of a page: a cure by a command is none here."""
    return error.reason if "concord " in error.cure or "--" in error.cure else str(error)


def cure(text: str) -> str:
    """A cure without the command that it names beside."""
    return _COMMAND.sub("", text)
