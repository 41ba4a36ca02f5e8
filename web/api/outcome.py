"""What became of a question when it was decided, or would become of it."""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue

from sync.core.actions import ConflictKind
from sync.resolve import Outcome
from web.api.types import Id


class OutcomeOut(BaseModel):
    """What became of a question, or would become of it."""

    id: Id
    kind: ConflictKind
    result: str = Field(examples=["resolved"])
    reason: str | None = Field(description="Why it was refused.")
    writes: dict[str, dict[str, list[JsonValue]]] = Field(
        description="Side → field → value before and after.",
        examples=[{"crm": {"email": ["old@acme.example", "billing@acme.example"]}}],
    )


class OneOfManyOut(OutcomeOut):
    """What became of one of many questions, or would become of it."""

    version: int | None = Field(
        default=None, description="Of the question as it was previewed; send it in `versions`."
    )


def outcome_shown(outcome: Outcome) -> OutcomeOut:
    """An outcome as it goes out."""
    return OutcomeOut.model_validate(_members(outcome))


def one_of_many_shown(outcome: Outcome) -> OneOfManyOut:
    """An outcome among others as it goes out."""
    return OneOfManyOut.model_validate({**_members(outcome), "version": outcome.version})


def _members(outcome: Outcome) -> dict[str, object]:
    return {"reason": None, "writes": {}, **outcome.as_json()}
