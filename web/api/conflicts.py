"""`/conflicts`: what a person has to decide."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from sync import review
from sync.core.actions import ConflictKind
from sync.errors import Conflicted
from sync.resolve import resolve
from sync.store import conflicts
from sync.store.conflicts import StoredConflict
from sync.store.session import Database, Tx
from web.api.answers import DECIDING, READING, WRITING, IfMatch, answer, version_of
from web.api.caller import Caller, Reader, Reviewer
from web.api.conflict import ConflictOut, shown
from web.api.decision import DecisionIn, read_decision
from web.api.found import connection_id
from web.api.once import OnlyOnce
from web.api.outcome import OutcomeOut, outcome_shown
from web.api.paging import Page
from web.api.route import ApiRoute
from web.api.sequence import InSequence
from web.api.types import Id
from web.problems import Refusal, wrong

router = APIRouter(route_class=ApiRoute, tags=["conflicts"])
_CONNECTION = Query(max_length=200, description="Name or id of a connection.")


class State(StrEnum):
    """How far a question is."""

    OPEN = "open"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"
    SUPERSEDED = "superseded"
    ALL = "all"


class CountsOut(BaseModel):
    """How many questions are open."""

    total: int
    kinds: dict[str, int] = Field(examples=[{"field_conflict": 2}])


class ResolveIn(DecisionIn):
    """A decision on one question, and which version of it was shown."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"take": "theirs", "version": 1}]})

    version: int | None = Field(
        default=None, strict=True, ge=1, le=999_999_999, description="That was shown; or send it as If-Match."
    )


class AssignIn(BaseModel):
    """Who is to decide."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    assignee: str | None = Field(min_length=1, max_length=200, examples=["jane@acme.example"])


class NoteIn(BaseModel):
    """A note."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    note: str = Field(min_length=1, max_length=5_000, examples=["Asked the customer."])


@router.get("/conflicts", response_model=Page[ConflictOut], responses=READING)
def list_conflicts(
    caller: Reader,
    sequel: InSequence,
    *,
    kind: ConflictKind | None = None,
    connection: Annotated[str | None, _CONNECTION] = None,
    state: State = State.OPEN,
    customer_id: Annotated[Id | None, Query()] = None,
    assignee: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Questions that meet every condition, oldest first; open ones unless another state is asked for."""
    with caller.database.reading() as tx:
        found = conflicts.listing(
            tx,
            caller.organisation_id,
            kind=kind,
            connection_id=None
            if connection is None
            else connection_id(tx, caller.organisation_id, connection),
            state=None if state is State.ALL else state,
            customer_id=customer_id,
            assignee=assignee,
            after=sequel.after,
            limit=sequel.wanted,
        )
        page, cursor = sequel.cut([each.row for each in found])
        return answer(Page[ConflictOut](data=shown(tx, found[: len(page)]), next_cursor=cursor))


@router.get("/conflicts/counts", response_model=CountsOut, responses=READING)
def count_conflicts(caller: Reader, connection: Annotated[str | None, _CONNECTION] = None) -> Response:
    """How many questions are open, by kind."""
    mine = [conflicts.of_organisation(caller.organisation_id)]
    with caller.database.reading() as tx:
        if connection is not None:
            mine.append(conflicts.of_connection(connection_id(tx, caller.organisation_id, connection)))
        kinds = conflicts.count_open(tx, *mine)
    return answer(CountsOut(total=sum(kinds.values()), kinds=kinds))


@router.get("/conflicts/{conflict_id}", response_model=ConflictOut, responses=READING)
def get_conflict(caller: Reader, conflict_id: Id) -> Response:
    """One question with the values of both sides, and its version as `ETag`."""
    return _one(caller, caller.database, conflict_id)


@router.post("/conflicts/{conflict_id}/resolve", response_model=OutcomeOut, responses=DECIDING)
def resolve_conflict(
    caller: Reviewer, conflict_id: Id, given: ResolveIn, once: OnlyOnce, if_match: IfMatch = None
) -> Response:
    """Decide one question as it was shown. What is to be written to a CRM is written by a worker.

    Say which version was shown, by `version` or `If-Match` (`*` decides whatever the question is by now). If
    it has moved since, or is decided already, nothing is done: 409, with the question as it is now under
    `conflict`.
    """
    version = _shown_version(given, if_match)

    def effect(database: Database) -> Response:
        mine = caller.organisation_id
        with database.transaction() as tx:
            _found(tx, caller, conflict_id)
            decision = read_decision(tx, mine, given)
        outcome = resolve(database, mine, conflict_id, decision, actor=caller.actor, version=version)
        return answer(outcome_shown(outcome))

    try:
        made = once(effect)
    except Conflicted as error:
        with caller.database.reading() as tx:
            (fresh,) = shown(tx, [_found(tx, caller, conflict_id)])
        more = {"conflict": orjson.loads(fresh.model_dump_json())}
        raise Refusal(409, str(error), more=more) from error
    caller.site.wake()
    return made


@router.post("/conflicts/{conflict_id}/assign", response_model=ConflictOut, responses=WRITING)
def assign_conflict(caller: Reviewer, conflict_id: Id, given: AssignIn, once: OnlyOnce) -> Response:
    """Say who is to decide a question; null is nobody in particular."""

    def effect(database: Database) -> Response:
        review.assign(database, caller.organisation_id, conflict_id, given.assignee, actor=caller.actor)
        return _one(caller, database, conflict_id)

    return once(effect)


@router.post("/conflicts/{conflict_id}/note", response_model=ConflictOut, responses=WRITING)
def note_conflict(caller: Reviewer, conflict_id: Id, given: NoteIn, once: OnlyOnce) -> Response:
    """Add a note to a question."""

    def effect(database: Database) -> Response:
        review.note(database, caller.organisation_id, conflict_id, given.note, actor=caller.actor)
        return _one(caller, database, conflict_id)

    return once(effect)


def _one(caller: Caller, database: Database, conflict_id: str) -> Response:
    with database.reading() as tx:
        stored = _found(tx, caller, conflict_id)
        return answer(shown(tx, [stored])[0], version=stored.row["version"])


def _found(tx: Tx, caller: Caller, conflict_id: str) -> StoredConflict:
    stored = conflicts.find(tx, caller.organisation_id, conflict_id)
    if stored is None:
        raise Refusal(404, "There is no question of this id.")
    return stored


def _shown_version(given: ResolveIn, if_match: str | None) -> int | None:
    """The version that was shown; None if the caller decides whatever the question is by now."""
    told = version_of(if_match)
    if given.version is None and if_match is None:
        reason = "say which version was shown, here or as If-Match; If-Match: * decides whatever there is"
        errors = [wrong(reason, "body", "version", kind="missing")]
        raise Refusal(422, "The request cannot be taken.", errors=errors)
    if given.version is not None and told not in (None, given.version):
        errors = [wrong("is another than that of If-Match", "body", "version")]
        raise Refusal(422, "The request cannot be taken.", errors=errors)
    return told if given.version is None else given.version
