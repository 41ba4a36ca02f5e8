"""A local look-alike of HubSpot's company API, for demos, tests and measurements.

The real SDK talks to it over HTTP: `hubspot.HubSpot(host=server.url, access_token=sandbox.token)` with
`connectors.sandbox.server.SandboxServer(sandbox.app)`. Only companies are there, their properties and
the account details, in v3 and in the dated versions; what people do and what goes wrong is under
/_sandbox/ (see `connectors.sandbox.control`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.app import HubSpotApp
from connectors.hubspot.sandbox.company import Source
from connectors.hubspot.sandbox.knobs import Knobs
from connectors.hubspot.sandbox.schema import COMPANY_ID
from connectors.hubspot.sandbox.state import HubSpotState
from connectors.sandbox.population import population as seed_population

__all__ = ["HubSpotSandbox", "build"]

_SEED_AGE = 30 * 86_400_000
"""Milliseconds since the seeded companies were imported."""


@dataclass(frozen=True, slots=True)
class HubSpotSandbox:
    """A sandbox ready to be served: `app` is the ASGI app, `token` a private app's access token."""

    app: HubSpotApp
    state: HubSpotState
    external_id_field: str = COMPANY_ID

    @property
    def token(self) -> str:
        """The access token that is good now."""
        return self.state.account.knobs.token

    @property
    def oauth(self) -> dict[str, str]:
        """The credentials of a public app that the account has let in, as they are now."""
        app = self.state.account.oauth
        return {
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "refresh_token": app.refresh_token,
        }

    @property
    def portal_id(self) -> int:
        """The id of the account."""
        return self.state.account.portal_id

    @property
    def app_id(self) -> int:
        """The id of the app, which is the `sourceId` of all writes of the API."""
        return self.state.account.app_id

    def close(self) -> None:
        """Send no more webhooks, and give back the file that the account is kept in."""
        self.state.account.close()


def build(
    *,
    seed: int = 1,
    empty: bool = False,
    state: Path | None = None,
    population: Iterable[Mapping[str, str]] | None = None,
    rate_limit: bool = False,
    external_id: str = "unique",
    properties: Sequence[Mapping[str, Any]] = (),
) -> HubSpotSandbox:
    """Make a sandbox.

    Args:
        seed: of ids, the token, the faults and the population.
        empty: start without companies.
        state: a file that keeps the account; one that is there is taken up as it is, without seeding.
        population: companies by their properties, instead of those of `connectors.sandbox.population`.
        rate_limit: enforce HubSpot's limits from the start.
        external_id: whether `company_id` is "unique", "plain" or "absent".
        properties: further custom properties, as the properties API takes them.
    """
    account = Account(seed=seed, file=state, knobs=Knobs(rate_limit=rate_limit, external_id=external_id))
    if account.fresh:
        account.configure({"properties": list(properties)})
        _import(account, _companies(seed, population, empty=empty))
    hubspot_state = HubSpotState(account)
    return HubSpotSandbox(HubSpotApp(account, hubspot_state), hubspot_state)


def _companies(
    seed: int, given: Iterable[Mapping[str, str]] | None, *, empty: bool
) -> Iterable[Mapping[str, str]]:
    if given is not None:
        return given
    if empty:
        return ()
    return [each.hubspot for each in seed_population(seed) if each.hubspot]


def _import(account: Account, companies: Iterable[Mapping[str, str]]) -> None:
    """As an import makes them: some time ago, one after the other, by nobody's app."""
    source = Source("IMPORT", "1", "import")
    start = account.clock.now() - _SEED_AGE
    for place, company in enumerate(companies):
        known = {name: value for name, value in company.items() if name in account.store.schema}
        values, errors = account.check_new(known)
        if errors:
            raise ValueError(f"company {place} of the population: {errors[0].message}")
        account.store.create(values, source, start + place)
