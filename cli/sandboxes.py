"""The two sandbox CRMs as `sandbox`, `up` and `demo` start them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.hubspot import sandbox as hubspot
from connectors.salesforce import sandbox as salesforce
from connectors.salesforce.sandbox import SalesforceSandbox
from connectors.sandbox.population import population
from connectors.sandbox.server import PortInUse, SandboxServer


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that is built, but not served yet."""

    name: str
    app: Any
    credentials: dict[str, str]
    external_id_field: str
    close: Callable[[], None]
    org: SalesforceSandbox | None = None


def build(name: str, *, seed: int, empty: bool = False, state: Path | None = None) -> Sandbox:
    """Build the sandbox of one CRM; `state` is where it keeps its records, if anywhere."""
    if name == "salesforce":
        accounts = [] if empty else [each.salesforce for each in population(seed) if each.salesforce]
        org = salesforce.build(seed=seed, empty=empty, state=state, population=accounts)
        keys = {"client_id": org.client_id, "client_secret": org.client_secret}
        return Sandbox(name, org.app, keys, org.external_id_field, org.state.close, org)
    account = hubspot.build(seed=seed, empty=empty, state=state)
    return Sandbox(name, account.app, {"token": account.token}, account.external_id_field, account.close)


def start(sandbox: Sandbox, port: int) -> SandboxServer:
    """Serve a sandbox from a thread: on this port, or on a free one if it is taken."""
    try:
        return SandboxServer(sandbox.app, port=port).start()
    except PortInUse:
        return SandboxServer(sandbox.app).start()
