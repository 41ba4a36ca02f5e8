"""A new connection: which CRM, and the credentials. They come in by a form, and are never shown again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.responses import Response

from connectors.errors import AuthFailed, ConnectorError, Misconfigured
from connectors.registry import Plugin, plugin
from connectors.registry import names as installed
from sync import connect as use
from sync.errors import ConcordError
from sync.store import connections
from tasks import wiring
from web.api.connecting import change, create
from web.api.connection import ConnectionChangeIn, ConnectionIn
from web.api.connections import CHECK_PATIENCE
from web.pages import place
from web.pages.place import WrongForm, checked
from web.pages.render import redirect, render
from web.pages.visit import Visit
from web.problems import Refusal

REFERENCE = "memory"
"""The connector that shows how one is written; it has no account that could be connected."""


def offered() -> list[str]:
    """The connectors that a person may choose of."""
    return [each for each in installed() if each != REFERENCE]


def choose(asked: Visit) -> Response:
    """Which CRM."""
    return render(asked, "connection_choose.html", found=[plugin(each) for each in offered()])


def ask(asked: Visit) -> Response:
    """The form."""
    return _form(asked, _plugin(asked))


def enter(asked: Visit) -> Response:
    """Store the connection if the CRM lets it in; else nothing is kept."""
    found = _plugin(asked)
    body = {**_credentials(asked, found), "name": asked.given("name"), "connector": found.name}
    try:
        with checked(), asked.site.outward.required():
            made = create(asked.caller, asked.database, ConnectionIn.model_validate(body))
            _let_in(asked, made)
    except WrongForm as error:
        return _form(asked, found, error.problems, 422)
    return redirect(asked, f"{place.LIST}/{made}/check")


def _let_in(asked: Visit, connection_id: str) -> None:
    """Ask the CRM to describe itself; what it does not let in is forgotten.

    Raises:
        WrongForm: it does not let us in, or does not answer.
    """
    with asked.database.reading() as tx:
        connection = connections.load(tx, connection_id)
    services = asked.site.services
    try:
        connector = services.open_connector(connection, patience=CHECK_PATIENCE)
        try:
            services.inspect(connection, connector)
        finally:
            connector.close()
    except BaseException as error:
        use.remove(asked.database.patient(), connection, actor=asked.caller.actor)
        if not isinstance(error, ConnectorError | ConcordError):
            raise
        where = "credentials" if isinstance(error, AuthFailed | Misconfigured) else "url"
        raise WrongForm({where: f"{place.told(error)} Nothing was kept."}) from None


def ask_rotation(asked: Visit) -> Response:
    """The form for other credentials."""
    return _rotation(asked)


def rotate(asked: Visit) -> Response:
    """Put other credentials in force if the CRM lets them in, or if they are to be kept whatever it says."""
    connection = place.found(asked)
    found = place.plugin_of(connection)
    body = _credentials(asked, found)
    if not body["credentials"]:
        del body["credentials"]
    if body.get("url") == connection.row["url"]:
        del body["url"]

    def trial(url: str, credentials: Mapping[str, str]) -> Mapping[str, str]:
        try:
            with asked.site.outward.required():
                return wiring.try_out(connection, url, credentials, patience=CHECK_PATIENCE)
        except (ConnectorError, ConcordError) as error:
            where = "credentials" if isinstance(error, AuthFailed | Misconfigured) else "url"
            raise WrongForm({where: f"{place.told(error)} Nothing was changed."}) from None

    try:
        with checked():
            if not body:
                raise WrongForm({"credentials": "Nothing was given: type what is to be in force."})
            given = ConnectionChangeIn.model_validate(body)
            change(asked.caller, connection, given, trial=None if asked.given("anyway") else trial)
    except WrongForm as error:
        return _rotation(asked, error.problems, 422)
    asked.site.wake()
    return redirect(asked, f"{place.LIST}/{connection.id}/check")


def _form(
    asked: Visit, found: Plugin, problems: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    return render(
        asked,
        "connection_new.html",
        status=status,
        found=found,
        name=asked.given("name") or found.name,
        url=asked.given("url") or found.default_url,
        way=asked.given("way"),
        problems=problems or {},
    )


def _rotation(asked: Visit, problems: Mapping[str, str] | None = None, status: int = 200) -> Response:
    connection = place.found(asked)
    return place.frame(
        asked,
        connection,
        "connection_credentials.html",
        None,
        status=status,
        problems=problems,
        found=place.plugin_of(connection),
        url=asked.given("url") or connection.row["url"],
        way=asked.given("way"),
    )


def _credentials(asked: Visit, found: Plugin) -> dict[str, Any]:
    """URL, credentials and secret of a form as the API takes them; what was left empty is not among them."""
    names = [name for way in found.ways if way.name == asked.given("way") for name in way.credentials]
    if found.ways and not names:
        raise Refusal(400, "The form cannot be read.")
    way = asked.given("way")
    typed = {name: asked.given(f"{way}:{name}") for name in names}
    kept = {name: text if name == "private_key" else text.strip() for name, text in typed.items()}
    body: dict[str, Any] = {"credentials": {name: text for name, text in kept.items() if text.strip()}}
    for name in ("url", "webhook_secret"):
        if text := asked.given(name).strip():
            body[name] = text
    return body


def _plugin(asked: Visit) -> Plugin:
    name = str(asked.request.path_params["connector"])
    if name not in offered():
        raise Refusal(404, "There is no connector of this name.")
    return plugin(name)
