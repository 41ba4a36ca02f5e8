"""Who calls: admitted by a key, within one of its organisations, for as much as the key's scope allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from sync import apikeys
from sync.apikeys import Scope
from sync.store.session import Database
from web.problems import Refusal
from web.site import Site

SCHEME = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "As `concord api-key create` showed it, once.",
    }
}
"""How the description of the API names its keys."""
HEADERS = {
    "security": [{"key": []}],
    "parameters": [
        {
            "name": "organisation",
            "in": "header",
            "required": False,
            "description": "Name or id of the organisation that is meant, where the key may use several.",
            "schema": {
                "anyOf": [{"type": "string", "maxLength": 200}, {"type": "null"}],
                "title": "Organisation",
            },
        }
    ],
}
"""What the description says of them at each route; `admit` is what reads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A request's origin. Its database shows and takes what is of its organisation, and nothing else.

    Args:
        site: what the routes are built from.
        database: within the organisation.
        organisation_id: the organisation.
        organisation: its name.
        actor: how it is named in the audit.
        scope: how much it may do.
    """

    site: Site
    database: Database = field(repr=False)
    organisation_id: str
    organisation: str
    actor: str
    scope: Scope


def admit(site: Site, headers: Mapping[str, str]) -> Caller:
    """The caller of a request with these headers.

    Raises:
        Refusal: 401 without a good key; 404 if the organisation is none of the key's; 400 if it must be
            named; 429 if the key is used too often.
    """
    text = headers.get("x-api-key")
    if not text:
        raise Refusal(401, "Send an API key in the header x-api-key.")
    holder = apikeys.look(site.database, text)
    if holder is None:
        raise Refusal(401, "This API key is not good: unknown, expired or revoked.")
    site.pace.take(holder.id, holder.rate)
    organisation_id, name = _organisation(holder.organisations, headers.get("organisation"))
    return Caller(
        site=site,
        database=site.database.within(organisation_id),
        organisation_id=organisation_id,
        organisation=name,
        actor=f"api:{holder.name}",
        scope=holder.scope,
    )


def _organisation(known: Mapping[str, str], wanted: str | None) -> tuple[str, str]:
    """Of the key's organisations (id → name) the one that is meant."""
    if wanted is None:
        if len(known) != 1:
            raise Refusal(400, "This key may use several organisations: name one in the header organisation.")
        return next(iter(known.items()))
    plain = wanted.replace("-", "").lower()
    for organisation_id, name in known.items():
        if wanted == name or plain == organisation_id:
            return organisation_id, name
    raise Refusal(404, "There is no such organisation for this key.")


class Admission:
    """The caller of one request, looked up once, by whoever asks first. It reads the database."""

    def __init__(self, request: Request, allowed: Allowed) -> None:
        self._request, self._allowed = request, allowed
        self._caller: Caller | None = None
        self.tried = False

    def __call__(self) -> Caller:
        """The caller.

        Raises:
            Refusal: as `admit`, and 403 for a key whose scope is too small.
        """
        if self._caller is None:
            self.tried = True
            caller = admit(self._request.app.state.site, self._request.headers)
            self._allowed.check(caller)
            self._caller = caller
        return self._caller


class Allowed:
    """Says which scope a route asks for; every route of the API depends on one."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Admission:
        """What the route makes the caller of, before its endpoint runs."""
        admission: Admission = request.state.admission
        return admission

    def check(self, caller: Caller) -> None:
        """Refuse a caller whose key allows less.

        Raises:
            Refusal: 403, naming both scopes.
        """
        if not caller.scope.allows(self.scope):
            raise Refusal(
                403, f"This asks for the scope {self.scope.value}; the key has {caller.scope.value}."
            )


def allowed_of(dependant: Dependant) -> list[Allowed]:
    """What a route's dependencies ask for."""
    return [each.call for each in dependant.dependencies if isinstance(each.call, Allowed)]


Reader = Annotated[Caller, Depends(Allowed(Scope.READ))]
Writer = Annotated[Caller, Depends(Allowed(Scope.WRITE))]
Reviewer = Annotated[Caller, Depends(Allowed(Scope.REVIEW))]
Admin = Annotated[Caller, Depends(Allowed(Scope.ADMIN))]
