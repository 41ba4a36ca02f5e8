"""`/hooks`: programs that are told what happens. Only a key that may do everything sees them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from sync import deliver
from sync import hooks as use
from sync.hooks import LONGEST_URL, HookEvent
from sync.store import hooks as store
from tasks.post import outgoing_url
from web.api.answers import DELETING, READING, WRITING, answer
from web.api.caller import Admin
from web.api.paging import Page
from web.api.route import ApiRoute
from web.api.sequence import InSequence
from web.api.types import At, Id, shown_id
from web.problems import Refusal

router = APIRouter(route_class=ApiRoute, tags=["hooks"])
_URL = Field(max_length=LONGEST_URL, examples=["https://hooks.acme.example/concord"])
_EVENTS = Field(min_length=1, max_length=len(HookEvent), examples=[["conflict.opened", "run.finished"]])
_LIMIT = 100
HookState = Literal["active", "paused"]


class HookIn(BaseModel):
    """A hook to be made."""

    model_config = ConfigDict(extra="forbid")

    url: str = _URL
    events: list[HookEvent] = _EVENTS


class HookChangeIn(BaseModel):
    """What is to be changed of a hook."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(default=None, max_length=LONGEST_URL, examples=["https://hooks.acme.example/c"])
    events: list[HookEvent] | None = Field(default=None, min_length=1, max_length=len(HookEvent))
    state: HookState | None = Field(default=None, examples=["active"])


class HookOut(BaseModel):
    """A hook."""

    id: Id
    url: str = _URL
    events: list[HookEvent] = _EVENTS
    state: HookState
    reason: str | None = Field(description="Why it was paused by itself.")
    waiting: int = Field(description="Deliveries that are still to be taken; 1001: more than 1,000.")
    failures: int = Field(description="Tries that failed in a row.")
    failing_since: At | None
    problem: str | None = Field(description="Of the last failure.", examples=["it answered 500"])
    delivered_at: At | None
    created_by: str = Field(examples=["api:ops"])
    created_at: At


class MadeHookOut(HookOut):
    """A new hook, with the secret that its messages are signed with."""

    secret: str = Field(
        description="Shown this once.", examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="]
    )


class DeliveryOut(BaseModel):
    """One message, and how it was answered."""

    id: Id
    event: HookEvent
    data: dict[str, JsonValue] = Field(examples=[{"kind": "address_mismatch"}])
    state: Literal["waiting", "delivered", "failed"]
    attempts: int
    status: int | None = Field(description="Of the last answer.", examples=[200])
    problem: str | None
    created_at: At
    ended_at: At | None


class DeliveriesOut(BaseModel):
    """What a hook was told, the latest first."""

    data: list[DeliveryOut]


class TriedOut(BaseModel):
    """How a test was answered."""

    delivered: bool
    status: int | None = Field(examples=[200])
    problem: str | None


async def _secretly(idempotency_key: Annotated[str | None, Header(include_in_schema=False)] = None) -> None:
    if idempotency_key is not None:
        raise Refusal(400, "Idempotency-Key: the answer holds a secret, which is not kept; send none")


@router.post(
    "/hooks",
    status_code=201,
    response_model=MadeHookOut,
    responses=WRITING,
    dependencies=[Depends(_secretly)],
)
def create_hook(caller: Admin, given: HookIn) -> Response:
    """Tell a program what happens from now on. The answer alone holds the secret of its messages."""
    made = use.add(
        caller.database,
        caller.site.seal,
        caller.organisation_id,
        url=given.url,
        events=given.events,
        check=outgoing_url,
        actor=caller.actor,
    )
    out = MadeHookOut(**{**made.row, "secret": made.secret})
    return answer(out, status=201, headers={"Location": f"/hooks/{shown_id(made.row['id'])}"})


@router.get("/hooks", response_model=Page[HookOut], responses=READING)
def list_hooks(caller: Admin, sequel: InSequence) -> Response:
    """Hooks in the order in which they were made."""
    with caller.database.reading() as tx:
        found = store.listing(tx, caller.organisation_id, after=sequel.after, limit=sequel.wanted)
    page, cursor = sequel.cut(found)
    return answer(Page[HookOut](data=[HookOut(**row) for row in page], next_cursor=cursor))


@router.get("/hooks/{hook_id}", response_model=HookOut, responses=READING)
def get_hook(caller: Admin, hook_id: Id) -> Response:
    """One hook, with how it stands; never its secret."""
    with caller.database.reading() as tx:
        return answer(HookOut(**use.find(tx, caller.organisation_id, hook_id)))


@router.patch("/hooks/{hook_id}", response_model=HookOut, responses=WRITING)
def change_hook(caller: Admin, hook_id: Id, given: HookChangeIn) -> Response:
    """Set the fields that are sent. `state` pauses it, or lets it go on with what still waits for it."""
    row = use.change(
        caller.database,
        caller.organisation_id,
        hook_id,
        url=given.url,
        events=given.events,
        active=None if given.state is None else given.state == store.ACTIVE,
        check=outgoing_url,
        actor=caller.actor,
    )
    return answer(HookOut(**row))


@router.delete("/hooks/{hook_id}", status_code=204, response_class=Response, responses=DELETING)
def delete_hook(caller: Admin, hook_id: Id) -> Response:
    """Remove a hook, with what it was still to be told."""
    use.remove(caller.database, caller.organisation_id, hook_id, actor=caller.actor)
    return Response(status_code=204)


@router.post("/hooks/{hook_id}/test", response_model=TriedOut, responses=WRITING)
def test_hook(caller: Admin, hook_id: Id) -> Response:
    """Send one message of no consequence now, `hook.test`, and tell how it was answered."""
    with caller.site.outward.required():
        found = deliver.send_test(caller.site.outgoing, caller.organisation_id, hook_id)
    taken = found.failure is None
    return answer(TriedOut(delivered=taken, status=found.status, problem=found.problem or None))


@router.get("/hooks/{hook_id}/deliveries", response_model=DeliveriesOut, responses=READING)
def list_deliveries(caller: Admin, hook_id: Id) -> Response:
    """What a hook was told, the latest first, 100 at most, and how each was answered."""
    with caller.database.reading() as tx:
        use.find(tx, caller.organisation_id, hook_id)
        found = store.deliveries(tx, hook_id, limit=_LIMIT)
    return answer(DeliveriesOut(data=[DeliveryOut(**row) for row in found]))
