"""`/conflicts/resolve`: one decision on many questions, with a preview."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from sync.core.actions import ConflictKind
from sync.resolve import resolve_all
from web.api.answers import WRITING, answer
from web.api.caller import Reviewer
from web.api.decision import DecisionIn, read_decision
from web.api.found import connection_id
from web.api.once import InParts
from web.api.outcome import OneOfManyOut, one_of_many_shown
from web.api.route import ApiRoute
from web.api.types import Id

router = APIRouter(route_class=ApiRoute, tags=["conflicts"])
MOST = 1_000
_NAMED = "Name or id of a connection; null for all."
Version = Annotated[int, Field(strict=True, ge=1, le=999_999_999)]


class FilterIn(BaseModel):
    """Which open questions are meant; all conditions hold."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    kind: ConflictKind | None = None
    connection: str | None = Field(default=None, max_length=200, description=_NAMED)
    customer_id: Id | None = None
    assignee: str | None = Field(default=None, max_length=200)


class ResolveManyIn(BaseModel):
    """One decision on many questions."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"filter": {"kind": "field_conflict"}, "decision": {"take": "theirs"}, "preview": True}
            ]
        },
    )

    filter: FilterIn = Field(default_factory=FilterIn)
    decision: DecisionIn
    preview: bool = Field(default=False, strict=True, description="Say what it would do; decide nothing.")
    versions: dict[Id, Version] | None = Field(
        default=None,
        max_length=MOST,
        description="Id → `version` of a preview: those alone are decided, and only if they have not moved.",
        examples=[{"0199b2c4-7d1e-7a3b-9c5d-2f4e6a8b0c1d": 1}],
    )
    limit: int = Field(default=200, ge=1, le=MOST, strict=True, description="Questions at most.")
    cursor: Id | None = Field(default=None, description="`next_cursor` of the call before.")


class ResolvedOut(BaseModel):
    """What became of many questions."""

    counts: dict[str, int] = Field(description="Questions by result.", examples=[{"resolved": 2}])
    data: list[OneOfManyOut]
    next_cursor: Id | None = Field(description="Send it as `cursor` to go on; null after the last one.")


@router.post("/conflicts/resolve", response_model=ResolvedOut, responses=WRITING, dependencies=[InParts])
def resolve_conflicts(caller: Reviewer, given: ResolveManyIn) -> Response:
    """Decide all open questions that meet the filter in one way, or see first what that would write where.

    Each is decided by itself; one that cannot be decided so is refused with its reason, and the others go on.
    With `versions` only what a preview has shown is decided, as it was shown; whatever else meets the filter
    is refused.

    Send `next_cursor` as `cursor` until it is null. A call may be repeated: what is decided is open no more.
    """
    chosen = given.filter
    mine = caller.organisation_id
    with caller.database.reading() as tx:
        decision = read_decision(tx, mine, given.decision, "decision")
        only = None if chosen.connection is None else connection_id(tx, mine, chosen.connection)
    outcomes = resolve_all(
        caller.database,
        mine,
        decision,
        actor=caller.actor,
        kind=chosen.kind,
        connection_id=only,
        customer_id=chosen.customer_id,
        assignee=chosen.assignee,
        after=given.cursor or "",
        preview=given.preview,
        versions=given.versions,
        progress=lambda _done: None,
    )
    try:
        found = list(islice(outcomes, given.limit))
    finally:
        if not given.preview:
            caller.site.wake()
    more = found[-1].id if len(found) == given.limit else None
    counts = dict(Counter(each.result for each in found))
    return answer(
        ResolvedOut(counts=counts, data=[one_of_many_shown(each) for each in found], next_cursor=more)
    )
