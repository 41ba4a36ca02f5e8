"""Makes a sandbox: the one entry for tests, demos and the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from connectors.salesforce.sandbox.app import make_app
from connectors.salesforce.sandbox.fields import EXTERNAL_ID
from connectors.salesforce.sandbox.knobs import Knobs
from connectors.salesforce.sandbox.state import SalesforceState


class SalesforceSandbox:
    """A look-alike Salesforce org.

    Attributes:
        state: the org, for `connectors.sandbox.control`.
        app: its ASGI app.
        client_id: the connected app's consumer key.
        client_secret: its consumer secret.
        external_id_field: the field that holds the external id.
    """

    def __init__(self, state: SalesforceState) -> None:
        self.state = state
        self.app: ASGIApp = make_app(state)
        self.client_id = state.sessions.client_id
        self.client_secret = state.sessions.client_secret
        self.external_id_field = EXTERNAL_ID


def build(
    *,
    seed: int = 1,
    empty: bool = False,
    state: Path | None = None,
    population: Iterable[Mapping[str, Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> SalesforceSandbox:
    """Make an org.

    Args:
        seed: decides ids, credentials and faults.
        empty: leave the population out.
        state: where the records are kept; an org that was kept there comes back as it was.
        population: accounts to start with, as field dicts; only for an org that is new.
        settings: knobs to set before anything else, as under /_sandbox/settings; they are not kept in
            the file.

    Raises:
        ControlError: a setting that is wrong.
        ApiError: an account of the population that the org would not take.
    """
    org = SalesforceState(seed=seed, knobs=Knobs().changed(settings or {}), path=state)
    if population is not None and not empty and not org.store.seq:
        org.seed(population)
    return SalesforceSandbox(org)
