"""What becomes of a write when its answer does not come, or says nothing."""

from __future__ import annotations

from bench.torture.cases.feeds import CRMS
from bench.torture.cases.stage import KILL, Case, Stage, case

ANSWERS = ("unavailable", "lost_answer", "lost_request", "cut", "unread", KILL)
THEN = ("", "there", "here")


def _spoil(stage: Stage, crm: str, answer: str) -> None:
    stage.once(crm, "written", KILL) if answer == KILL else stage.once(crm, "answer", answer)


def _update(stage: Stage, crm: str, answer: str, then: str) -> None:
    """An update of unknown outcome, and somebody edits the record or the customer before it is settled.

    The CRM's index shows for a while what was before the update.
    """
    stage.together("k1", "K2")
    stage.scene.crms[crm].lag = 300.0
    number = stage.change("k1", "name")
    _spoil(stage, crm, answer)
    stage.sync(crm)
    version = stage.customer("k1").row["version"]
    if then == "there":
        number = stage.edit(crm, "k1", "phone")
    elif then == "here":
        number = stage.change("k1", "phone")
    stage.sync()
    stage.wait(400.0)
    stage.sync()
    stage.has("k1", "phone" if then else "name", number)
    flips = stage.customer("k1").row["version"] - version - bool(then)
    stage.expect(flips == 0, f"it was changed {flips} times more than somebody changed it")
    stage.nothing_asked()
    stage.rest()


def _create(stage: Stage, crm: str, answer: str, then: str) -> None:
    """The same with a creation; the CRM's index may be behind."""
    stage.together("K2")
    stage.people.add("k1")
    _spoil(stage, crm, answer)
    stage.scene.crms[crm].lag = 30.0
    stage.sync(crm)
    if then == "here":
        stage.change("k1", "name")
    elif then == "there" and any(each.values.get("key") == "k1" for each in stage.scene.crms[crm].live()):
        stage.edit(crm, "k1", "phone")
    stage.sync()
    stage.nothing_asked()
    stage.rest()


CASES: tuple[Case, ...] = (
    *case("update", _update, CRMS, ANSWERS, THEN),
    *case("create", _create, CRMS, ANSWERS, THEN),
    *case("create without a unique key", _create, ("b",), ANSWERS, THEN, unique=False),
)
