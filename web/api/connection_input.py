"""A connection as it comes in over HTTP: URL, secrets and settings, each refused where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pydantic import SecretStr

from connectors.errors import Misconfigured
from connectors.outbound import named_url
from connectors.records import JSON
from connectors.registry import Plugin, plugin
from connectors.ways import choose
from sync.errors import BadInput, Taken
from tasks.secrets import check_secret
from tasks.wiring import WEBHOOK_SECRET
from web.api.connection import ScheduleIn
from web.problems import Refusal, wrong


def find_plugin(name: str) -> Plugin:
    """The connector of this name.

    Raises:
        Refusal: 422, there is none.
    """
    try:
        return plugin(name)
    except Misconfigured as error:
        raise refused(str(error), "connector") from None


def read_url(text: str, found: Plugin) -> str:
    """A URL that leads to a host of the connector's CRM.

    Raises:
        Refusal: 422, it leads elsewhere.
    """
    try:
        return named_url(text, found.hosts)
    except Misconfigured as error:
        raise refused(str(error), "url") from None


def opened(given: Mapping[str, SecretStr]) -> dict[str, str]:
    """Credentials as connectors take them."""
    return {name: value.get_secret_value() for name, value in given.items()}


def complete(found: Plugin, given: dict[str, str]) -> dict[str, str]:
    """The credentials, if one way to log in has all that it asks for.

    Raises:
        Refusal: 422, something is missing, or belongs to no way.
    """
    if not found.ways and not given:
        return {}
    try:
        missing = choose(found.ways, given).missing(given)
    except Misconfigured as error:
        raise refused(error.reason, "credentials") from None
    if missing:
        raise refused(f"{' and '.join(missing)} must be given, too", "credentials")
    return given


def webhook_secret(found: Plugin, given: SecretStr | None) -> dict[str, str]:
    """The secret of webhooks as it stands among the credentials, if one is given."""
    if given is None:
        return {}
    check_secret(found, given.get_secret_value())
    return {WEBHOOK_SECRET: given.get_secret_value()}


@contextmanager
def placed(place: str) -> Iterator[None]:
    """What is wrong with a value is said of where it stands in the body."""
    try:
        yield
    except Taken:
        raise
    except BadInput as error:
        fields: Mapping[str, JSON] = error.fields or {"": error.reason}
        errors = [wrong(str(why), "body", *_where(place, name)) for name, why in fields.items()]
        raise Refusal(422, "The request cannot be taken.", errors=errors) from None


def _where(place: str, name: str) -> list[str]:
    parts = name.split(".") if name else []
    scheduled = place == "settings" and parts and parts[0] in ScheduleIn.model_fields
    return ["schedule" if scheduled else place, *parts]


def refused(reason: str, *place: str) -> Refusal:
    """The refusal of one value of the body."""
    return Refusal(422, "The request cannot be taken.", errors=[wrong(reason, "body", *place)])
