"""`hook`: programs that are told what happens, by signed webhooks."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.context import DONE, FAILED, AsJson, Context, Organisation, actor, at_work
from cli.output import Output
from connectors.records import JSON
from sync import deliver, hooks
from sync.clock import plain_id
from sync.errors import NotFoundError
from sync.hooks import HookEvent
from sync.settings import load
from sync.store import hooks as store
from sync.store.hooks import MANY
from sync.store.query import Row
from tasks import wiring
from tasks.post import outgoing_url

app = typer.Typer(no_args_is_help=True)
HookId = Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")]
Events = Annotated[
    list[HookEvent] | None, typer.Option("--event", help="Of what it is told; all by default. Repeatable.")
]
_TIMES = ("created_at", "delivered_at", "failing_since")
_SHOWN = ("id", "url", "events", "state", "reason", "waiting", "failures", "problem", "created_by")
_TRIED = ("id", "event", "state", "attempts", "status", "problem")


@app.callback()
def group() -> None:
    """Programs that are told what happens, by signed webhooks."""


@app.command("add")
def add(
    url: Annotated[str, typer.Argument(help="Where the program listens: https://...")],
    event: Events = None,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Tell a program what happens from now on. The secret that its messages are signed with is shown once."""
    output = Output(as_json=as_json)
    settings = load()
    with at_work(organisation, output, settings) as context:
        made = hooks.add(
            context.services.database,
            wiring.open_seal(settings),
            context.organisation_id,
            url=url,
            events=event or list(HookEvent),
            check=outgoing_url,
            actor=actor(),
        )
    row = made.row
    if as_json:
        output.json({**_shown(row), "secret": made.secret})
    else:
        output.say(made.secret)
        output.note(
            "It is shown this once: the program tells by it that a message is ours. "
            f"To try it: concord hook test {row['id']}"
        )
    return DONE


@app.command("list")
def listing(organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """The hooks: of what each is told, and whether it takes it."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context, context.services.database.reading() as tx:
        found = store.listing(tx, context.organisation_id)
    if as_json:
        output.json({"hooks": [_shown(row) for row in found]})
    elif not found:
        output.say("No hook yet. Add one with: concord hook add URL")
    else:
        lines = [
            (
                *(row["id"], row["url"], ", ".join(row["events"])),
                row["state"] if row["reason"] is None else f"{row['state']}: {row['reason']}",
                *(row["waiting"] if row["waiting"] <= MANY else f"more than {MANY:,}", row["problem"]),
            )
            for row in found
        ]
        output.table("", ("id", "url", "events", "state", "waiting", "last problem"), lines)
    return DONE


@app.command("pause")
def pause(hook_id: HookId, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Tell a program nothing; what happens meanwhile is not told later."""
    return _set(hook_id, organisation, Output(as_json=as_json), active=False)


@app.command("resume")
def resume(hook_id: HookId, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Tell a program again, first what waited for it when it was paused."""
    return _set(hook_id, organisation, Output(as_json=as_json), active=True)


@app.command("remove")
def remove(hook_id: HookId, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Tell a program nothing any more, for good."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        made = _id(hook_id)
        hooks.remove(context.services.database, context.organisation_id, made, actor=actor())
    if as_json:
        output.json({"id": made, "removed": True})
    else:
        output.say(f"{made} is removed.")
    return DONE


@app.command("test")
def test(hook_id: HookId, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Send one message of no consequence now, and tell how it was answered."""
    output = Output(as_json=as_json)
    settings = load()
    with at_work(organisation, output, settings) as context:
        outgoing = wiring.build_outgoing(settings, context.services.database)
        answer = deliver.send_test(outgoing, context.organisation_id, _id(hook_id))
    taken = answer.failure is None
    if as_json:
        output.json({"delivered": taken, "status": answer.status, "problem": answer.problem or None})
    else:
        output.say(f"It was taken ({answer.status})." if taken else f"It was not taken: {answer.problem}.")
    return DONE if taken else FAILED


@app.command("deliveries")
def deliveries(
    hook_id: HookId,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many.")] = 20,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """What a program was told, the latest first, and how it answered."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        row = _one(context, _id(hook_id))
        with context.services.database.reading() as tx:
            found = store.deliveries(tx, row["id"], limit=limit)
    if as_json:
        output.json({"deliveries": [_tried(each) for each in found]})
    elif not found:
        output.say("Nothing yet.")
    else:
        lines = [
            (
                *(each["id"], each["event"], each["state"], each["attempts"]),
                *(each["status"], each["created_at"].isoformat(timespec="seconds"), each["problem"]),
            )
            for each in found
        ]
        output.table("", ("id", "event", "state", "tries", "answer", "came about", "problem"), lines)
    return DONE


def _set(hook_id: str, organisation: str, output: Output, *, active: bool) -> int:
    with at_work(organisation, output, wakes=active) as context:
        made = _id(hook_id)
        mine = context.organisation_id
        row = hooks.change(
            context.services.database, mine, made, check=outgoing_url, active=active, actor=actor()
        )
    if output.as_json:
        output.json(_shown(row))
    else:
        output.say(f"{made} is {row['state']}.")
    return DONE


def _one(context: Context, hook_id: str) -> Row:
    with context.services.database.reading() as tx:
        return hooks.find(tx, context.organisation_id, hook_id)


def _id(text: str) -> str:
    try:
        return plain_id(text)
    except ValueError:
        raise NotFoundError("There is no hook of this id.", cure="See them with: concord hook list") from None


def _shown(row: Row) -> dict[str, JSON]:
    times = {name: None if row[name] is None else row[name].isoformat() for name in _TIMES}
    return {name: row[name] for name in _SHOWN} | times


def _tried(row: Row) -> dict[str, JSON]:
    times = {
        name: None if row[name] is None else row[name].isoformat() for name in ("created_at", "ended_at")
    }
    return {name: row[name] for name in _TRIED} | times
