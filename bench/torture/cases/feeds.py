"""What is listed, in pages, late, or older than what is known already."""

from __future__ import annotations

from bench.torture.cases.stage import Case, Stage, case

KEYS = ("k1", "K2", "k3", "K4", "k5", "K6", "k7")
PREFER_CRM = {"customer_name": {"on_both_changed": "prefer_crm"}}


def _in_pages(stage: Stage) -> None:
    """Many records, all made and edited within one second, in pages smaller than that."""
    stage.together(*KEYS)
    numbers = {key: stage.edit("a", key, "email") for key in KEYS}
    stage.sync()
    for key, number in numbers.items():
        stage.has(key, "email", number)
    stage.rest()


def _changed_while_paging(stage: Stage) -> None:
    """A record moves to the end of the list while it is read, and one that was read changes once more."""
    stage.together(*KEYS)
    for key in KEYS:
        stage.edit("b", key, "phone")
    stage.once("b", "after list_changes", lambda: stage.edit("b", "k3", "name"))
    stage.once("b", "after list_changes", lambda: stage.edit("b", "k1", "name"))
    stage.sync("b", "a")
    stage.sync()
    stage.nothing_asked()
    stage.rest()


def _shown_late(stage: Stage, crm: str) -> None:
    """The index shows an edit minutes after it was made."""
    stage.together("k1", "K2")
    stage.scene.crms[crm].lag = 300.0
    number = stage.edit(crm, "k1", "name")
    stage.scene.crms[crm].lag = 0.0
    stage.edit(crm, "K2", "name")
    stage.sync()
    stage.wait(400.0)
    stage.sync()
    stage.has("k1", "name", number)
    stage.rest()


def _index_behind(stage: Stage, crm: str) -> None:
    """The index still shows the value that our own write has replaced."""
    stage.together("k1")
    stage.edit(crm, "k1", "name")
    stage.sync()
    stage.scene.crms[crm].lag = 300.0
    number = stage.change("k1", "name")
    stage.sync(crm)
    stage.sync(crm, full=True)
    stage.sync()
    stage.has("k1", "name", number)
    stage.nothing_asked()
    stage.rest()


def _older_look(stage: Stage, crm: str) -> None:
    """A push plans what it has read before a pull found a newer value, which somebody here has replaced."""
    stage.together("k1")
    stage.change("k1", "phone")
    found: list[int] = []

    def meanwhile() -> None:
        stage.edit(crm, "k1", "name")
        stage.scene.work(crm)
        found.append(stage.change("k1", "name"))

    stage.once(crm, "after get_many", meanwhile)
    stage.scene.work()
    stage.sync()
    stage.has("k1", "name", found[0])
    stage.rest()


def _keys_by_case(stage: Stage) -> None:
    """Keys that differ in case are doubtful, never joined."""
    stage.together("k1")
    ref = stage.scene.crms["b"].create({"key": "K1", **stage.people.values(("b", "m000002"))})
    stage.sync()
    keys = [str(each.row["external_id"]) for each in stage.scene.living()]
    stage.expect("K1" not in keys, f"{ref} became a customer of its own: {keys}")
    stage.expect(any(row.row["kind"] == "ambiguous_match" for row in stage.scene.queue()), "nobody was asked")


def _two_with_one_key(stage: Stage) -> None:
    """Two records with one key are a question from the first listing on, and neither is written."""
    stage.people.make("b", "k1", lag=0.0)
    stage.people.make("b", "k1", lag=0.0)
    stage.together("k1")
    stage.change("k1", "name")
    stage.sync()
    asked = [row.row["kind"] for row in stage.scene.queue()]
    stage.expect(asked == ["ambiguous_match"], f"two records with one key: {asked}")
    ours = [entry for entry in stage.scene.crms["b"].journal if entry.ours]
    stage.expect(not ours, f"one of them was chosen: {ours}")
    stage.rest()


def _blank_stays(stage: Stage, crm: str) -> None:
    """A blank does not travel."""
    stage.together("k1")
    number = stage.change("k1", "email")
    stage.sync()
    stage.people.write(crm, stage.record(crm, "k1").ref, "email", None)
    stage.sync()
    held = str(stage.customer("k1").value("email"))
    stage.expect(str(number) in held, f"the e-mail address here became {held}")
    stage.rest()


CRMS = ("a", "b")
CASES: tuple[Case, ...] = (
    *case("records of one second in pages of 2", _in_pages, page=2),
    *case("records changed while they are listed", _changed_while_paging, page=1),
    *case("shown late", _shown_late, CRMS),
    *case("index behind", _index_behind, CRMS),
    *case("an older look", _older_look, CRMS, rules=PREFER_CRM),
    *case("keys that differ in case", _keys_by_case),
    *case("two records with one key", _two_with_one_key, unique=False),
    *case("a blank", _blank_stays, CRMS),
)
