"""One HubSpot account: companies, schema, clock, limits, and the rules that every write has to pass."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from connectors.hubspot.sandbox.company import Company, Source, integration
from connectors.hubspot.sandbox.definitions import new_property
from connectors.hubspot.sandbox.errors import PropertyError, Refusal, properties_refused
from connectors.hubspot.sandbox.index import SearchIndex
from connectors.hubspot.sandbox.knobs import Clock, Knobs
from connectors.hubspot.sandbox.limits import Limits
from connectors.hubspot.sandbox.oauth import OAuthApp
from connectors.hubspot.sandbox.schema import COMPANY_ID, custom_properties, dated, standard_properties
from connectors.hubspot.sandbox.store import Store
from connectors.hubspot.sandbox.values import checked
from connectors.hubspot.sandbox.webhooks import Webhooks
from connectors.sandbox.control import ControlError
from connectors.sandbox.faults import Faults
from connectors.sandbox.journal import Journal

REQUIRED = ("name", "domain")
"""A company needs one of these. Source: HubSpot docs, companies."""


class Account:
    """The account behind the API.

    Args:
        seed: of ids, the token and the faults; an account from a file keeps the seed it has.
        file: where the account is kept, None to keep it in memory only.
        knobs: where the knobs stand at first.

    Attributes:
        fresh: nothing was in the file.
        order: shuffles answers whose order HubSpot does not promise.
    """

    def __init__(self, *, seed: int, file: Path | None, knobs: Knobs) -> None:
        self.clock = Clock()
        self.index = SearchIndex(lambda: self.clock.now() / 1000)
        self.store = Store(Journal(file), self.index)
        self.fresh = self.store.seed is None
        self.order = Random(self.store.seed if self.store.seed is not None else seed)  # noqa: S311 - repeatable
        self.portal_id = self.order.randrange(20_000_000, 50_000_000)
        self.app_id = self.order.randrange(1_000_000, 40_000_000)
        token = f"pat-na1-{UUID(int=self.order.getrandbits(128), version=4)}"
        self.faults = Faults(seed)
        self.limits = Limits()
        self.oauth = OAuthApp(seed)
        self.webhooks = Webhooks(portal_id=self.portal_id, app_id=self.app_id, seed=seed)
        self.store.tell = self.webhooks.tell
        self.calls: Counter[str] = Counter()
        self.writes = 0
        self._migrating_until = 0.0
        if self.fresh:
            self.store.begin(seed, self.order.randrange(10**10, 2 * 10**10))
            for definition in (*standard_properties(), *custom_properties(knobs.external_id)):
                self.store.define(dated(definition, self.clock.now()))
        self.knobs = Knobs(token=token, external_id=self._external_id())
        given = {each.name: getattr(knobs, each.name) for each in fields(knobs)}
        default = Knobs()
        self.configure(
            {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in given.items()
                if value != getattr(default, name) and name != "external_id"
            }
        )

    @property
    def api(self) -> Source:
        """Who makes the writes of the API."""
        return integration(self.app_id)

    @property
    def migrating_for(self) -> float:
        """Seconds until the account is back from its migration; 0 if there is none."""
        return max(0.0, self._migrating_until - time.monotonic())

    def check_new(self, given: Mapping[str, Any]) -> tuple[dict[str, str], list[PropertyError]]:
        """The values of a new company and what is wrong with them.

        Raises:
            Refusal: it has neither a name nor a domain.
        """
        values, errors = self.check(given, None)
        if not errors and not any(values.get(name) for name in REQUIRED):
            raise Refusal(
                400,
                "Error creating COMPANY. Some required properties were not set.",
                category="VALIDATION_ERROR",
                context={"properties": list(REQUIRED)},
            )
        return values, errors

    def check(
        self, given: Mapping[str, Any], company: Company | None
    ) -> tuple[dict[str, str], list[PropertyError]]:
        """The values to store and what is wrong with them, a unique value that is taken too."""
        values, errors = checked(self.store.schema, given, company.values if company else {})
        target = company.id if company else self.store.next_id()
        for name in self.store.schema.unique():
            owner = self.store.find_by(name, values.get(name, ""))
            if owner is not None and owner is not company:
                errors.append(self.taken(name, values[name], target, owner.id))
        return values, errors

    def taken(self, name: str, value: str, target: int, owner: int) -> PropertyError:
        """The refusal of a unique value; it names the record that has it."""
        coordinates = (
            f"PropertyValueCoordinates{{portalId={self.portal_id}, objectTypeId=ObjectTypeId{{"
            f"legacyObjectType=COMPANY}}, propertyName={name}, value={value}}}"
        )
        message = f"Cannot set {coordinates} on {target}. {owner} already has that value."
        return PropertyError(name, "CONFLICTING_UNIQUE_VALUE", message)

    def create(self, given: Mapping[str, Any], source: Source) -> Company:
        """Check and make one company.

        Raises:
            Refusal: a property is refused.
        """
        values, errors = self.check_new(given)
        if errors:
            raise properties_refused(errors, self.portal_id)
        return self.make(values, source, self.clock.now())

    def make(self, values: Mapping[str, str], source: Source, at: int) -> Company:
        """Make a company of values that were checked."""
        self.writes += 1
        return self.store.create(values, source, at)

    def change(self, company: Company, values: Mapping[str, str], source: Source, at: int) -> None:
        """Set values that were checked."""
        self.writes += 1
        self.store.update(company, values, source, at)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Set knobs, all or none.

        `properties` lists further custom properties as the API takes them; `webhooks` has knobs of its own.

        Raises:
            ControlError: something of it does not fit.
        """
        settings = dict(settings)
        more = settings.pop("properties", [])
        webhooks = self.webhooks.checked(settings.pop("webhooks", {}))
        knobs = self.knobs.changed(settings)
        changes_id = knobs.external_id != self._external_id()
        if changes_id and knobs.external_id == "unique":
            self._check_no_doubles()
        try:
            definitions = [new_property(self.store.schema, each, self.clock.now()) for each in more]
        except (Refusal, TypeError, AttributeError) as error:
            raise ControlError(f"properties: {error}") from error
        for definition in definitions:
            self.store.define(definition)
        if changes_id:
            self._set_external_id(knobs.external_id)
        self.clock.set(knobs.clock_offset, frozen=knobs.freeze_clock)
        if knobs.index_delay != self.index.delay:
            self.index.delay = knobs.index_delay
        if "migrating" in settings:
            self._migrating_until = time.monotonic() + knobs.migrating
        self.knobs = knobs
        self.webhooks.use(*webhooks)

    def spend_token(self) -> bool:
        """Count a call against the token; whether the token was still good for it."""
        left = self.knobs.token_calls
        if left == 0:
            self.knobs = replace(self.knobs, token_expired=True)
        elif left is not None:
            self.knobs = replace(self.knobs, token_calls=left - 1)
        return not self.knobs.token_expired

    def close(self) -> None:
        """Send no more webhooks, and give back the file that the account is kept in."""
        self.webhooks.outbox.close()
        self.store.close()

    def expire_token(self) -> None:
        """Let the token be no longer good, until the knobs say otherwise."""
        self.knobs = replace(self.knobs, token_expired=True)

    def _check_no_doubles(self) -> None:
        if doubles := self.store.double_values(COMPANY_ID):
            raise ControlError(f"several companies have the {COMPANY_ID} {doubles[0]!r}")

    def _external_id(self) -> str:
        definition = self.store.schema.get(COMPANY_ID)
        if definition is None:
            return "absent"
        return "unique" if definition.unique else "plain"

    def _set_external_id(self, wanted: str) -> None:
        if wanted == "absent":
            self.store.undefine(COMPANY_ID)
            return
        for definition in custom_properties(wanted):
            if definition.name == COMPANY_ID:
                self.store.define(dated(definition, self.clock.now()))
