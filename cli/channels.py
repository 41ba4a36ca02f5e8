"""`channel`: where people are told what waits for them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli.context import DONE, FAILED, AsJson, Organisation, actor, at_work
from cli.output import Output
from connectors.records import JSON
from sync import channels, notices
from sync.channels import Cause, ChannelInput, Digest
from sync.clock import plain_id
from sync.errors import BadInput, NotFoundError
from sync.settings import load
from sync.store import channels as store
from sync.store.query import Row
from tasks import wiring
from tasks.notices import channel_kind
from tasks.telling import teller_of

app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name or id, as the list shows it.")]
Causes = Annotated[
    list[Cause] | None, typer.Option("--cause", help="Of what it tells; all by default. Repeatable.")
]
HowOften = Annotated[
    Digest | None, typer.Option("--digest", help="How often it tells of new questions; hourly by default.")
]
DailyAt = Annotated[str | None, typer.Option("--at", help="HH:MM, of a daily digest; 08:00 by default.")]
QuietHours = Annotated[
    str | None, typer.Option("--quiet", help="HH:MM-HH:MM: nothing is told then; or none.")
]
Zone = Annotated[str | None, typer.Option("--timezone", help="Of both: Europe/Berlin. UTC by default.")]
_SHOWN = ("id", "name", "kind", "causes", "digest", "daily_at", "quiet", "timezone", "state")
_STANDING = ("failures", "problem", "created_by")


@app.callback()
def group() -> None:
    """Where people are told what waits for them."""


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    url: Annotated[str, typer.Argument(help="As Apprise writes it; - reads it from stdin, or asks.")] = "-",
    cause: Causes = None,
    digest: HowOften = None,
    at: DailyAt = None,
    quiet: QuietHours = None,
    timezone: Zone = None,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Tell people by mail, Slack, Teams or a webhook. The URL holds secrets: it is never shown again."""
    output, settings = Output(as_json=as_json), load()
    given = ChannelInput(
        name=name,
        url=_read(url),
        causes=cause or None,
        digest=digest,
        daily_at=at,
        quiet=quiet,
        timezone=timezone,
    )
    with at_work(organisation, output, settings) as context:
        row = channels.add(
            context.services.database,
            wiring.open_seal(settings),
            context.organisation_id,
            given,
            read=channel_kind,
            actor=actor(),
        )
    output.told(_shown(row), f"{row['name']} is told. To try it: concord channel test {row['name']}")
    return DONE


@app.command("list")
def listing(organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """The channels: of what each tells, how often, and whether it is taken."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context, context.services.database.reading() as tx:
        found = store.listing(tx, context.organisation_id)
    if as_json:
        output.json({"channels": [_shown(row) for row in found]})
    elif not found:
        output.say("No channel yet. Add one with: concord channel add NAME URL")
    else:
        lines = [
            (
                *(row["name"], row["kind"], ", ".join(row["causes"])),
                f"{row['digest']} {row['daily_at']}" if row["digest"] == Digest.DAILY else row["digest"],
                *(row["quiet"], row["timezone"], row["state"], row["problem"]),
            )
            for row in found
        ]
        heads = ("name", "kind", "causes", "digest", "quiet", "time zone", "state", "last problem")
        output.table("", heads, lines)
    return DONE


@app.command("set")
def change(
    name: Name,
    url: Annotated[str | None, typer.Option("--url", help="Where it leads; - reads it from stdin.")] = None,
    cause: Causes = None,
    digest: HowOften = None,
    at: DailyAt = None,
    quiet: QuietHours = None,
    timezone: Zone = None,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Change where a channel leads, of what it tells, how often, and when not."""
    given = ChannelInput(
        url=None if url is None else _read(url),
        causes=cause or None,
        digest=digest,
        daily_at=at,
        quiet=quiet,
        timezone=timezone,
    )
    return _change(name, organisation, Output(as_json=as_json), given, "is changed")


@app.command("pause")
def pause(name: Name, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Tell a channel nothing."""
    return _change(name, organisation, Output(as_json=as_json), ChannelInput(active=False), "is paused")


@app.command("resume")
def resume(name: Name, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Tell a channel again."""
    return _change(name, organisation, Output(as_json=as_json), ChannelInput(active=True), "is told again")


@app.command("remove")
def remove(name: Name, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Tell a channel nothing any more, for good."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        with context.services.database.reading() as tx:
            made = _id(store.listing(tx, context.organisation_id), name)
        channels.remove(context.services.database, context.organisation_id, made, actor=actor())
    if as_json:
        output.json({"id": made, "removed": True})
    else:
        output.say(f"{name} is removed.")
    return DONE


@app.command("test")
def test(name: Name, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Send one notice of no consequence now, and tell whether it was taken."""
    output, settings = Output(as_json=as_json), load()
    with at_work(organisation, output, settings) as context:
        database = context.services.database
        with database.reading() as tx:
            made = _id(store.listing(tx, context.organisation_id), name)
        teller = teller_of(wiring.build_outgoing(settings, database))
        problem = notices.send_test(teller, context.organisation_id, made)
    if as_json:
        output.json({"sent": not problem, "problem": problem or None})
    else:
        output.say(f"It was not sent: {problem}." if problem else "It was sent.")
    return FAILED if problem else DONE


def _change(name: str, organisation: str, output: Output, given: ChannelInput, done: str) -> int:
    settings = load()
    with at_work(organisation, output, settings) as context:
        database = context.services.database
        with database.reading() as tx:
            made = _id(store.listing(tx, context.organisation_id), name)
        row = channels.change(
            database,
            wiring.open_seal(settings),
            context.organisation_id,
            made,
            given,
            read=channel_kind,
            actor=actor(),
        )
    output.told(_shown(row), f"{row['name']} {done}.")
    return DONE


def _id(known: list[Row], name: str) -> str:
    """The id of a channel that is named so, or has this id."""
    found = [row["id"] for row in known if row["name"] == name]
    if found:
        return str(found[0])
    try:
        return plain_id(name)
    except ValueError:
        raise NotFoundError("There is no such channel.", cure="See them with: concord channel list") from None


def _read(url: str) -> str:
    if url != "-":
        return url
    if sys.stdin.isatty():
        return str(typer.prompt("URL", hide_input=True, err=True))
    line = sys.stdin.readline().strip()
    if not line:
        raise BadInput("There is no URL on stdin.", fields={"url": "is missing"})
    return line


def _shown(row: Row) -> dict[str, JSON]:
    times = {name: None if row[name] is None else row[name].isoformat() for name in ("created_at", "sent_at")}
    return {name: row[name] for name in (*_SHOWN, *_STANDING)} | times
