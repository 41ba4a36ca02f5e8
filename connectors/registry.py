"""Connectors by name. Third parties add theirs under the entry point group `concord.connectors`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points

from connectors.errors import Misconfigured
from connectors.port import Connector, ConnectorConfig, FieldMapping

GROUP = "concord.connectors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """What an entry point of the group must name.

    Args:
        name: how the connector is called on the command line.
        build: makes a connector from its configuration; opens no connection.
        external_id: the CRM field that holds the external id by default.
        mapping: the default field map.
        credentials: what to ask for, by name, with a question each.
        default_url: where the CRM stands, if that is the same for everybody.
    """

    name: str
    build: Callable[[ConnectorConfig], Connector]
    external_id: str
    mapping: Sequence[FieldMapping]
    credentials: Mapping[str, str] = field(default_factory=dict)
    default_url: str = ""


def plugins() -> dict[str, Plugin]:
    """Every installed connector by name.

    Raises:
        Misconfigured: an installed connector cannot be loaded; hiding that would hide its records.
    """
    found: dict[str, Plugin] = {}
    for entry in entry_points(group=GROUP):
        try:
            plugin = entry.load()
        except Exception as error:  # whatever a third party's import raises is named, not hidden
            raise Misconfigured(
                f"The connector {entry.name} cannot be loaded ({type(error).__name__}).",
                cure="Repair or uninstall its package.",
            ) from error
        found[entry.name] = plugin
    return found


def plugin(name: str) -> Plugin:
    """One connector.

    Raises:
        Misconfigured: there is none of that name.
    """
    known = plugins()
    if name not in known:
        raise Misconfigured(
            f"There is no connector named {name}.", cure=f"Choose of: {', '.join(sorted(known))}."
        )
    return known[name]
