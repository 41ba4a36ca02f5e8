"""Connectors by name. Third parties add theirs under the entry point group `concord.connectors`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points

from connectors.capture import Capture
from connectors.errors import Misconfigured
from connectors.port import Connector, ConnectorConfig, FieldMapping
from connectors.ways import Way
from connectors.webhook import Webhook, WebhookConfig

GROUP = "concord.connectors"
CAPTURES = "concord.captures"
"""Listeners to streams of changes, by connector: apart, so that only who listens loads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """What an entry point of the group must name.

    Args:
        name: how the connector is called on the command line.
        build: makes a connector from its configuration; opens no connection.
        external_id: the CRM field that holds the external id by default.
        mapping: the default field map.
        ways: the ways to be let in, each with what has to be given; the first is asked for by default.
        default_url: where the CRM stands, if that is the same for everybody.
        webhook: makes a reader of what the CRM sends by itself, if it sends anything.
        hosts: where the CRM may stand if the URL comes in over the network: names, or endings with a dot.
        ref: turns a record's id, in any form in which the CRM shows it, into the one in which it is read.
        page: where people see a record in the CRM, from the connection's URL, its account's id and the ref.
        secret_in_path: whether the webhook's secret is the end of its address; else the CRM signs with it.
    """

    name: str
    build: Callable[[ConnectorConfig], Connector]
    external_id: str
    mapping: Sequence[FieldMapping]
    ways: Sequence[Way] = ()
    default_url: str = ""
    webhook: Callable[[WebhookConfig], Webhook] | None = None
    hosts: Sequence[str] = ()
    secret_in_path: bool = False
    ref: Callable[[str], str] = str
    page: Callable[[str, str | None, str], str | None] | None = None


def read_ref(connector: str, text: str) -> str:
    """A record's id as a person has it, as the connector gives it."""
    return plugin(connector).ref(text)


def names() -> list[str]:
    """The names of all installed connectors."""
    return sorted(entry.name for entry in entry_points(group=GROUP))


@cache
def plugin(name: str) -> Plugin:
    """One connector.

    Raises:
        Misconfigured: there is none of that name, or it cannot be loaded.
    """
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise Misconfigured(f"There is no connector named {name}.", cure=f"Choose of: {', '.join(names())}.")
    try:
        loaded: Plugin = found[name].load()
    except Exception as error:  # whatever a third party's import raises is named, not hidden
        raise Misconfigured(
            f"The connector {name} cannot be loaded ({type(error).__name__}).",
            cure="Repair or uninstall its package.",
        ) from error
    return loaded


def capture(name: str, config: ConnectorConfig, account_id: str) -> Capture:
    """A listener to the changes of one account.

    Raises:
        Misconfigured: this connector has none, or it cannot be loaded.
    """
    found = entry_points(group=CAPTURES, name=name)
    if not found:
        raise Misconfigured(
            f"The connector {name} has no stream of changes.", cure="Use its webhooks or the schedule."
        )
    try:
        build: Callable[[ConnectorConfig, str], Capture] = found[name].load()
    except ImportError as error:
        raise Misconfigured(
            f"What listens to {name} cannot be loaded ({type(error).__name__}).",
            cure="Install it with: pip install 'concord[capture]'",
        ) from error
    return build(config, account_id)
