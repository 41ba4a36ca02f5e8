"""Who is told what: people by channels, programs by hooks; what administrators set up, and try."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import Response

from sync import channels as people
from sync import deliver
from sync import hooks as programs
from sync import notices as use
from sync.channels import Cause, ChannelInput, Digest
from sync.errors import BadInput
from sync.hooks import HookEvent
from sync.store import channels, hooks
from sync.store.query import now
from tasks.notices import channel_kind
from tasks.post import outgoing_url
from tasks.telling import teller_of
from web.pages.finding import id_of, text_of
from web.pages.render import redirect, render
from web.pages.visit import Visit
from web.problems import Refusal

PLACE = "/desk/notices"
LATEST = 50
SAID = {
    "added": "It is added, and told from now on. Try it with a test.",
    "paused": "It is told nothing until it is resumed.",
    "resumed": "It is told again.",
    "removed": "It is removed.",
    "sent": "The test was taken.",
}
CAUSES: Mapping[Cause, str] = {
    Cause.CONFLICTS: "questions that wait for a decision",
    Cause.HALTED: "a connection that was stopped, or waits for an approval",
    Cause.CREDENTIALS: "credentials that no longer hold",
    Cause.QUARANTINED: "records with a mistake",
}
BRIEFLY: Mapping[Cause, str] = {
    Cause.CONFLICTS: "questions",
    Cause.HALTED: "stopped connections",
    Cause.CREDENTIALS: "credentials",
    Cause.QUARANTINED: "mistakes",
}
EVENTS: Mapping[HookEvent, str] = {
    HookEvent.CONFLICT_OPENED: "a question is asked",
    HookEvent.RUN_FINISHED: "a run has ended, or waits for an approval",
    HookEvent.CUSTOMER_UPDATED: "a customer was made, changed or deleted",
}
DIGESTS: Mapping[Digest, str] = {
    Digest.AT_ONCE: "at once",
    Digest.HOURLY: "every hour",
    Digest.DAILY: "every day",
}
_TYPED = ("name", "digest", "daily_at", "quiet", "timezone")


def show(asked: Visit) -> Response:
    """The page."""
    return _page(asked)


def add_channel(asked: Visit) -> Response:
    """Tell people by one more channel."""
    caller = asked.caller
    try:
        given = ChannelInput(
            name=asked.given("name"),
            url=asked.given("url"),
            causes=[each for each in Cause if each.value in asked.all_given("cause")],
            digest=next((each for each in Digest if each.value == asked.given("digest")), None),
            daily_at=asked.given("daily_at") or None,
            quiet=asked.given("quiet").strip() or None,
            timezone=asked.given("timezone").strip() or None,
        )
        people.add(
            asked.database,
            asked.site.seal,
            caller.organisation_id,
            given,
            read=channel_kind,
            actor=caller.actor,
        )
    except BadInput as error:
        return _page(asked, wrong_channel=_why(error), status=422)
    return redirect(asked, f"{PLACE}?said=added")


def add_hook(asked: Visit) -> Response:
    """Tell one more program. The page alone shows the secret."""
    caller = asked.caller
    try:
        made = programs.add(
            asked.database,
            asked.site.seal,
            caller.organisation_id,
            url=asked.given("url").strip(),
            events=[each for each in HookEvent if each.value in asked.all_given("event")],
            check=outgoing_url,
            actor=caller.actor,
        )
    except BadInput as error:
        return _page(asked, wrong_hook=_why(error), status=422)
    return _page(asked, secret=made.secret)


def channel(asked: Visit) -> Response:
    """Try, pause, resume or remove a channel."""
    caller, channel_id = asked.caller, id_of(asked, "channel", "channel")
    mine, way = caller.organisation_id, asked.given("way")
    if way == "test":
        with asked.site.outward.required():
            problem = use.send_test(teller_of(asked.site.outgoing), mine, channel_id)
        return _tried(asked, problem)
    if way == "remove":
        people.remove(asked.database, mine, channel_id, actor=caller.actor)
        return redirect(asked, f"{PLACE}?said=removed")
    given = ChannelInput(active=_active(way))
    people.change(
        asked.database, asked.site.seal, mine, channel_id, given, read=channel_kind, actor=caller.actor
    )
    return redirect(asked, f"{PLACE}?said={way}d")


def hook(asked: Visit) -> Response:
    """Try, pause, resume or remove a hook."""
    caller, hook_id = asked.caller, id_of(asked, "hook", "hook")
    mine, way = caller.organisation_id, asked.given("way")
    if way == "test":
        with asked.site.outward.required():
            answer = deliver.send_test(asked.site.outgoing, mine, hook_id)
        return _tried(asked, answer.problem)
    if way == "remove":
        programs.remove(asked.database, mine, hook_id, actor=caller.actor)
        return redirect(asked, f"{PLACE}?said=removed")
    active = _active(way)
    programs.change(asked.database, mine, hook_id, active=active, check=outgoing_url, actor=caller.actor)
    return redirect(asked, f"{PLACE}?said={way}d")


def deliveries(asked: Visit) -> Response:
    """What a program was told, and how it answered."""
    hook_id = id_of(asked, "hook", "hook")
    with asked.database.reading() as tx:
        row = programs.find(tx, asked.caller.organisation_id, hook_id)
        found = hooks.deliveries(tx, hook_id, limit=LATEST)
        at = now(tx)
    return render(asked, "deliveries.html", hook=row, found=found, at=at)


def _active(way: str) -> bool:
    if way not in ("pause", "resume"):
        raise Refusal(422, "There is nothing of this sort to be done.")
    return way == "resume"


def _tried(asked: Visit, problem: str) -> Response:
    if problem:
        return _page(asked, problem=f"The test was not taken: {problem}.")
    return redirect(asked, f"{PLACE}?said=sent")


def _why(error: BadInput) -> dict[str, str]:
    found = {name: str(why) for name, why in error.fields.items()}
    return {name: f"{why[:1].upper()}{why[1:]}" for name, why in found.items()} or {"": error.reason}


def _page(
    asked: Visit,
    *,
    wrong_channel: Mapping[str, str] | None = None,
    wrong_hook: Mapping[str, str] | None = None,
    secret: str = "",
    problem: str = "",
    status: int = 200,
) -> Response:
    mine = asked.caller.organisation_id
    with asked.database.reading() as tx:
        told, called, at = channels.listing(tx, mine), hooks.listing(tx, mine), now(tx)
    usual = {"name": "", "digest": "hourly", "daily_at": "08:00", "quiet": "", "timezone": "UTC"}
    typed = {name: asked.given(name) for name in _TYPED} if wrong_channel else usual
    return render(
        asked,
        "notices.html",
        status=status,
        channels=told,
        hooks=called,
        at=at,
        causes={each.value: text for each, text in CAUSES.items()},
        briefly={each.value: text for each, text in BRIEFLY.items()},
        events={each.value: text for each, text in EVENTS.items()},
        digests={each.value: text for each, text in DIGESTS.items()},
        ticked=asked.all_given("cause") if wrong_channel else [*Cause],
        heard=asked.all_given("event") if wrong_hook else [*HookEvent],
        url=asked.given("url") if wrong_hook else "",
        typed=typed,
        wrong_channel=wrong_channel or {},
        wrong_hook=wrong_hook or {},
        secret=secret,
        problem=problem,
        said=SAID.get(text_of(asked, "said"), ""),
    )
