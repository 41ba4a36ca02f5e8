"""`connections set`: map, rules, policies, credentials and schedule of one connection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import credentials as entry
from cli import times
from cli.context import DONE, AsJson, Organisation, actor, at_work
from cli.output import Output
from cli.selecting import read_scope
from connectors.registry import plugin
from connectors.strict import UnreadableError, read_json
from connectors.transport import base_url
from connectors.ways import merged
from sync import connect as use
from sync.errors import BadInput
from sync.rescope import rescope
from sync.settings import load
from sync.timetable import Timetable
from tasks import wiring
from tasks.secrets import check_secret

Name = Annotated[str, typer.Argument(help="The connection's name.")]
DEFAULT = "default"  # in place of a rule: there is none


def change(
    name: Name,
    map_file: Annotated[Path | None, typer.Option("--map", help="JSON: [{field, crm}, ...]")] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", help="FIELD=PRESET, FIELD=JSON, or FIELD=default to take the rule away."),
    ] = None,
    scope: Annotated[
        str | None,
        typer.Option("--scope", help="Which records: a JSON file, JSON conditions, or none for all."),
    ] = None,
    external_id: Annotated[str | None, typer.Option("--external-id", help="The CRM's key field.")] = None,
    first_link: Annotated[str | None, typer.Option("--first-link")] = None,
    address_policy: Annotated[str | None, typer.Option("--address-policy")] = None,
    address_level: Annotated[str | None, typer.Option("--address-level")] = None,
    on_partial: Annotated[str | None, typer.Option("--on-partial")] = None,
    require_valid_address: Annotated[
        bool | None,
        typer.Option(help="Hold an address that the rules of its country refuse, and ask."),
    ] = None,
    on_missing_external_id: Annotated[str | None, typer.Option("--on-missing-external-id")] = None,
    url: Annotated[str | None, typer.Option("--url")] = None,
    client_id: entry.ClientId = None,
    client_secret: entry.ClientSecret = None,
    session_id: entry.SessionId = None,
    token: entry.Token = None,
    username: entry.Username = None,
    private_key_file: entry.PrivateKeyFile = None,
    refresh_token: entry.RefreshToken = None,
    credential: entry.More = None,
    webhook_secret: Annotated[
        str | None,
        typer.Option(
            "--webhook-secret", help="HubSpot: the app's client secret. Salesforce: a part of the path."
        ),
    ] = None,
    every: times.Every = None,
    cron: times.Cron = None,
    full_every: times.FullEvery = None,
    full_cron: times.FullCron = None,
    quiet: times.Quiet = None,
    timezone: times.Timezone = None,
    daily_calls: times.DailyCalls = None,
    reserve: times.Reserve = None,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Change map, rules, policies, credentials or schedule. Old links take a new map up by `resync`."""
    output = Output(as_json=as_json)
    environment = load()
    with at_work(organisation, output, environment) as context:
        connection = context.connection(name)
        settings: dict[str, Any] = {
            key: value
            for key, value in (
                ("external_id", external_id),
                ("first_link", first_link),
                ("address_policy", address_policy),
                ("address_level", address_level),
                ("on_partial", on_partial),
                ("require_valid_address", require_valid_address),
                ("on_missing_external_id", on_missing_external_id),
            )
            if value is not None
        }
        if map_file is not None:
            settings["map"] = _read_map(map_file)
        ruled = dict(_read_rule(each) for each in rule or ())
        settings |= times.budget(daily_calls, reserve, timezone)
        table = Timetable(
            every=every, cron=cron, full_every=full_every, full_cron=full_cron, quiet=quiet, timezone=timezone
        )
        fresh = entry.given(
            client_id=client_id,
            client_secret=client_secret,
            session_id=session_id,
            token=token,
            username=username,
            refresh_token=refresh_token,
            private_key_file=private_key_file,
            more=credential,
            **{wiring.WEBHOOK_SECRET: webhook_secret},
        )
        wanted = None if scope is None else read_scope(scope)
        if not settings and not ruled and not fresh and url is None and not table.given and scope is None:
            raise BadInput("Nothing was given to change.", cure="See: concord connections set --help")
        seal = wiring.open_seal(environment)
        found = plugin(str(connection.row["connector"]))
        if webhook_secret:
            check_secret(found, fresh[wiring.WEBHOOK_SECRET])
        apart = {name: fresh.pop(name) for name in (wiring.WEBHOOK_SECRET,) if name in fresh}
        version = use.change(
            context.services.database,
            seal,
            connection,
            actor=actor(),
            settings=settings,
            rules=(lambda present: _merge_rules(present, ruled)) if ruled else None,
            credentials=(lambda known: merged(found.ways, fresh, {**known, **apart}))
            if fresh or apart
            else None,
            url=base_url(url) if url else None,
            times=table if table.given else None,
        )
        newer = version != connection.map_version
        rescoped = False
        if wanted is not None:
            fresh_settings = context.connection(name)
            with output.progress(f"changing the scope of {name}") as progress:
                rescoped = rescope(context.services, fresh_settings, wanted, actor=actor(), progress=progress)
        if as_json:
            output.json(
                {"connection": name, "map_version": version, "resync_needed": newer, "rescoped": rescoped}
            )
        else:
            output.say(f"Changed {name}.")
            if rescoped:
                output.say(f"The scope is a plan to approve; make it with: concord sync {name}")
            if newer:
                output.say(
                    "Linked records keep to the old map and rules until: "
                    f"concord resync {name} --external-id X"
                )
    return DONE


def _read_map(path: Path) -> object:
    try:
        return read_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).") from error
    except UnreadableError as error:
        raise BadInput(f"{path} cannot be read: {error.reason}.") from error


def _merge_rules(present: Mapping[str, Any], given: Mapping[str, object]) -> dict[str, Any]:
    if ruleless := sorted(field for field in given if given[field] == DEFAULT and field not in present):
        raise BadInput(f"There is no rule to take away for {', '.join(ruleless)}.")
    return {field: rule for field, rule in {**present, **given}.items() if rule != DEFAULT}


def _read_rule(text: str) -> tuple[str, object]:
    field, sign, value = text.partition("=")
    if not sign or not value:
        raise BadInput(
            f"{text!r} is not of the form FIELD=RULE.", cure="For instance --rule email=always_crm"
        )
    if value.startswith("{"):
        try:
            return field, read_json(value.encode("utf-8", "surrogateescape"))
        except UnreadableError as error:
            raise BadInput(f"The rule of {field} cannot be read: {error.reason}.") from error
    return field, value
