"""Somebody, or another worker, at the same record or customer at the worst moment."""

from __future__ import annotations

from bench.torture.cases.feeds import CRMS, PREFER_CRM
from bench.torture.cases.stage import KILL, Case, Stage, case
from bench.torture.choices import decide_row
from connectors.port import Presence

ANSWERS = ("", "lost_answer", KILL)
LONG = 130.0  # seconds: longer than a lease


def _edited_before_the_write(stage: Stage, crm: str, field: str, answer: str) -> None:
    """Between our look at a record and our write somebody edits it; and the answer may not come."""
    stage.together("k1", "K2")
    number = stage.change("k1", "name")
    stage.once(crm, "writing", lambda: stage.edit(crm, "k1", field))
    if answer == KILL:
        stage.once(crm, "written", KILL)
    elif answer:
        stage.once(crm, "answer", answer)
    stage.sync()
    if field != "name":
        stage.has("k1", "name", number)
        stage.nothing_asked()
    stage.rest()


def _touched_before_the_write(stage: Stage, crm: str) -> None:
    """The same, in a field that is not ours: a new version of the record, and nothing else."""
    stage.together("k1", "K2")
    number = stage.change("k1", "name")
    ref = stage.record(crm, "k1").ref
    stage.once(crm, "writing", lambda: stage.people.touch(crm, ref))
    stage.sync()
    stage.has("k1", "name", number)
    stage.nothing_asked()
    stage.rest()


def _edited_after_the_write(stage: Stage, crm: str) -> None:
    """Somebody edits the record after our write, and before we read what the CRM has stored."""
    stage.together("k1", "K2")
    stage.change("k1", "name")
    found: list[int] = []
    stage.once(crm, "landing", lambda: found.append(stage.edit(crm, "k1", "name")))
    stage.sync(crm, "a", "b", "a")
    stage.has("k1", "name", found[0])
    stage.nothing_asked()
    stage.rest()


def _edited_here_meanwhile(stage: Stage, crm: str, moment: str) -> None:
    """An edit here while an earlier one is being written."""
    stage.together("k1", "K2")
    stage.change("k1", "name")
    _change_arrives(stage, crm, moment)


def _change_arrives(stage: Stage, crm: str, moment: str) -> None:
    """A change made here at this moment of a sync arrives in both CRMs, and nobody is asked."""
    found: list[int] = []
    stage.once(crm, moment, lambda: found.append(stage.change("k1", "name")))
    stage.sync(crm, "a", "b", "a")
    stage.has("k1", "name", found[0])
    stage.nothing_asked()
    stage.rest()


def _edited_while_created(stage: Stage, crm: str, moment: str) -> None:
    """An edit here while the customer is being made in a CRM."""
    stage.together("K2")
    stage.people.add("k1")
    _change_arrives(stage, crm, moment)


def _made_by_another(stage: Stage, crm: str, moment: str) -> None:
    """Somebody makes a record with the same key just before we do."""
    stage.together("K2")
    stage.people.add("k1")
    stage.once(crm, moment, lambda: stage.people.make(crm, "k1"))
    stage.sync()
    stage.rest()


def _made_there_unseen(stage: Stage) -> None:
    """The CRM has the record already, and its index does not show it yet."""
    stage.together("K2")
    stage.people.add("k1")
    stage.people.make("b", "k1", lag=300.0)
    stage.sync()
    stage.expect(len(stage.refs("b", Presence.LIVE)) == 2, "a second record was made with its key")
    stage.rest()


def _looked_at_while_written(stage: Stage, crm: str, field: str) -> None:
    """Another worker lists the CRM while our write is under way, and there is a newer edit here."""
    stage.together("k1")
    stage.change("k1", field)
    found: list[int] = []

    def beside() -> None:
        found.append(stage.change("k1", field))
        stage.scene.work(crm)

    stage.once(crm, "written", beside)
    stage.scene.work()
    stage.sync()
    stage.has("k1", field, found[0])
    stage.nothing_asked()
    stage.rest()


def _lease_lost(stage: Stage, crm: str, moment: str) -> None:
    """A worker sleeps longer than its lease; another one takes over, does its work, and then it wakes."""
    stage.together("k1", "K2", "k3")
    numbers = {key: stage.change(key, "name") for key in ("k1", "K2", "k3")}
    stage.people.add("K4")

    def asleep() -> None:
        stage.wait(LONG)
        stage.scene.work(crm)

    stage.once(crm, moment, asleep)
    stage.sync(crm)
    stage.sync()
    for key, number in numbers.items():
        stage.has(key, "name", number)
    stage.nothing_asked()
    stage.rest()


def _woken_between_writes(stage: Stage, crm: str) -> None:
    """The same between two writes, and meanwhile all is newer than what it has yet to write."""
    stage.together("k1", "K2", "k3")
    numbers = {key: stage.change(key, "name") for key in ("k1", "K2", "k3")}

    def asleep() -> None:
        stage.wait(LONG)
        numbers.update({key: stage.change(key, "name") for key in numbers})
        stage.scene.work(crm)

    stage.once(crm, "after write_one", asleep)
    stage.sync(crm)
    stage.sync()
    for key, number in numbers.items():
        stage.has(key, "name", number)
    stage.rest()


def _writing_while_another_settles(stage: Stage, crm: str) -> None:
    """Another worker begins while ours is writing under a lease that stands: the intents are not its own."""
    stage.together("k1", "K2")
    numbers = {key: stage.change(key, "name") for key in ("k1", "K2")}
    stage.once(crm, "writing", lambda: stage.scene.work(crm))
    stage.once(crm, "written", lambda: stage.scene.work(crm, kind="full"))
    stage.scene.work()
    stage.sync()
    for key, number in numbers.items():
        stage.has(key, "name", number)
    stage.nothing_asked()
    stage.rest()


def _dead_after_another_looked(stage: Stage) -> None:
    """Another worker begins while ours is writing; ours overwrites an edit, and dies before it could look."""
    stage.together("k1", "K2")
    stage.change("k1", "name")

    def meanwhile() -> None:
        stage.scene.work("b")
        stage.edit("b", "k1", "name")

    stage.once("b", "writing", meanwhile)
    stage.once("b", "written", KILL)
    stage.scene.work()
    stage.wait(LONG)
    stage.sync("b", "a", "b")
    stage.rest()


def _respelled(stage: Stage, crm: str) -> None:
    """The CRM respells a value, and somebody here changes it."""
    stage.together("k1")
    before = stage.change("k1", "phone")
    stage.sync()
    ref = stage.record(crm, "k1").ref
    stage.scene.crms[crm].edit(ref, {"phone": f"+1-217-555-{before:04d}"})
    number = stage.change("k1", "phone")
    stage.sync()
    stage.nothing_asked()
    stage.has("k1", "phone", number)
    stage.rest()


def _decided_late(stage: Stage) -> None:
    """A decision on what the queue showed a while ago is refused."""
    stage.together("k1")
    stage.edit("a", "k1", "name")
    stage.change("k1", "name")
    stage.sync("a")
    (shown,) = stage.scene.queue()
    stage.edit("a", "k1", "name")
    stage.sync("a")
    said = decide_row(stage.people, shown)
    stage.expect("Conflicted" in said, f"a decision on what was shown before was taken: {said}")
    stage.rest()


CASES: tuple[Case, ...] = (
    *case(
        "edited before our write",
        _edited_before_the_write,
        CRMS,
        ("name", "phone"),
        ("", "lost_answer", KILL),
    ),
    *case("touched before our write", _touched_before_the_write, CRMS),
    *case("edited after our write", _edited_after_the_write, CRMS),
    *case("edited here meanwhile", _edited_here_meanwhile, CRMS, ("writing", "written")),
    *case("edited while created", _edited_while_created, CRMS, ("before write", "written")),
    *case("made by another", _made_by_another, CRMS, ("before find", "writing")),
    *case("made there, not shown yet", _made_there_unseen, unique=False),
    *case("looked at while written", _looked_at_while_written, CRMS, ("name",), rules=PREFER_CRM),
    *case(
        "lease lost", _lease_lost, CRMS, ("before write", "after write_one", "after list_changes"), write=1
    ),
    *case("woken between writes", _woken_between_writes, CRMS, write=1),
    *case("another settles", _writing_while_another_settles, CRMS),
    *case("dead after another looked", _dead_after_another_looked),
    *case("respelled", _respelled, CRMS),
    *case("decided late", _decided_late),
)
