"""`/channels`: where people are told what waits for them. Only a key that may do everything sees them."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from sync import channels as use
from sync import notices
from sync.channels import LONGEST_NAME, LONGEST_URL, Cause, ChannelInput, Digest
from sync.store import channels as store
from sync.store.query import Row
from sync.store.session import Database
from tasks.notices import channel_kind
from tasks.telling import teller_of
from web.api.answers import DELETING, READING, WRITING, answer
from web.api.caller import Admin
from web.api.once import OnlyOnce
from web.api.paging import Page
from web.api.route import ApiRoute
from web.api.sequence import InSequence
from web.api.types import At, Id, shown_id

router = APIRouter(route_class=ApiRoute, tags=["channels"])
ChannelState = Literal["active", "paused"]
_URL = "mailtos://user:password@smtp.acme.example?from=concord@acme.example&to=billing@acme.example"


class ChannelChangeIn(BaseModel):
    """What is to be changed of a channel."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=LONGEST_NAME, examples=["billing"])
    url: SecretStr | None = Field(
        default=None,
        max_length=LONGEST_URL,
        examples=[_URL],
        description="As Apprise writes it; never shown.",
    )
    causes: list[Cause] | None = Field(default=None, min_length=1, max_length=len(Cause))
    digest: Digest | None = Field(default=None, description="How often it tells of new questions.")
    daily_at: str | None = Field(default=None, max_length=5, examples=["08:00"])
    quiet: str | None = Field(
        default=None, max_length=20, examples=["22:00-06:00"], description="Nothing is told then; or `none`."
    )
    timezone: str | None = Field(default=None, max_length=100, examples=["Europe/Berlin"])
    state: ChannelState | None = None

    def given(self) -> ChannelInput:
        """What is given."""
        values = self.model_dump(exclude={"url", "state"})
        url = None if self.url is None else self.url.get_secret_value()
        active = None if self.state is None else self.state == store.ACTIVE
        return ChannelInput(**values, url=url, active=active)


class ChannelIn(ChannelChangeIn):
    """A channel to be made."""

    name: str = Field(max_length=LONGEST_NAME, examples=["billing"])
    url: SecretStr = Field(
        max_length=LONGEST_URL, examples=[_URL], description="As Apprise writes it; never shown."
    )


class ChannelOut(BaseModel):
    """A channel; where it leads is kept sealed, and not shown."""

    id: Id
    name: str = Field(examples=["billing"])
    kind: str = Field(examples=["mail"])
    causes: list[Cause]
    digest: Digest
    daily_at: str = Field(examples=["08:00"])
    quiet: str | None = Field(examples=["22:00-06:00"])
    timezone: str = Field(examples=["Europe/Berlin"])
    state: ChannelState
    failures: int = Field(description="Notices that failed in a row.")
    problem: str | None = Field(description="Of the last failure.", examples=["the service did not take it"])
    sent_at: At | None
    created_by: str = Field(examples=["api:ops"])
    created_at: At


class NoticedOut(BaseModel):
    """How a test went."""

    sent: bool
    problem: str | None


@router.post("/channels", status_code=201, response_model=ChannelOut, responses=WRITING)
def create_channel(caller: Admin, given: ChannelIn, once: OnlyOnce) -> Response:
    """Tell people what waits for them. A name that another channel has is refused with 400."""
    wanted = given.given()
    kind = use.kind_of(str(wanted.url), channel_kind)  # not within the transaction: another process reads it

    def effect(database: Database) -> Response:
        row = use.add(
            database,
            caller.site.seal,
            caller.organisation_id,
            wanted,
            read=lambda _url: kind,
            actor=caller.actor,
        )
        return _one(row, status=201, headers={"Location": f"/channels/{shown_id(row['id'])}"})

    return once(effect)


@router.get("/channels", response_model=Page[ChannelOut], responses=READING)
def list_channels(caller: Admin, sequel: InSequence) -> Response:
    """Channels in the order in which they were made."""
    with caller.database.reading() as tx:
        found = store.listing(tx, caller.organisation_id, after=sequel.after, limit=sequel.wanted)
    page, cursor = sequel.cut(found)
    return answer(Page[ChannelOut](data=[ChannelOut(**row) for row in page], next_cursor=cursor))


@router.get("/channels/{channel_id}", response_model=ChannelOut, responses=READING)
def get_channel(caller: Admin, channel_id: Id) -> Response:
    """One channel, with how it stands; never where it leads."""
    with caller.database.reading() as tx:
        return _one(use.find(tx, caller.organisation_id, channel_id))


@router.patch("/channels/{channel_id}", response_model=ChannelOut, responses=WRITING)
def change_channel(caller: Admin, channel_id: Id, given: ChannelChangeIn) -> Response:
    """Set the fields that are sent. `state` pauses it, or lets it go on."""
    row = use.change(
        caller.database,
        caller.site.seal,
        caller.organisation_id,
        channel_id,
        given.given(),
        read=channel_kind,
        actor=caller.actor,
    )
    return _one(row)


@router.delete("/channels/{channel_id}", status_code=204, response_class=Response, responses=DELETING)
def delete_channel(caller: Admin, channel_id: Id) -> Response:
    """Remove a channel."""
    use.remove(caller.database, caller.organisation_id, channel_id, actor=caller.actor)
    return Response(status_code=204)


@router.post("/channels/{channel_id}/test", response_model=NoticedOut, responses=WRITING)
def test_channel(caller: Admin, channel_id: Id) -> Response:
    """Send one notice of no consequence now, and tell whether it was taken."""
    with caller.site.outward.required():
        teller = teller_of(caller.site.outgoing)
        problem = notices.send_test(teller, caller.organisation_id, channel_id)
    return answer(NoticedOut(sent=not problem, problem=problem or None))


def _one(row: Row, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return answer(ChannelOut(**row), status=status, headers=headers)
